"""Domain events over WebSocket: what is written is heard, also by who comes back, and by nobody else."""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from chassis.background import working
from chassis.channel import open_channel
from chassis.mongo import Database
from chassis.page import encode_cursor
from chassis.server import running_server
from gateway.app import Gateway
from gateway.settings import GatewaySettings
from services.customers.wiring import CustomersService
from tests import tokens
from tests.callers import partner
from tests.conftest import free_port
from tests.gateway.conftest import _listening
from tests.gateway.test_websocket import Client, opened

CHANGED = """subscription($customer: ID!, $after: String) { customerChanged(id: $customer, after: $after) {
  id displayName consents { channel status } } }"""
LOOK = "{ touchpoints(first: 1) { edges { cursor } } }"
RECORDED = """subscription($customer: ID, $touchpoint: ID, $after: String) {
  interactionRecorded(customerId: $customer, touchpointId: $touchpoint, after: $after) {
    summary customer { displayName } touchpoint { name } } }"""


@asynccontextmanager
async def customers_at(address: str, database: Database) -> AsyncIterator[None]:
    """The customers process, as far as it concerns who watches."""
    service = CustomersService(database)
    await service.ready.ensure_indexes()
    serving = running_server(
        address, service.register, rights=service.rights, authenticator=tokens.authenticator(), grace=0.1
    )
    async with serving, open_channel(address) as channel:
        [relay] = [relay for relay in service.relays(channel, channel) if relay.destination == "stream"]
        async with working(relay.run(), service._tail.changes.run()):
            yield


@dataclass
class Reachable:
    """A gateway before a customers process that comes and goes."""

    client: httpx.AsyncClient
    address: str
    database: Database

    def customers(self) -> Any:
        return customers_at(self.address, self.database)

    async def back(self) -> None:
        """The gateway has found the process again."""
        end = time.monotonic() + 30
        while "errors" in (said := (await self.client.post("/graphql", json={"query": LOOK})).json()):
            assert time.monotonic() < end, said
            await asyncio.sleep(0.05)

    async def made(self, name: str, selected: str, /, **input: Any) -> Any:
        type = name[0].upper() + name[1:]
        query = f"mutation($input: {type}Input!) {{ {name}(input: $input) {{ {selected} userErrors {{ message }} }} }}"
        answer = await self.client.post("/graphql", json={"query": query, "variables": {"input": input}})
        payload = answer.json()["data"][name]
        assert payload["userErrors"] == [], payload
        return payload

    async def customer(self, name: str, source: str = "shop") -> str:
        fields = {"kind": "PERSON", "displayName": name, "externalId": {"source": source, "id": name}}
        return str((await self.made("createCustomer", "customer { id }", **fields))["customer"]["id"])

    async def contact(self, summary: str, **fields: Any) -> None:
        said = {"direction": "INBOUND", "kind": "VISIT", "occurredAt": "2026-03-02T09:00:00Z", "summary": summary}
        await self.made("recordInteraction", "interaction { id }", **{**said, **fields})


@pytest.fixture
async def reachable(database: Database) -> AsyncIterator[Reachable]:
    address = f"127.0.0.1:{free_port()}"
    nobody = f"127.0.0.1:{free_port()}"
    settings = GatewaySettings(
        **tokens.SETTINGS, customers_address=address, feedback_address=nobody, metrics_address=nobody
    )
    async with AsyncExitStack() as stack:
        port = await stack.enter_async_context(_listening(Gateway(settings)))
        client = await stack.enter_async_context(httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30))
        yield Reachable(client, address, database)


async def begun(client: Client, id: str, query: str, **variables: Any) -> str:
    """Subscribe from now on; the cursor with which it begins."""
    await client.subscribe(id, query, **variables)
    while (said := await client.received())["payload"]["id"] != id:
        assert said["type"] == "ping", said
    return str(said["payload"]["cursor"])


async def heard(client: Client, *ids: str) -> tuple[dict[str, Any], dict[str, str]]:
    """The next of each of these operations, and their cursors."""
    found: dict[str, Any] = {}
    cursors: dict[str, str] = {}
    while set(found) != set(ids):
        said = await client.received()
        if said["type"] == "ping":
            continue  # of an operation that was quiet for a while
        assert said["type"] == "next", said
        assert said["id"] in set(ids) - set(found), said
        (found[said["id"]],) = said["payload"]["data"].values()
        cursors[said["id"]] = said["payload"]["extensions"]["cursor"]
    return found, cursors


