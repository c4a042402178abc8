"""Opportunities in the graph: opened, moved, won, and found again in figures of their campaign and their month."""

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.gateway.conftest import World
from tests.gateway.test_campaigns import TODAY, made, planned

_MADE = (
    "opportunity { id version stage probability amount { amount currency } closesOn offer { key } campaign { name } }"
)
_SEEN = """query($id: ID!, $filter: OpportunityFilter!) {
  node(id: $id) { ... on Opportunity { title stage closedAt lossReason history { stage at } owner { displayName }
    customer { displayName opportunities(first: 5) { edges { node { id title } } } } } }
  opportunities(first: 5, filter: $filter, orderBy: CLOSES_ON_ASC) { edges { node { title } } } }"""
_FIGURES = """query($id: ID!, $future: PeriodInput!, $past: PeriodInput!) {
  weighted: kpi(key: "pipeline_weighted") { series(period: $future, granularity: YEAR) { result { value } }
    breakdown(period: $future, by: ["opportunity_stage"]) { key { value } result { value } } }
  pipeline: kpi(key: "pipeline") { result(period: $future) { value } }
  won: kpi(key: "win_rate") { result(period: $past) { n value } }
  cycle: kpi(key: "sales_cycle") { result(period: $past) { n value } }
  node(id: $id) { ... on Campaign { results { opportunitiesWon revenue { amount } returnOnSpend } } } }"""


def period(start: datetime, days: int) -> dict[str, str]:
    return {"start": start.isoformat(), "end": (start + timedelta(days=days)).isoformat()}


async def opened(world: World, title: str, **fields: Any) -> dict[str, Any]:
    payload = await made(world, "createOpportunity", _MADE, title=title, **fields)
    assert payload["userErrors"] == [], payload
    found: dict[str, Any] = payload["opportunity"]
    return found


async def test_from_opening_to_the_figures_of_its_campaign_and_its_month(world: World) -> None:
    _, campaign = await planned(world)
    customer = (
        await made(
            world, "createCustomer", "customer { id }", kind="PERSON", displayName="Ada", emails=["ada@example.org"]
        )
    )["customer"]["id"]
    employee = (await made(world, "createEmployee", "employee { id }", displayName="Ann", team="sales"))["employee"][
        "id"
    ]
    offer = (await made(world, "defineOffer", "offer { id }", key="care", title="Care", purpose="SERVICE"))["offer"][
        "id"
    ]
    now = datetime.now(UTC)
    day = (TODAY + timedelta(days=20)).isoformat()
    amount = {"amount": "1000", "currency": "EUR"}
    given = {"customer": customer, "amount": amount, "campaign": campaign, "owner": employee}
    first = await opened(
        world, "pumps", **given, offer=offer, closesOn=day, openedAt=(now - timedelta(days=10)).isoformat()
    )
    assert first["probability"] == 0.1
    assert first["offer"] == {"key": "care"}
    assert first["amount"] == {"amount": "1000.00", "currency": "EUR"}
    await opened(world, "valves", **given, stage="NEGOTIATION", closesOn=day)
    lost = await opened(world, "hoses", **given, stage="CLOSED_LOST", lossReason="price")

    move = {"id": first["id"], "version": 1, "stage": "CLOSED_WON", "at": now.isoformat(), "idempotencyKey": "m"}
    won = (await made(world, "moveOpportunity", _MADE, **move))["opportunity"]
    assert (won["stage"], won["version"]) == ("CLOSED_WON", 2)
    assert (await made(world, "moveOpportunity", _MADE, **move))["opportunity"] == won
    refused = await made(world, "moveOpportunity", _MADE, id=lost["id"], version=1, stage="PROPOSAL")
    assert [(one["code"], one["path"]) for one in refused["userErrors"]] == [("INVALID", ["input", "reopen"])]
    stale = await made(world, "updateOpportunity", _MADE, id=first["id"], version=1, title="x")
    assert [(one["code"], one["path"]) for one in stale["userErrors"]] == [("CONFLICT", ["input", "version"])]
    unknown = await made(world, "createOpportunity", _MADE, title="x", customer=customer, offer=f"off_{'0' * 26}")
    assert [(one["code"], one["path"]) for one in unknown["userErrors"]] == [("NOT_FOUND", ["input", "offer"])]

    closes = {"first": day, "last": day}
    seen = await world.data(
        _SEEN, id=first["id"], filter={"owner": employee, "stages": ["NEGOTIATION"], "closes": closes}
    )
    assert [edge["node"]["title"] for edge in seen["opportunities"]["edges"]] == ["valves"]
    node = seen["node"]
    assert [one["stage"] for one in node["history"]] == ["PROSPECTING", "CLOSED_WON"]
    assert (node["owner"]["displayName"], node["customer"]["displayName"]) == ("Ann", "Ada")
    titles = [edge["node"]["title"] for edge in node["customer"]["opportunities"]["edges"]]
    assert sorted(titles) == ["hoses", "pumps", "valves"]

    periods = {"future": period(now, 30), "past": period(now - timedelta(days=30), 31)}
    figures = await world.until(
        _FIGURES,
        lambda data: data["won"]["result"]["n"] == 2 and data["pipeline"]["result"]["value"] == 1000,
        id=campaign,
        **periods,
    )
    assert sum(point["result"]["value"] or 0 for point in figures["weighted"]["series"]) == 800
    rows = {row["key"][0]["value"]: row["result"]["value"] for row in figures["weighted"]["breakdown"]}
    assert {stage: value for stage, value in rows.items() if value} == {"NEGOTIATION": 800}
    assert figures["won"]["result"]["value"] == 0.5
    assert figures["cycle"]["result"]["n"] == 1
    assert abs(figures["cycle"]["result"]["value"] - 10) < 0.2
    results = figures["node"]["results"]
    assert (results["opportunitiesWon"], results["revenue"]["amount"]) == (1, "1000.00")
