"""What rights cost: the unified view of a customer with all checks, against the same processes without any.

    python -m bench.rights                 # writes bench/results/<date>-rights.json

All services and two gateways run in this process over one database. One gateway talks to servers that know no rights,
and its client sends no token; the other to servers as they are run, and its clients send tokens. Rounds of the same
question alternate, and what counts is the processor time of this process, so that MongoDB's own share is left out.
"""

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx

from bench import report
from chassis.caller import Caller
from chassis.channel import open_channel
from chassis.mongo import open_database
from chassis.server import running_server
from cli.mongod import running_mongod
from cli.system import free_port
from gateway.app import Gateway
from gateway.rights import TABLE
from gateway.settings import GatewaySettings
from services.customers.wiring import CustomersService
from services.feedback.enquiry.references import FILES
from services.feedback.wiring import FeedbackService
from services.metrics.wiring import MetricsService
from tests import tokens
from tests.gateway.conftest import World, _listening

ROUNDS, PER_ROUND = 120, 20
MOST = 1.05
VIEW = """
query($id: ID!) {
  customer(id: $id) {
    id kind displayName givenName familyName locale version createdAt updatedAt externalIds { source id } ADDRESSES
    owner { displayName }
    interactions(first: 20) { edges { node { kind direction occurredAt summary touchpoint { name } } } }
    enquiries(first: 10) { edges { node { subject status openedAt waits { kind seconds ended } } } }
    kpis(keys: ["first_response_time", "next_response_time", "enquiries"]) { n value }
  } }"""
ADDRESSES = "emails phones addresses { city }"
_READ = frozenset(scope.name for scope in TABLE.scopes.values() if scope.name.endswith(":read"))


async def _worlds(stack: AsyncExitStack, uri: str) -> tuple[World, World]:
    """The same services behind servers without and with rights."""
    names = ("customers", "feedback", "metrics")
    databases = {name: await stack.enter_async_context(open_database(uri, name)) for name in names}
    metrics, customers = MetricsService(databases["metrics"]), CustomersService(databases["customers"])
    guarded: dict[str, str] = {}
    bare: dict[str, str] = {}

    async def serve(name: str, service: Any) -> None:
        await service.ready.ensure_indexes()
        for addresses, rights in ((guarded, service.rights), (bare, None)):
            server = running_server(
                "127.0.0.1:0", service.register, rights=rights, authenticator=tokens.authenticator(), grace=0.1
            )
            addresses[name] = f"127.0.0.1:{(await stack.enter_async_context(server)).port}"

    async def channel(name: str, process: str) -> Any:
        return await stack.enter_async_context(open_channel(guarded[name], FILES, process=process))

    await serve("customers", customers)
    await serve("metrics", metrics)
    feedback = FeedbackService(
        databases["feedback"], await channel("customers", "feedback"), await channel("metrics", "feedback")
    )
    await serve("feedback", feedback)
    await stack.enter_async_context(metrics.folding())
    await stack.enter_async_context(feedback.relaying())

    async def world(addresses: Mapping[str, str]) -> World:
        settings = GatewaySettings(
            issuer=tokens.ISSUER,
            jwks=str(tokens.JWKS),
            customers_address=addresses["customers"],
            feedback_address=addresses["feedback"],
            metrics_address=addresses["metrics"],
        )
        gateway = Gateway(settings)
        port = await stack.enter_async_context(_listening(gateway))
        client = httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30)
        return World(gateway, await stack.enter_async_context(client), dict(addresses), metrics)

    return await world(bare), await world(guarded)


async def _processor_milliseconds(client: httpx.AsyncClient, body: Any, headers: Mapping[str, str]) -> float:
    """Of one question, the client's own work included: it is the same on both sides."""
    began = time.process_time()
    for _ in range(PER_ROUND):
        response = await client.post("/graphql", json=body, headers=dict(headers))
    spent = time.process_time() - began
    answer = response.json()
    if "errors" in answer or answer["data"]["customer"] is None:
        raise SystemExit(str(answer))
    return spent / PER_ROUND * 1000


async def measure(uri: str) -> dict[str, Any]:
    async with AsyncExitStack() as stack:
        bare, guarded = await _worlds(stack, uri)
        await bare.import_enquiries(20)
        query = "{ customers(first: 1) { edges { node { id } } } }"
        id = (await bare.data(query))["customers"]["edges"][0]["node"]["id"]
        everything, read = VIEW.replace("ADDRESSES", ADDRESSES), VIEW.replace("ADDRESSES", "")
        cases = {
            "with a token that may see all": (Caller("a", _READ | {"customers:personal"}), everything, everything),
            "with a token that may not see addresses": (Caller("b", _READ), read, read),
        }
        figures: dict[str, Any] = {}
        for name, (caller, asked_bare, asked) in cases.items():
            headers = {"authorization": f"Bearer {tokens.token_for(caller)}"}
            sides: tuple[tuple[httpx.AsyncClient, Any, dict[str, str]], ...] = (
                (bare.client, {"query": asked_bare, "variables": {"id": id}}, {}),
                (guarded.client, {"query": asked, "variables": {"id": id}}, headers),
            )
            spent: tuple[list[float], list[float]] = ([], [])
            for number in range(ROUNDS + 5):
                for place, side in enumerate(sides if number % 2 else sides[::-1]):
                    which = place if number % 2 else 1 - place
                    milliseconds = await _processor_milliseconds(*side)
                    if number >= 5:
                        spent[which].append(milliseconds)
            ratios = [with_rights / without for without, with_rights in zip(*spent, strict=True)]
            figures[name] = {
                "without_rights_ms": round(statistics.median(spent[0]), 3),
                "with_rights_ms": round(statistics.median(spent[1]), 3),
                "ratio": round(statistics.median(ratios), 4),
                "ratio_quartiles": [round(cut, 4) for cut in statistics.quantiles(ratios, n=4)],
            }
    return {"rounds": ROUNDS, "requests_per_round": PER_ROUND, "processor_time_per_request": figures}


def main() -> int:
    with tempfile.TemporaryDirectory() as folder, running_mongod(Path(folder), free_port()) as mongod:
        result = asyncio.run(measure(mongod.uri))
    report.write("rights", "python -m bench.rights", result)
    worst = max(case["ratio"] for case in result["processor_time_per_request"].values())
    return int(worst > MOST)


if __name__ == "__main__":
    sys.exit(main())
