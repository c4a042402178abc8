"""The figures of employees: one's own, or of all with the scope for it, and otherwise of nobody."""

from typing import Any

import pytest

from chassis.caller import Authenticator, Caller
from tests.gateway.conftest import BEGAN, SECRET, World
from tests.gateway.test_graph import made

PERIOD = {"start": BEGAN.isoformat(), "end": "2026-02-01T00:00:00Z"}
FIGURES = """query($id: ID!, $keys: [String!], $period: PeriodInput) { node(id: $id) { id ... on Employee {
  displayName kpis(keys: $keys, period: $period) { n kpi { key } } } } }"""
BOTH = """query($ids: [ID!]!) { nodes(ids: $ids) { ... on Employee { kpis(keys: ["enquiries"]) { n } } } }"""
READ = frozenset({"customers:read", "metrics:read"})


async def answer(world: World, query: str, caller: Caller, **variables: Any) -> dict[str, Any]:
    token = Authenticator(SECRET, production=False).issue(caller)
    response = await world.client.post(
        "/graphql", json={"query": query, "variables": variables}, headers={"authorization": f"Bearer {token}"}
    )
    body: dict[str, Any] = response.json()
    return body


async def two_employees(world: World) -> tuple[str, str]:
    """Ada with three enquiries of January, Ben with one; all in the figures."""
    ids = []
    for name in ("Ada", "Ben"):
        payload = await made(world, "createEmployee", "CreateEmployeeInput", "employee { id }", displayName=name)
        ids.append(payload["employee"]["id"])
    ada, ben = ids
    afters = [
        {"startedAt": BEGAN.isoformat(), "dimensions": [{"dimension": "employee", "value": id}]}
        for id in (ada, ada, ada, ben)
    ]
    events = [{"id": f"e{n}", "name": "enquiry.opened", "after": after} for n, after in enumerate(afters)]
    recorded = await made(world, "recordEvents", "RecordEventsInput", "accepted", events=events)
    assert recorded == {"accepted": 4, "userErrors": []}
    total = """query($period: PeriodInput!) { kpi(key: "enquiries") { result(period: $period) { n } } }"""
    await world.until(total, lambda data: data["kpi"]["result"]["n"] == 4, period=PERIOD)
    return ada, ben


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


async def test_with_the_scope_those_of_others_are_seen_too(world: World) -> None:
    ada, ben = await two_employees(world)
    lead = Caller("lead", READ | {"metrics:employees"})
    body = await answer(world, BOTH, lead, ids=[ada, ben])
    assert body == {"data": {"nodes": [{"kpis": [{"n": 3}]}, {"kpis": [{"n": 1}]}]}}


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
