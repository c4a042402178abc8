"""The graph as frontend teams use it: pages, nodes, mutations and the errors they can mend."""

import json
from typing import Any

import pytest

from chassis.caller import Caller
from tests import tokens
from tests.gateway.conftest import World

NOTHING = "00000000000000000000000000"


async def test_pages_follow_each_other_forward_and_backward(world: World) -> None:
    await world.import_enquiries(5)
    query = """query($first: Int, $after: String, $last: Int, $before: String) {
      customers(first: $first, after: $after, last: $last, before: $before, orderBy: DISPLAY_NAME_ASC) {
        edges { cursor node { displayName } }
        pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }"""
    seen: list[str] = []
    after = None
    for expected in (True, True, False):
        page = (await world.data(query, first=2, after=after))["customers"]
        seen += [edge["node"]["displayName"] for edge in page["edges"]]
        assert page["pageInfo"]["hasNextPage"] is expected
        after = page["pageInfo"]["endCursor"]
    assert seen == ["c0", "c1", "c2", "c3", "c4"]
    back = (await world.data(query, last=2, before=after))["customers"]
    assert [edge["node"]["displayName"] for edge in back["edges"]] == ["c2", "c3"]
    assert back["pageInfo"]["hasPreviousPage"] is True


@pytest.mark.parametrize(
    "arguments",
    [
        "first: -1",
        "first: 101",
        'first: 1, after: "nonsense"',
        "first: 1, last: 1",
        'first: 1, before: "x"',
        "last: -1",
    ],
)
@pytest.mark.parametrize("field", ["customers", "enquiries", "touchpoints", "employees"])
async def test_a_bad_page_is_the_callers_mistake(world: World, field: str, arguments: str) -> None:
    body = await world.answer(f"{{ {field}({arguments}) {{ edges {{ cursor }} }} viewer {{ subject }} }}")
    assert body["data"] == {field: None, "viewer": {"subject": "development"}}
    (error,) = body["errors"]
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert error["path"] == [field]


async def test_any_object_is_found_by_its_id(world: World) -> None:
    await world.import_enquiries(1)
    query = """{ customers { edges { node { id interactions { edges { node { id } } } } } }
                 enquiries { edges { node { id touchpoint { id } } } } kpis { id } }"""
    data = await world.until(query, lambda data: data["customers"]["edges"][0]["node"]["interactions"]["edges"])
    customer = data["customers"]["edges"][0]["node"]
    enquiry = data["enquiries"]["edges"][0]["node"]
    employee = await made(
        world, "createEmployee", "CreateEmployeeInput", "employee { id team { id } }", displayName="E", team="t"
    )
    ids = {
        "Customer": customer["id"],
        "Interaction": customer["interactions"]["edges"][0]["node"]["id"],
        "Enquiry": enquiry["id"],
        "Touchpoint": enquiry["touchpoint"]["id"],
        "Employee": employee["employee"]["id"],
        "Team": employee["employee"]["team"]["id"],
        "Kpi": data["kpis"][0]["id"],
    }
    found = await world.data("query($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }", ids=list(ids.values()))
    assert found["nodes"] == [{"__typename": name, "id": id} for name, id in ids.items()]
    for name, id in ids.items():
        one = await world.data("query($id: ID!) { node(id: $id) { __typename } }", id=id)
        assert one["node"] == {"__typename": name}


async def test_what_does_not_exist_is_null_and_no_error(world: World) -> None:
    ids = [f"{prefix}_{NOTHING}" for prefix in ("cus", "enq", "tou", "emp", "tea", "int", "kpi", "xyz")]
    body = await world.answer(
        """query($ids: [ID!]!, $id: ID!) { nodes(ids: $ids) { id } customer(id: $id) { id } kpi(key: "no") { id }
             byExternalId: customer(externalId: {source: "a", id: "b"}) { id } }""",
        ids=[*ids, "nonsense", '{"$gt": ""}'],
        id=ids[0],
    )
    assert body == {"data": {"nodes": [None] * 10, "customer": None, "kpi": None, "byExternalId": None}}


