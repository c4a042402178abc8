"""What a running system holds, as rows: all of it, over page borders, of those that whoever asks may see."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from chassis.caller import Caller
from chassis.server import running_server
from cli import record_exporting
from cli.exporting import Writer
from cli.graph import Graph, GraphError
from cli.importing import RejectedFile
from cli.mapping import read
from cli.record_importing import import_rows, row_batches
from cli.record_rows import KINDS
from cli.rows import open_rows
from gateway.app import Gateway
from services.customers.wiring import CustomersService
from tests import tokens
from tests.callers import partner
from tests.databases import Databases
from tests.gateway.conftest import World, _listening
from tests.gateway.test_offers import made

RECORD = """mutation($input: RecordInteractionInput!) { recordInteraction(input: $input) { interaction { id } } }"""


async def exported(
    world: World, kind: str, caller: Caller | None = None, url: str | None = None
) -> list[Mapping[str, object]]:
    graph = Graph(url or str(world.client.base_url), tokens.token_for(caller) if caller else None)
    with closing(graph):
        return await asyncio.to_thread(lambda: list(record_exporting.EXPORTS[kind](graph)))


async def test_all_records_come_out_over_page_borders(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record_exporting, "_PAGE", 2)
    create = """mutation($input: CreateCustomerInput!) { createCustomer(input: $input) { customer { id } } }"""
    ids = []
    for number, source in enumerate(("shop", "shop", "fair", "fair", "fair")):
        said = {"kind": "PERSON", "displayName": f"No {number}", "emails": [f"{number}@example.org"]}
        key = {"source": source, "id": str(number)}
        made = await world.data(create, input=said | {"phones": [f"+493012345{number}"], "externalId": key})
        ids.append(made["createCustomer"]["customer"]["id"])
    rows = await exported(world, "customers")
    assert [row["id"] for row in rows] == ids
    assert (rows[4]["emails"], rows[4]["phones"], rows[4]["externalIds"]) == ("4@example.org", "+4930123454", "fair:4")
    assert [row["id"] for row in await exported(world, "customers", partner("shop"))] == ids[:2]
    with pytest.raises(GraphError, match="customers:personal"):
        await exported(world, "customers", Caller("reader", frozenset({"customers:read", "employees:read"})))

    fact = {"direction": "INBOUND", "kind": "VISIT", "occurredAt": datetime.now(UTC).isoformat(), "source": "shop"}
    for id in (ids[0], ids[0], ids[0], ids[3]):
        await world.data(RECORD, input=fact | {"customer": id})
    assert [row["customer"] for row in await exported(world, "interactions")] == [ids[0]] * 3 + [ids[3]]


async def test_what_was_spent_comes_out_with_its_campaign(world: World) -> None:
    place = """mutation($input: CreateTouchpointInput!) { createTouchpoint(input: $input) { touchpoint { id } } }"""
    said = {"key": "fair", "name": "Fair", "channel": "TRADE_FAIR", "nature": "PHYSICAL", "control": "OWNED"}
    touchpoint = (await world.data(place, input=said))["createTouchpoint"]["touchpoint"]["id"]
    plan = """mutation($input: CreateCampaignInput!) { createCampaign(input: $input) { campaign { id } } }"""
    said = {"name": "Spring", "objective": "o", "startsOn": "2026-01-01", "endsOn": "2026-01-31"}
    asked = said | {"budget": {"amount": "10", "currency": "EUR"}, "touchpoints": [touchpoint]}
    campaign = (await world.data(plan, input=asked))["createCampaign"]["campaign"]["id"]
    spend = """mutation($input: RecordSpendInput!) { recordSpend(input: $input) { spend { id } } }"""
    amount = {"amount": "5.50", "currency": "EUR"}
    await world.data(
        spend, input={"campaign": campaign, "touchpoint": touchpoint, "amount": amount, "day": "2026-01-02"}
    )
    (row,) = await exported(world, "spend")
    assert (row["campaign"], row["touchpoint"], row["amount"], row["currency"]) == ("Spring", "fair", "5.50", "EUR")
    assert [row["key"] for row in await exported(world, "touchpoints")] == ["fair"]


@asynccontextmanager
async def elsewhere(world: World, databases: Databases) -> AsyncIterator[tuple[str, str]]:
    """Another deployment, as empty as on its first day: where its customers and its graph answer."""
    async with AsyncExitStack() as stack:
        service = CustomersService(await stack.enter_async_context(databases.lent("customers")))
        await service.ready.ensure_indexes()
        server = await stack.enter_async_context(
            running_server(
                "127.0.0.1:0",
                service.register,
                rights=service.rights,
                authenticator=tokens.authenticator(),
                grace=0.1,
            )
        )
        address = f"127.0.0.1:{server.port}"
        gateway = Gateway(world.gateway._settings.model_copy(update={"customers_address": address}))
        port = await stack.enter_async_context(_listening(gateway))
        yield address, f"http://127.0.0.1:{port}"


_MAPPINGS = {
    "touchpoints": """
