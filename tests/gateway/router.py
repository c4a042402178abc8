"""A federation router in front of the gateway's subgraphs, as tests need one."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx

from chassis.caller import Caller
from gateway.app import Gateway
from gateway.context import Context
from gateway.settings import GatewaySettings
from tests import tokens

if TYPE_CHECKING:
    from tests.gateway.conftest import World

ROUTER_SECRET = "a secret of the router and the gateway"


class Watched(Gateway):
    """The gateway itself, which keeps what each operation was given."""

    def __init__(self, settings: GatewaySettings) -> None:
        super().__init__(settings)
        self.contexts: list[Context] = []

    def prepare(self, context: Context) -> None:
        self.contexts.append(context)
        super().prepare(context)


@dataclass
class Router:
    """A router in front of the gateway: it has the secret, and hands on its viewer's token."""

    world: "World"
    gateway: Watched
    client: httpx.AsyncClient

    async def post(self, subgraph: str, query: str, viewer: Caller | None = None, **variables: Any) -> httpx.Response:
        headers = {"router-secret": ROUTER_SECRET}
        if viewer is not None:
            headers["authorization"] = f"Bearer {tokens.token_for(viewer)}"
        body = {"query": query, "variables": variables}
        return await self.client.post(f"/subgraphs/{subgraph}", json=body, headers=headers)

    async def ask(self, subgraph: str, query: str, viewer: Caller | None = None, **variables: Any) -> dict[str, Any]:
        body: dict[str, Any] = (await self.post(subgraph, query, viewer, **variables)).json()
        return body

    @property
    def calls(self) -> list[str]:
        """The RPCs of the last operation."""
        return self.gateway.contexts[-1].calls

    async def customers(self, count: int) -> list[str]:
        await self.world.import_enquiries(count)
        data = await self.world.data("{ customers(first: 50) { edges { node { id } } } }")
        return [edge["node"]["id"] for edge in data["customers"]["edges"]]
