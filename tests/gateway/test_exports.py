"""What a running system holds, as rows: all of it, over page borders, of those that whoever asks may see."""

import asyncio
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime

import pytest

from chassis.caller import Caller
from cli import record_exporting
from cli.graph import Graph, GraphError
from tests import tokens
from tests.callers import partner
from tests.gateway.conftest import World

RECORD = """mutation($input: RecordInteractionInput!) { recordInteraction(input: $input) { interaction { id } } }"""


async def exported(world: World, kind: str, caller: Caller | None = None) -> list[Mapping[str, object]]:
    graph = Graph(str(world.client.base_url), tokens.token_for(caller) if caller else None)
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