async def test_nothing_is_missed_and_nothing_comes_twice_over_a_restart_of_the_service(reachable: Reachable) -> None:
    async with opened(reachable) as client:
        async with reachable.customers():
            ada = await reachable.customer("Ada")
            place = {"key": "form", "name": "Form", "channel": "WEB_FORM", "nature": "DIGITAL", "control": "OWNED"}
            form = (await reachable.made("createTouchpoint", "touchpoint { id }", **place))["touchpoint"]["id"]
            await begun(client, "c", CHANGED, customer=ada)
            await begun(client, "all", RECORDED)
            await begun(client, "there", RECORDED, customer=ada, touchpoint=form)
            for name in ("Ada L.", "Ada Lovelace"):
                await reachable.made("updateCustomer", "customer { id }", id=ada, displayName=name)
                found, cursors = await heard(client, "c")
                assert found["c"] == {"id": ada, "displayName": name, "consents": []}, "nothing is as it was before"
            await reachable.contact("elsewhere", customer=ada)
            assert (await heard(client, "all"))[0]["all"]["touchpoint"] is None
            await reachable.contact("at the form", customer=ada, touchpoint=form)
            found, also = await heard(client, "all", "there")
            said = {
                "summary": "at the form",
                "customer": {"displayName": "Ada Lovelace"},
                "touchpoint": {"name": "Form"},
            }
            assert found == {"all": said, "there": said}
        for _ in range(3):
            broken = await client.received()
            assert broken["type"] == "error", broken
            assert broken["payload"][0]["extensions"]["code"] == "SERVICE_UNAVAILABLE"
            assert broken["payload"][0]["extensions"]["retryable"]
        async with reachable.customers():
            await reachable.back()
            agreed: dict[str, Any] = {"channel": "EMAIL", "purpose": "MARKETING", "wordingVersion": "1"}
            await reachable.made("recordConsent", "consentRecord { id }", customer=ada, **agreed)
            await reachable.contact("while nobody listened", customer=ada, touchpoint=form)
            await client.subscribe("c", CHANGED, customer=ada, after=cursors["c"])
            found, _ = await heard(client, "c")
            assert found["c"]["consents"] == [{"channel": "EMAIL", "status": "GRANTED"}]
            await client.subscribe("all", RECORDED, after=also["all"])
            await client.subscribe("there", RECORDED, touchpoint=form, after=also["there"])
            found, _ = await heard(client, "all", "there")
            assert {one["summary"] for one in found.values()} == {"while nobody listened"}
            await client.send("complete", id="all")
            await client.send("complete", id="there")
            await client.send("ping")
            assert (await client.received())["type"] == "pong", "that was all"


async def test_a_partner_hears_of_its_own(reachable: Reachable) -> None:
    async with reachable.customers():
        ada, ben = await reachable.customer("Ada"), await reachable.customer("Ben", "fair")
        token = tokens.token_for(partner("shop"))
        async with opened(reachable, payload={"authorization": f"Bearer {token}"}) as client:
            await begun(client, "all", RECORDED)
            await begun(client, "c", CHANGED, customer=ada)
            await client.subscribe("hidden", CHANGED, customer=ben)
            assert (await client.received())["payload"][0]["extensions"]["code"] == "NOT_FOUND"
            await reachable.made("updateCustomer", "customer { id }", id=ada, displayName="Said by the company")
            await reachable.contact("of the fair", customer=ben, source="fair")
            await reachable.contact("of the company", customer=ada)
            await reachable.contact("of the shop", customer=ada, source="shop")
            assert (await heard(client, "all"))[0]["all"]["summary"] == "of the shop"


async def test_a_cursor_that_leads_nowhere_is_told_by_its_code(reachable: Reachable) -> None:
    async with reachable.customers(), opened(reachable) as client:
        ada = await reachable.customer(secrets.token_hex(3))
        for id, after, code in (
            ("1", encode_cursor((99,)), "CURSOR_EXPIRED"),
            ("2", "nonsense", "BAD_USER_INPUT"),
        ):
            await client.subscribe(id, CHANGED, customer=ada, after=after)
            said = await client.received()
            assert (said["id"], said["type"]) == (id, "error"), said
            assert said["payload"][0]["extensions"]["code"] == code