async def made(world: World, mutation: str, input_type: str, fields: str, /, **input: Any) -> dict[str, Any]:
    query = f"""mutation($input: {input_type}!) {{
      {mutation}(input: $input) {{ {fields} userErrors {{ code message path }} }} }}"""
    payload: dict[str, Any] = (await world.data(query, input=input))[mutation]
    return payload


async def test_what_the_caller_can_mend_comes_with_its_place(world: World) -> None:
    bad = await made(
        world, "createCustomer", "CreateCustomerInput", "customer { id }", kind="PERSON", displayName="A", emails=["no"]
    )
    assert bad["customer"] is None
    assert [(e["code"], e["path"]) for e in bad["userErrors"]] == [("INVALID", ["input", "emails", "0"])]
    missing = await made(world, "assignOwner", "AssignOwnerInput", "customer { id }", id=f"cus_{NOTHING}", owner=None)
    assert [e["code"] for e in missing["userErrors"]] == ["NOT_FOUND"]


async def test_a_stale_version_is_a_conflict_and_changes_nothing(world: World) -> None:
    created = await made(
        world, "createCustomer", "CreateCustomerInput", "customer { id version }", kind="PERSON", displayName="Ada"
    )
    id = created["customer"]["id"]
    kept = "customer { displayName version provenance { field sourceRecord } sourceRecords { id source } }"
    first = await made(world, "updateCustomer", "UpdateCustomerInput", kept, id=id, version=1, displayName="Ada L.")
    assert first["customer"]["version"] == 2
    assert first["customer"]["provenance"][0]["sourceRecord"] == first["customer"]["sourceRecords"][0]["id"]
    stale = await made(world, "updateCustomer", "UpdateCustomerInput", kept, id=id, version=1, displayName="Lost")
    assert [error["code"] for error in stale["userErrors"]] == ["CONFLICT"]
    now = await world.data("query($id: ID!) { customer(id: $id) { displayName } }", id=id)
    assert now["customer"]["displayName"] == "Ada L."


