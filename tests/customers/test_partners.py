"""A partner learns of nobody known elsewhere alone: not by asking, searching, writing, counting, failing or timing."""

from contextlib import suppress
from typing import Any

import grpc
import pytest
from rundblick.customers.v1 import customer_pb2, interaction_pb2
from rundblick.shared.v1 import page_pb2

from tests.callers import partner
from tests.commands import Commands
from tests.customers.conftest import NOBODY, Running
from tests.customers.interaction.test_servicer import fact

SHOP = partner("shop")
UNKNOWN = f"cus_{NOBODY}"


def created(name: str, source: str, external_id: str, email: str = "") -> customer_pb2.CreateCustomerRequest:
    return customer_pb2.CreateCustomerRequest(
        kind=customer_pb2.CUSTOMER_KIND_PERSON,
        fields=customer_pb2.CustomerFields(
            display_name=name, emails=customer_pb2.StringList(values=[email] if email else [])
        ),
        external_id=customer_pb2.ExternalId(source=source, id=external_id),
    )


@pytest.fixture
async def elsewhere(customers: Running) -> str:
    """Known to the fair, unknown to the shop."""
    id: str = (await customers.call(created("Ada Fair", "fair", "f1", "ada@example.org"))).customer.id
    await customers.call(interaction_pb2.RecordInteractionsRequest(interactions=[fact(id, source="fair")]))
    return id


async def test_lookup(customers: Running, elsewhere: str) -> None:
    answers = (await customers.call(customer_pb2.BatchGetCustomersRequest(ids=[elsewhere, UNKNOWN]), SHOP)).answers
    assert answers[elsewhere].error.code == answers[UNKNOWN].error.code == "NOT_FOUND"
    assert answers[elsewhere].error.message.replace(elsewhere, "") == answers[UNKNOWN].error.message.replace(
        UNKNOWN, ""
    )
    for source, known, unknown in (("fair", "f1", "f2"), ("shop", "f1", "f2")):
        refusals = [
            await customers.refused(
                customer_pb2.FindCustomerRequest(external_id=customer_pb2.ExternalId(source=source, id=id)), SHOP
            )
            for id in (known, unknown)
        ]
        assert refusals[0][0] is refusals[1][0] is grpc.StatusCode.NOT_FOUND
        assert refusals[0][1].replace(known, "") == refusals[1][1].replace(unknown, "")


async def test_search_and_count(customers: Running, elsewhere: str) -> None:
    await customers.call(created("Ada Shop", "shop", "s1"))
    for request in (
        customer_pb2.ListCustomersRequest(),
        customer_pb2.ListCustomersRequest(search="ada"),
        customer_pb2.ListCustomersRequest(page=page_pb2.PageRequest(first=1)),
    ):
        found = await customers.call(request, SHOP)
        assert [edge.node.display_name for edge in found.edges] == ["Ada Shop"]
        assert not found.page_info.has_next_page
    for filter in (customer_pb2.CustomerFilter(source="fair"), customer_pb2.CustomerFilter(owner_id="emp_1")):
        assert not (await customers.call(customer_pb2.ListCustomersRequest(filter=filter), SHOP)).edges


async def test_journeys(customers: Running, elsewhere: str) -> None:
    request = interaction_pb2.BatchListInteractionsRequest(customer_ids=[elsewhere, UNKNOWN])
    pages = (await customers.call(request, SHOP)).pages
    assert pages[elsewhere].edges == pages[UNKNOWN].edges
    assert not pages[elsewhere].edges
    assert pages[elsewhere].page_info == pages[UNKNOWN].page_info


async def test_duplicates_are_taken_as_if_nobody_knew_them(customers: Running, elsewhere: str) -> None:
    twin = (await customers.call(created("Ada Fair", "shop", "f1", "ada@example.org"), SHOP)).customer
    stranger = (await customers.call(created("Bob", "shop", "s2", "bob@example.org"), SHOP)).customer
    assert twin.id != elsewhere
    assert (twin.version, len(twin.source_records)) == (stranger.version, len(stranger.source_records))


async def test_errors_of_writes(customers: Running, elsewhere: str) -> None:
    for make in (
        lambda id: customer_pb2.UpdateCustomerRequest(id=id),
        lambda id: customer_pb2.MergeCustomersRequest(id=id, duplicate_ids=[UNKNOWN]),
        lambda id: customer_pb2.AssignOwnerRequest(id=id),
    ):
        seen, unseen = await customers.refused(make(elsewhere), SHOP), await customers.refused(make(UNKNOWN), SHOP)
        assert seen[0] is unseen[0]
        assert seen[1].replace(elsewhere, "") == unseen[1].replace(UNKNOWN, "")
    recorded = [
        (
            await customers.call(
                interaction_pb2.RecordInteractionsRequest(interactions=[fact(id, source="shop")]), SHOP
            )
        ).answers[0]
        for id in (elsewhere, UNKNOWN)
    ]
    assert recorded[0].error.code == recorded[1].error.code == "NOT_FOUND"
    assert recorded[0].error.message.replace(elsewhere, "") == recorded[1].error.message.replace(UNKNOWN, "")


async def test_who_is_known_to_both_is_shown_as_the_own_source_says(customers: Running, elsewhere: str) -> None:
    own = (await customers.call(created("A. Shop", "shop", "s1"))).customer
    merged = customer_pb2.MergeCustomersRequest(id=elsewhere, duplicate_ids=[own.id])
    await customers.call(merged)
    shown = (await customers.call(customer_pb2.BatchGetCustomersRequest(ids=[own.id]), SHOP)).answers[own.id].value
    assert shown.display_name == "A. Shop"
    assert not shown.emails
    assert [(one.source, one.id) for one in shown.external_ids] == [("shop", "s1")]
    assert {one.source for one in shown.source_records} == {"shop"}
    assert (shown.version, shown.owner_id, shown.team_id) == (1, "", "")


@pytest.mark.parametrize("way", ["id", "external_id", "journey"])
async def test_it_takes_the_same_work_whether_somebody_is_known_elsewhere_or_nowhere(
    customers: Running, elsewhere: str, commands: Commands, way: str
) -> None:
    """Time follows from work: the same commands, none of which hands over a document of others."""
    known, unknown = (elsewhere, UNKNOWN) if way != "external_id" else ("f1", "f2")
    make: Any = {
        "id": lambda id: customer_pb2.BatchGetCustomersRequest(ids=[id]),
        "external_id": lambda id: customer_pb2.FindCustomerRequest(
            external_id=customer_pb2.ExternalId(source="fair", id=id)
        ),
        "journey": lambda id: interaction_pb2.BatchListInteractionsRequest(customer_ids=[id]),
    }[way]
    work = []
    for id in (known, unknown):
        # Refused or not: what counts is what was done for it.
        with commands.recorded(), suppress(grpc.aio.AioRpcError):
            await customers.call(make(id), SHOP)
        work.append([name for name, *_ in commands.found])
    assert work[0] == work[1]
