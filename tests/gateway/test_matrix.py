"""Every object, on every way to it, for every kind of caller: what turns up is what the table allows, and all of it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from graphql import GraphQLObjectType, get_named_type

from chassis.caller import Caller, Reach
from tests.gateway import matrix
from tests.gateway.conftest import World
from tests.gateway.matrix import MARKER, Said, Way, allowed
from tests.gateway.router import Router
from tests.gateway.seeding import seeded_in
from tests.gateway.test_websocket import opened
from tests.tokens import token_for


class Asking:
    """One caller, on any way."""

    def __init__(self, world: World, router: Router) -> None:
        self._world = world
        self._router = router

    async def found(self, way: Way, caller: Caller) -> tuple[set[str], set[str]]:
        """The markers in the answer, and the codes of its errors."""
        if way.subgraph is not None:
            response = await self._router.post(way.subgraph, way.query, caller, **way.variables)
        else:
            headers = {"authorization": f"Bearer {token_for(caller)}"}
            body = {"query": way.query, "variables": way.variables}
            response = await self._world.client.post("/graphql", json=body, headers=headers)
        errors = response.json().get("errors", [])
        return set(MARKER.findall(response.text)), {error["extensions"]["code"] for error in errors}


async def test_what_turns_up_is_what_the_table_allows(world: World, router: Router) -> None:
    seeded = await seeded_in(world)
    asking = Asking(world, router)
    everything = seeded.callers()["everything"]
    # What other services learn first is there a moment later.
    await world.until(
        "{ customers(first: 50) { edges { node { interactions(first: 20) { edges { node { id } } } } } } }",
        lambda data: all(len(edge["node"]["interactions"]["edges"]) == 2 for edge in data["customers"]["edges"]),
    )
    ways = [
        *matrix.root_ways(seeded.ids, seeded.keys),
        *matrix.nested_ways(seeded.ids),
        *matrix.entity_ways(seeded.ids),
    ]
    reached: set[str] = set()
    wrong: list[str] = []
    for way in ways:
        whole, codes = await asking.found(way, everything)
        assert not codes, (way, codes)
        reached |= whole
        for name, caller in seeded.callers().items():
            found, codes = await asking.found(way, caller)
            parent = [said for said in seeded.said.values() if said.id == way.parent]
            comes_there = not parent or any(allowed(caller, said) for said in parent)
            wanted = {marker for marker in whole if comes_there and allowed(caller, seeded.said[marker])}
            if leaked := {marker for marker in found if not allowed(caller, seeded.said[marker])}:
                wrong.append(f"{name} sees {[seeded.said[m] for m in leaked]} by {way.name}")
            if missing := wanted - found:
                wrong.append(f"{name} misses {[seeded.said[m] for m in missing]} by {way.name} {codes}")
            if unexpected := codes - {"FORBIDDEN", "NOT_FOUND"}:
                wrong.append(f"{name} gets {unexpected} by {way.name}")
    assert not wrong, "\n".join(wrong)
    assert reached == set(seeded.said)


FIGURE = """query($period: PeriodInput!) { kpi(key: "seeded") {
  result(period: $period) { n } series(period: $period, granularity: DAY) { result { n } }
  breakdown(period: $period, by: ["source"]) { result { n } } } }"""
WATCHED = 'subscription { kpiChanged(key: "seeded") { n } }'


def counts(data: Any) -> set[int]:
    """What each way to a figure adds up to."""
    kpi = data["kpi"]
    parts = [[point["result"]["n"] for point in kpi[way]] for way in ("series", "breakdown")]
    return {kpi["result"]["n"], *map(sum, parts)}


async def test_figures_count_what_the_caller_may_see_on_every_way(world: World) -> None:
    seeded = await seeded_in(world)
    now = datetime.now(UTC)
    period = {"start": (now - timedelta(days=2)).isoformat(), "end": (now + timedelta(days=1)).isoformat()}
    await world.until(FIGURE, lambda data: counts(data) == {4}, period=period)
    expected: dict[str, int | None] = {"shop": 2, "fair": 2, "unknown partner": 0}
    for name, caller in seeded.callers().items():
        # Kept by source alone: who is limited to a team or to themselves is refused.
        wanted = expected.get(name, 4 if caller.reach("metrics:read") is Reach.ALL else None)
        headers = {"authorization": f"Bearer {token_for(caller)}"}
        body = {"query": FIGURE, "variables": {"period": period}}
        answer = (await world.client.post("/graphql", json=body, headers=headers)).json()
        async with opened(world, payload=headers) as client:
            await client.subscribe("1", WATCHED)
            told = (await client.received())["payload"]
        if wanted is None:
            # What cannot even begin is told as errors alone.
            refused = told if isinstance(told, list) else told["errors"]
            codes = {error["extensions"]["code"] for error in (*answer["errors"], *refused)}
            assert codes == {"FORBIDDEN"}, name
            assert not (answer["data"] or {}).get("kpi"), name
        else:
            assert counts(answer["data"]) == {wanted}, name
            assert told["data"]["kpiChanged"]["n"] == wanted, name


def test_the_ways_lead_to_every_object() -> None:
    """Objects that no way of the matrix reaches have their tests elsewhere, and are named here."""
    ids = {name: {f"{name}-id"} for name in matrix.NODES}
    ways = [*matrix.root_ways(ids, {}), *matrix.nested_ways(ids), *matrix.entity_ways(ids)]
    assert {type for way in ways for type in matrix.NODES if f"... on {type}" in way.query} == set(matrix.NODES)


def test_every_root_field_that_leads_to_objects_is_a_way() -> None:
    query_type = matrix.GRAPH.query_type
    assert isinstance(query_type, GraphQLObjectType)
    ids = {name: {f"{name}-id"} for name in matrix.NODES}
    keys: dict[str, list[dict[str, Any]]] = {
        "kpi|$key: String!": [{"key": "k"}],
        "touchpointCode|$code: String!": [{"code": "c"}],
    }
    asked = {way.name.partition("(")[0] for way in matrix.root_ways(ids, keys)}
    assert set(query_type.fields) - matrix.NOT_OBJECTS - asked == set()
    for name in matrix.NOT_OBJECTS:
        assert get_named_type(query_type.fields[name].type).name not in matrix.NODES


@pytest.mark.parametrize(
    ("scope", "reach"), [("customers:read", Reach.ALL), ("customers:read:own", Reach.OWN), ("", Reach.NONE)]
)
def test_the_expectation_itself_can_refuse(scope: str, reach: Reach) -> None:
    """Of a customer that somebody else owns."""
    caller = Caller("a", frozenset({scope}), employee="emp_1")
    assert allowed(caller, Said("Customer", "cus_1", source="shop", owner="emp_2")) is (reach is Reach.ALL)