async def test_addresses_need_their_scope(world: World) -> None:
    created = await made(
        world,
        "createCustomer",
        "CreateCustomerInput",
        "customer { id }",
        kind="PERSON",
        displayName="Ada",
        emails=["ada@example.org"],
        phones=["+4930123456"],
    )
    query = "query($id: ID!) { customer(id: $id) { displayName emails phones } }"
    variables = {"id": created["customer"]["id"]}
    assert (await world.data(query, **variables))["customer"]["emails"] == ["ada@example.org"]
    token = tokens.token_for(Caller("somebody", frozenset({"customers:read"})))
    answer = await world.client.post(
        "/graphql", json={"query": query, "variables": variables}, headers={"authorization": f"Bearer {token}"}
    )
    assert answer.json()["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    assert "ada@example.org" not in answer.text


async def test_a_journey_is_recorded_once_each_and_bad_facts_are_named(world: World) -> None:
    customer = (
        await made(world, "createCustomer", "CreateCustomerInput", "customer { id }", kind="PERSON", displayName="A")
    )["customer"]["id"]
    fact = {"customer": customer, "direction": "INBOUND", "kind": "VISIT", "occurredAt": "2026-02-01T10:00:00+01:00"}
    bad = {**fact, "customer": f"cus_{NOTHING}"}
    payload = await made(
        world,
        "recordInteractions",
        "RecordInteractionsInput",
        "interactions { kind occurredAt }",
        interactions=[fact, bad],
        idempotencyKey="once",
    )
    assert payload["interactions"] == [{"kind": "VISIT", "occurredAt": "2026-02-01T09:00:00+00:00"}, None]
    assert [error["path"] for error in payload["userErrors"]] == [["input", "interactions", "1", "customer"]]


async def test_figures_come_as_they_were_asked_for(world: World) -> None:
    await world.import_enquiries(4)
    period = {"start": "2026-01-01T00:00:00Z", "end": "2026-02-01T00:00:00Z"}
    query = """query($period: PeriodInput!) {
      kpi(key: "first_response_time") {
        unit direction definition { event aggregation dimensionSets { dimensions } } target { value }
        result(period: $period) { ...figures period { start end timeZone } }
        series(period: $period, granularity: WEEK) { period { start } result { n } }
        breakdown(period: $period, by: ["channel"]) { key { dimension value } result { ...figures } }
        none: result(period: $period, where: [{dimension: "channel", in: ["PHONE"]}]) { n value }
      } }
      fragment figures on KpiResult {
        n value mean standardDeviation min max interval { lower upper confidence }
        quantiles(p: [0.25, 0.99]) { p value } more: quantiles(p: [0.1]) { p value }
        histogram(bins: 3) { lower upper count } open { ...waits } withinTarget { hit share interval { lower } }
        excluded { reason count } withheld { code } freshness
      }
      fragment waits on OpenWaits {
        received open oldestSeconds medianCountingOpen { value } curve(points: 5) { atRisk }
      }"""
    data = await world.until(query, lambda data: data["kpi"]["result"]["n"] == 12, period=period)
    result = data["kpi"]["result"]
    assert result["value"] == pytest.approx(3600, rel=0.01)
    assert [quantile["p"] for quantile in result["quantiles"] + result["more"]] == [0.25, 0.99, 0.1]
    assert sum(one["count"] for one in result["histogram"]) == 12
    assert result["open"]["curve"][0]["atRisk"] == 12
    assert result["withinTarget"]["share"] == 1
    assert [point["result"]["n"] for point in data["kpi"]["series"]] == [0, 12, 0, 0, 0]
    assert [row["key"][0]["value"] for row in data["kpi"]["breakdown"]] == ["WEB_FORM"]
    assert data["kpi"]["none"] == {"n": 0, "value": None}


async def test_touchpoints_and_customers_have_figures_of_their_own(world: World) -> None:
    await world.import_enquiries(2)
    query = """query($period: PeriodInput!) {
      touchpoints { edges { node { key kpis(keys: ["first_response_time"]) { n value open { received } } } } }
      customers { edges { node {
        all: kpis { kpi { key } n }
        within: kpis(keys: ["first_response_time"], period: $period) { n period { start } quantiles(p: [1]) { value } }
      } } } }"""
    period = {"start": "2026-01-05T00:00:00Z", "end": "2026-01-06T00:00:00Z"}
    data = await world.until(
        query, lambda data: data["touchpoints"]["edges"][0]["node"]["kpis"][0]["n"] == 6, period=period
    )
    (touchpoint,) = data["touchpoints"]["edges"]
    assert touchpoint["node"]["kpis"][0]["open"]["received"] == 6
    for edge in data["customers"]["edges"]:
        assert {one["kpi"]["key"]: one["n"] for one in edge["node"]["all"]} == {
            "enquiries": 3,
            "first_resolution_time": 0,
            "first_response_time": 3,
            "next_response_time": 0,
            "total_resolution_time": 0,
            "feedback_items": 0,
            "revenue": 0,
        }
        (within,) = edge["node"]["within"]
        assert within["n"] == 3
        assert within["period"]["start"] == "2026-01-05T00:00:00+00:00"
        assert within["quantiles"][0]["value"] == pytest.approx(3600, rel=0.01)


async def test_an_undeclared_dimension_set_is_named_with_those_that_are(world: World) -> None:
    body = await world.answer(
        """{ kpi(key: "enquiries") {
               result(period: {start: "2026-01-01T00:00:00Z", end: "2026-02-01T00:00:00Z"},
                      where: [{dimension: "team", in: ["x"]}, {dimension: "category", in: ["y"]}]) { n } } }"""
    )
    (error,) = body["errors"]
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert "touchpoint, category" in error["message"]


async def test_nothing_of_the_inside_is_shown_when_a_service_is_away(world: World) -> None:
    world.gateway._stubs.clear()
    body = await world.answer("{ kpis { key } }")
    assert "Traceback" not in json.dumps(body)
    assert body["errors"][0]["message"] == "internal error"
    assert body["errors"][0]["extensions"]["code"] == "INTERNAL_SERVER_ERROR"
