"""Segments in the graph: defined, asked of everybody as a job, aimed at by campaigns, and measured."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

from chassis.caller import DEVELOPMENT_CALLER, Caller
from gateway.app import Gateway
from gateway.context import Context
from tests.gateway.conftest import World
from tests.gateway.test_offers import made
from tests.tokens import token_for

_SEGMENT = """query($id: ID!) { node(id: $id) { ... on Segment {
  key rule size errors evaluation { job done total } targetMarket { region } expectations
  customers(first: 5) { edges { node { id displayName segments { key } } } } } } }"""
_KPIS = """query($id: ID!) { node(id: $id) { ... on Segment {
  kpis(keys: ["interactions"]) { kpi { key } n value } } } }"""
_JOBS = """{ jobs(first: 50) {
  edges { cursor node { id kind state subject done total startedAt finishedAt } } pageInfo { hasNextPage } } }"""
_RULE = 'customer.locale == "de"'


async def test_a_segment_is_kept_current_aimed_at_and_measured(world: World) -> None:
    ann, ben = [
        (await made(world, "createCustomer", "customer { id }", kind="PERSON", displayName=name, locale=locale))[
            "customer"
        ]["id"]
        for name, locale in (("Ann", "de"), ("Ben", "fr"))
    ]
    wrong = await made(world, "defineSegment", "segment { id }", key="german", name="x", rule="true &&\n nothing")
    [error] = wrong["userErrors"]
    assert (wrong["segment"], error["code"], error["path"]) == (None, "INVALID", ["input", "rule"])
    assert "line 2, column 2" in error["message"]
    said = {
        "key": "german",
        "name": "German speakers",
        "rule": _RULE,
        "expectations": ["an answer in German"],
        "targetMarket": {"region": "DACH"},
    }
    trial = await made(world, "defineSegment", "segment { id } trial { lookedAt enter leave }", **said, dryRun=True)
    assert (trial["segment"], trial["trial"]) == (None, {"lookedAt": 2, "enter": 1, "leave": 0})
    segment = (await made(world, "defineSegment", "segment { id version evaluation { total } }", **said))["segment"]
    data = await world.until(_SEGMENT, lambda data: data["node"]["evaluation"] is None, id=segment["id"])
    assert data["node"] == {
        "key": "german",
        "rule": _RULE,
        "size": 1,
        "errors": 0,
        "evaluation": None,
        "targetMarket": {"region": "DACH"},
        "expectations": ["an answer in German"],
        "customers": {"edges": [{"node": {"id": ann, "displayName": "Ann", "segments": [{"key": "german"}]}}]},
    }
    # As frontends ask for it: one call for each kind of thing, however many customers there are.
    listed = "{ customers(first: 5) { edges { node { segments { key size } } } } }"
    assert sorted(await world.calls(listed)) == [
        "customers.BatchGetSegments",
        "customers.BatchListCustomerSegments",
        "customers.ListCustomers",
    ]

    nobody = await made(world, "addToSegment", "changed", segment=segment["id"], customers=[ben])
    assert nobody["userErrors"][0]["path"] == ["input", "segment"]
    days = {"startsOn": "2026-01-01", "endsOn": "2026-12-31", "budget": {"amount": "1", "currency": "EUR"}}
    absent = {"targetSegments": [segment["id"], f"seg_{'0' * 26}"]}
    refused = await made(world, "createCampaign", "campaign { id }", name="x", objective="y", **days, **absent)
    assert [(one["code"], one["path"]) for one in refused["userErrors"]] == [
        ("NOT_FOUND", ["input", "targetSegments", "1"])
    ]
    target = {"targetSegments": [segment["id"]]}
    campaign = await made(
        world, "createCampaign", "campaign { targetSegments { key } }", name="x", objective="y", **days, **target
    )
    assert campaign["campaign"]["targetSegments"] == [{"key": "german"}]

    # What happens from now on is counted for it, also what Ben does as soon as he belongs to it.
    await _visit(world, ann, ben)
    await world.until(_KPIS, lambda data: data["node"]["kpis"][0]["n"] == 1, id=segment["id"])
    await made(world, "updateCustomer", "customer { id }", id=ben, locale="de")
    await world.until(_SEGMENT, lambda data: data["node"]["size"] == 2, id=segment["id"])
    await _visit(world, ben)
    await world.until(_KPIS, lambda data: data["node"]["kpis"][0]["n"] == 2, id=segment["id"])


async def test_a_rule_asks_for_what_the_company_declared(world: World) -> None:
    rule = {"key": "gold", "name": "Gold", "rule": 'attributes.tier == "gold"'}
    [error] = (await made(world, "defineSegment", "segment { id }", **rule))["userErrors"]
    assert (error["code"], error["path"]) == ("INVALID", ["input", "rule"])
    assert "line 1, column 11: undefined field 'tier'" in error["message"]
    tier = {"key": "tier", "name": "Tier", "type": "CHOICE", "options": ["gold", "silver"]}
    assert (await made(world, "defineAttribute", "attribute { version }", **tier))["userErrors"] == []
    segment = (await made(world, "defineSegment", "segment { id }", **rule))["segment"]["id"]
    person = {"kind": "PERSON", "displayName": "Ann"}
    ann = (await made(world, "createCustomer", "customer { id }", **person))["customer"]["id"]
    for value, size in (("gold", 1), ("silver", 0)):
        said = [{"key": "tier", "value": value}]
        await made(world, "updateCustomer", "customer { id }", id=ann, attributes=said)
        await world.until(_SEGMENT, lambda data, size=size: data["node"]["size"] == size, id=segment)
    [error] = (await made(world, "archiveAttribute", "attribute { key }", key="tier", version=1))["userErrors"]
    assert (error["code"], error["path"]) == ("CONFLICT", ["input", "key"])
    assert error["message"] == "tier is asked for by the segment gold"


async def _visit(world: World, *customers: str) -> None:
    at = (datetime.now(UTC) + timedelta(milliseconds=5)).isoformat()
    for customer in customers:
        fact = {"customer": customer, "direction": "INBOUND", "kind": "VISIT", "occurredAt": at, "source": "shop"}
        assert (await made(world, "recordInteraction", "interaction { id }", **fact))["userErrors"] == []


async def test_jobs_of_all_services_are_one_list_and_one_that_is_down_does_not_hide_the_others(world: World) -> None:
    def sweeps(data: dict[str, Any]) -> list[Any]:
        nodes = [edge["node"] for edge in data["jobs"]["edges"]]
        return [one for one in nodes if (one["kind"], one["state"]) == ("STANDING_SWEEP", "DONE")]

    # As soon as it runs everybody is judged, and from time to time after that.
    [sweep] = sweeps(await world.until(_JOBS, sweeps))
    assert (sweep["subject"], sweep["done"], sweep["total"]) == ("schedule", 0, 0)
    assert sweep["startedAt"] <= sweep["finishedAt"]
    for number in range(2):
        kpi = {"key": f"kpi{number}", "name": "x", "unit": "1", "direction": "HIGHER_IS_BETTER"}
        await made(world, "defineKpi", "kpi { id }", **kpi, event="enquiry.opened", aggregation="COUNT")
        await made(world, "defineSegment", "segment { id }", key=f"segment{number}", name="x", rule=_RULE)
    everything = await _jobs(world)
    mine = [one for one in everything if one["subject"] != "" and one["subject"][:-1] in ("kpi", "segment")]
    assert [one["subject"] for one in mine] == ["segment1", "kpi1", "segment0", "kpi0"]
    assert {one["kind"] for one in mine} == {"BACK_FILL", "SEGMENT_EVALUATION"}

    query = """query($first: Int, $after: String, $last: Int, $before: String) {
      jobs(first: $first, after: $after, last: $last, before: $before) {
        edges { cursor node { id } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }"""
    ids = [one["id"] for one in everything]
    seen: list[str] = []
    after = None
    while True:
        page = (await world.data(query, first=3, after=after))["jobs"]
        assert page["pageInfo"]["hasPreviousPage"] is (after is not None)
        seen += [edge["node"]["id"] for edge in page["edges"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert seen == ids
    last = (await world.data(query, last=2))["jobs"]
    assert [edge["node"]["id"] for edge in last["edges"]] == ids[-2:]
    back = (await world.data(query, last=2, before=last["pageInfo"]["startCursor"]))["jobs"]
    assert [edge["node"]["id"] for edge in back["edges"]] == ids[-4:-2]

    # Who may see the figures alone sees their jobs, without an error.
    headers = {"authorization": f"Bearer {token_for(Caller('a', frozenset({'metrics:read'})))}"}
    answer = (await world.client.post("/graphql", json={"query": _JOBS}, headers=headers)).json()
    assert "errors" not in answer
    assert {edge["node"]["kind"] for edge in answer["data"]["jobs"]["edges"]} == {"BACK_FILL"}

    settings = world.gateway._settings.model_copy(update={"customers_address": "127.0.0.1:1"})
    without = Gateway(settings)
    async with without.opened():
        answer = await without.run(_JOBS, {}, Context(DEVELOPMENT_CALLER, None, "req_test", time.monotonic() + 5))
    edges = answer["data"]["jobs"]["edges"]
    assert edges[-1] is None
    assert {edge["node"]["kind"] for edge in edges[:-1]} == {"BACK_FILL"}
    [error] = answer["errors"]
    assert (error["path"], error["extensions"]["service"]) == (["jobs", "edges", len(edges) - 1], "customers")


async def _jobs(world: World) -> list[dict[str, Any]]:
    return [edge["node"] for edge in (await world.data(_JOBS))["jobs"]["edges"]]
