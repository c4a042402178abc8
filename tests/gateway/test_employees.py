"""The figures of employees: one's own, of others with the scope for it and where there are enough, else of nobody."""

from typing import Any

import pytest

from chassis.caller import Caller
from tests import tokens
from tests.gateway.conftest import BEGAN, World
from tests.gateway.test_graph import made

PERIOD = {"start": BEGAN.isoformat(), "end": "2026-02-01T00:00:00Z"}
FIGURES = """query($id: ID!, $keys: [String!], $period: PeriodInput) { node(id: $id) { id ... on Employee {
  displayName kpis(keys: $keys, period: $period) { n kpi { key } } } } }"""
BOTH = """query($ids: [ID!]!) { nodes(ids: $ids) { ... on Employee { kpis(keys: ["enquiries"]) { n } } } }"""
READ = frozenset({"employees:read", "metrics:read"})
LEAD = Caller("lead", READ | {"metrics:employees"})
NAMES = ("Ada", "Ben", "Cleo", "Dora")
PROTECTED = """query($id: ID!, $in: [String!]!, $period: PeriodInput!) {
  node(id: $id) { ... on Employee { kpis(keys: ["enquiries"]) { n value withheld { code parameters text } } } }
  kpi(key: "enquiries") {
    result(period: $period, where: [{dimension: "employee", in: $in}]) { n withheld { code } }
    breakdown(period: $period, by: ["employee"]) { key { value } result { n value withheld { code } } }
  } }"""


async def answer(world: World, query: str, caller: Caller, *, language: str = "en", **variables: Any) -> dict[str, Any]:
    headers = {"authorization": f"Bearer {tokens.token_for(caller)}", "accept-language": language}
    response = await world.client.post("/graphql", json={"query": query, "variables": variables}, headers=headers)
    body: dict[str, Any] = response.json()
    return body


async def two_employees(world: World) -> tuple[str, str]:
    """Ada with three enquiries of January, Ben with one; all in the figures."""
    ada, ben = await with_enquiries(world, 3, 1)
    return ada, ben


async def with_enquiries(world: World, *counts: int) -> list[str]:
    """Employees of whom each has so many of January; all in the figures."""
    ids = []
    for number in range(len(counts)):
        payload = await made(
            world, "createEmployee", "CreateEmployeeInput", "employee { id }", displayName=NAMES[number]
        )
        ids.append(payload["employee"]["id"])
    events = [
        {
            "id": f"{id}-{number}",
            "name": "enquiry.opened",
            "after": {"startedAt": BEGAN.isoformat(), "dimensions": [{"dimension": "employee", "value": id}]},
        }
        for id, count in zip(ids, counts, strict=True)
        for number in range(count)
    ]
    recorded = await made(world, "recordEvents", "RecordEventsInput", "accepted", events=events)
    assert recorded == {"accepted": sum(counts), "userErrors": []}
    total = """query($period: PeriodInput!) { kpi(key: "enquiries") { result(period: $period) { n } } }"""
    await world.until(total, lambda data: data["kpi"]["result"]["n"] == sum(counts), period=PERIOD)
    return ids


async def test_everybody_sees_their_own_figures(world: World) -> None:
    ada, _ = await two_employees(world)
    of_ada = Caller("ada", READ, employee=ada)
    body = await answer(world, FIGURES, of_ada, id=ada, keys=["enquiries"], period=PERIOD)
    figures = [{"n": 3, "kpi": {"key": "enquiries"}}]
    assert body == {"data": {"node": {"id": ada, "displayName": "Ada", "kpis": figures}}}
    before = {"start": "2025-01-01T00:00:00Z", "end": BEGAN.replace(hour=0).isoformat()}
    body = await answer(world, FIGURES, of_ada, id=ada, keys=["enquiries"], period=before)
    assert [result["n"] for result in body["data"]["node"]["kpis"]] == [0]


async def test_without_keys_all_that_is_kept_by_employee_is_answered(world: World) -> None:
    ada, _ = await two_employees(world)
    body = await answer(world, FIGURES, Caller("ada", READ, employee=ada), id=ada)
    found = {result["kpi"]["key"]: result["n"] for result in body["data"]["node"]["kpis"]}
    assert found["enquiries"] == 3
    assert "first_response_time" in found
    assert "customers_reached" not in found


async def test_with_the_scope_those_of_others_are_seen_too_where_they_are_enough(world: World) -> None:
    ada, ben, cleo, dora = await with_enquiries(world, 7, 1, 6, 9)
    body = await answer(world, BOTH, LEAD, ids=[ada, ben, cleo, dora])
    assert [one["kpis"][0]["n"] for one in body["data"]["nodes"]] == [7, 0, 0, 9], "Cleo's would tell of Ben's"


@pytest.mark.parametrize(("language", "text"), [("en", "5 observations"), ("de", "5 Beobachtungen")])
async def test_what_is_withheld_has_no_numbers_and_says_why(world: World, language: str, text: str) -> None:
    ada, ben, cleo, dora = await with_enquiries(world, 7, 1, 6, 9)
    data = (await answer(world, PROTECTED, LEAD, language=language, id=ben, period=PERIOD, **{"in": [ben]}))["data"]
    (of_ben,) = data["node"]["kpis"]
    said = of_ben.pop("withheld")
    assert of_ben == {"n": 0, "value": None}
    assert (said["code"], said["parameters"]) == ("EMPLOYEES_PROTECTED", {"months": 1, "minimum": 5})
    assert text in said["text"]
    why = {"code": "EMPLOYEES_PROTECTED"}
    assert data["kpi"]["result"] == {"n": 0, "withheld": why}
    rows = [(row["key"][0]["value"], row["result"]) for row in data["kpi"]["breakdown"]]
    assert rows == [
        (dora, {"n": 9, "value": 9.0, "withheld": None}),
        (ada, {"n": 7, "value": 7.0, "withheld": None}),
        *((id, {"n": 0, "value": None, "withheld": why}) for id in sorted([ben, cleo])),
    ]


@pytest.mark.parametrize("employee", [None, "another"])
async def test_without_the_scope_those_of_others_are_refused_and_the_rest_is_answered(
    world: World, employee: str | None
) -> None:
    ada, ben = await two_employees(world)
    somebody = Caller("somebody", READ, employee=ben if employee else None)
    body = await answer(world, FIGURES, somebody, id=ada, keys=["enquiries"], period=PERIOD)
    assert body["data"] == {"node": {"id": ada, "displayName": "Ada", "kpis": None}}
    (error,) = body["errors"]
    assert error["path"] == ["node", "kpis"]
    assert error["extensions"]["code"] == "FORBIDDEN"
    assert "metrics:employees" in error["message"]


async def test_ones_own_are_answered_beside_those_of_others_that_are_refused(world: World) -> None:
    ada, ben = await two_employees(world)
    body = await answer(world, BOTH, Caller("ada", READ, employee=ada), ids=[ada, ben])
    assert body["data"] == {"nodes": [{"kpis": [{"n": 3}]}, {"kpis": None}]}
    assert [(error["path"], error["extensions"]["code"]) for error in body["errors"]] == [
        (["nodes", 1, "kpis"], "FORBIDDEN")
    ]