key = "key"
name = "name"
channel = "channel"
nature = "nature"
control = "control"
""",
    "customers": """
source = "before"
external_id = "id"
kind = "kind"
display_name = "displayName"
emails = ["emails"]
phones = ["phones"]
""",
    "interactions": """
source = "before"
external_id = "id"
customer = "customer"
touchpoint = "touchpoint"
direction = "direction"
kind = "kind"
occurred_at = {column = "occurredAt"}
summary = "summary"
""",
    "opportunities": """
source = "before"
external_id = "id"
customer = "customer"
title = "title"
stage = "stage"
amount = "amount"
currency = "currency"
probability = "probability"
closes_on = "closesOn"
opened_at = {column = "openedAt"}
stage_since = {column = "stageSince"}
loss_reason = "lossReason"
""",
}
# What each deployment says for itself.
_OWN = ("id", "customer", "source", "externalId", "externalIds", "version", "createdAt", "updatedAt", "owner")


async def test_what_one_deployment_exports_another_imports_as_it_was(
    world: World, databases: Databases, tmp_path: Path
) -> None:
    place = {"key": "fair", "name": "=Fair", "channel": "TRADE_FAIR", "nature": "PHYSICAL", "control": "OWNED"}
    touchpoint = (await made(world, "createTouchpoint", "touchpoint { id }", **place))["touchpoint"]["id"]
    for day, name in ((1, "Ann"), (2, "Ben")):
        person = {"kind": "PERSON", "displayName": name, "phones": ["+4930123456"], "emails": [f"{name}@example.org"]}
        id = (await made(world, "createCustomer", "customer { id }", **person))["customer"]["id"]
        fact = {"customer": id, "direction": "OUTBOUND", "kind": "CALL", "occurredAt": "2026-01-02T03:04:05.678Z"}
        await made(world, "recordInteraction", "interaction { id }", **fact, touchpoint=touchpoint, summary="a, b\nc")
        chance = {"customer": id, "title": f"Pump for {name}", "openedAt": f"2026-01-0{day}T00:00:00Z"}
        fresh = await made(
            world,
            "createOpportunity",
            "opportunity { id version }",
            **chance,
            amount={"amount": "1200.50", "currency": "EUR"},
            probability=0.35,
            closesOn="2027-01-31",
        )
        if name == "Ben":
            moved = {"id": fresh["opportunity"]["id"], "version": 1, "stage": "CLOSED_LOST", "lossReason": "too dear"}
            await made(world, "moveOpportunity", "opportunity { id }", **moved)
    async with elsewhere(world, databases) as (address, url):
        for kind, mapping in _MAPPINGS.items():
            with (tmp_path / f"{kind}.csv").open("w", newline="") as file:
                write = Writer(file, "csv")
                before = await exported(world, kind)
                for row in before:
                    write(row)
            (tmp_path / f"{kind}.toml").write_text(mapping)
            described = read(KINDS[kind].mapping, tmp_path / f"{kind}.toml")
            for _ in range(2):
                with open_rows(tmp_path / f"{kind}.csv") as rows:
                    counts = await import_rows(
                        address,
                        row_batches(rows, KINDS[kind], described, 100),
                        RejectedFile(tmp_path / "rejected.csv"),
                        token=tokens.token_for(Caller("importer", frozenset({"import"}))),
                        progress=lambda counts, position: None,
                    )
            assert (counts.unchanged, counts.rejected) == (len(before), 0), kind
            assert len(before) == (1 if kind == "touchpoints" else 2)
            after = await exported(world, kind, url=url)
            assert [_same(row) for row in after] == [_same(row) for row in before], kind


def _same(row: Mapping[str, object]) -> Mapping[str, object]:
    return {name: value for name, value in row.items() if name not in _OWN}
