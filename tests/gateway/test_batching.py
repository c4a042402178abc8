"""The same number of calls for one customer and for many."""

import pytest

from tests.gateway.conftest import World

PAGE = """
query($first: Int!) {
  customers(first: $first) { edges { node {
    id displayName owner { displayName }
    interactions(first: 5) { edges { node { direction touchpoint { name } subject { ... on Enquiry { subject } } } } }
    enquiries(first: 5) { edges { node {
      subject customer { displayName } touchpoint { name channel } waits { seconds }
      messages(first: 2) { edges { node { body } } }
    } } }
    kpis(keys: ["first_response_time", "enquiries"]) { n value kpi { name } quantiles(p: [0.9]) { value } }
  } } }
}"""


async def test_one_ten_and_fifty_customers_cost_the_same_calls(world: World) -> None:
    await world.import_enquiries(50)
    everything = "{ customers(first: 50) { edges { node { interactions(first: 9) { edges { node { id } } } } } } }"
    await world.until(
        everything,
        lambda data: all(len(e["node"]["interactions"]["edges"]) == 6 for e in data["customers"]["edges"]),
    )
    counted = {first: sorted(await world.calls(PAGE, first=first)) for first in (1, 10, 50)}
    assert counted[1] == counted[10] == counted[50]
    assert len(counted[50]) == len(set(counted[50])), "a call is made twice"


async def test_an_object_that_is_known_by_its_id_alone_costs_nothing(world: World) -> None:
    await world.import_enquiries(3)
    calls = await world.calls("{ enquiries(first: 9) { edges { node { customer { id } touchpoint { id } } } } }")
    assert calls == ["feedback.ListEnquiries"]


async def test_results_of_many_kpis_are_one_call(world: World) -> None:
    calls = await world.calls(
        """{ kpis { key
               result(period: {start: "2026-01-01T00:00:00Z", end: "2026-02-01T00:00:00Z"}) { n value } } }"""
    )
    assert calls == ["metrics.ListKpis", "metrics.BatchGetResults"]


@pytest.mark.parametrize("count", [1, 10, 50])
async def test_many_nodes_are_one_call_of_each_kind(world: World, count: int) -> None:
    await world.import_enquiries(count)
    data = await world.data("{ customers(first: 50) { edges { node { id } } } }")
    ids = [edge["node"]["id"] for edge in data["customers"]["edges"]]
    calls = await world.calls(
        "query($ids: [ID!]!) { nodes(ids: $ids) { id ... on Customer { displayName } } }", ids=ids
    )
    assert calls == ["customers.BatchGetCustomers"]
