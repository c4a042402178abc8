"""Customers over gRPC: once each, with rights, paged by index."""

import asyncio
from typing import Any

import grpc
import pytest
from rundblick.customers.v1 import customer_pb2 as pb
from rundblick.customers.v1 import employee_pb2
from rundblick.shared.v1 import page_pb2

from tests.callers import partner
from tests.commands import Commands
from tests.customers.conftest import NOBODY, Running

PARTNER = partner("shop")


def creating(name: str = "Ada", **fields: Any) -> pb.CreateCustomerRequest:
    return pb.CreateCustomerRequest(kind=pb.CUSTOMER_KIND_PERSON, fields=pb.CustomerFields(display_name=name), **fields)


async def created(customers: Running, name: str = "Ada", **fields: Any) -> pb.Customer:
    customer: pb.Customer = (await customers.call(creating(name, **fields))).customer
    return customer


async def test_an_unknown_id_has_an_error_of_its_own(customers: Running) -> None:
    id = (await created(customers)).id
    answers = (await customers.call(pb.BatchGetCustomersRequest(ids=[id, f"cus_{NOBODY}"]))).answers
    assert answers[id].value.display_name == "Ada"
    assert answers[f"cus_{NOBODY}"].error.code == "NOT_FOUND"


async def test_one_key_makes_one_customer_also_when_sent_at_once(customers: Running) -> None:
    request = creating(idempotency_key="k")
    answers = await asyncio.gather(*(customers.call(request) for _ in range(5)))
    assert len({answer.customer.id for answer in answers}) == 1
    code, message = await customers.refused(creating("Other", idempotency_key="k"))
    assert code is grpc.StatusCode.ABORTED
    assert "idempotency key" in message


async def test_an_external_id_belongs_to_one_customer_also_when_taken_at_once(customers: Running) -> None:
    request = creating(external_id=pb.ExternalId(source="shop", id="1"))
    answers = await asyncio.gather(*(customers.call(request) for _ in range(4)), return_exceptions=True)
    made = [answer for answer in answers if not isinstance(answer, BaseException)]
    assert len(made) == 1
    codes = {answer.code() for answer in answers if isinstance(answer, grpc.aio.AioRpcError)}
    assert codes == {grpc.StatusCode.ALREADY_EXISTS}
    found = await customers.call(pb.FindCustomerRequest(external_id=pb.ExternalId(source="shop", id="1")))
    assert found.customer.id == made[0].customer.id


async def test_what_people_enter_goes_into_a_record_of_our_own(customers: Running) -> None:
    customer = await created(customers, external_id=pb.ExternalId(source="shop", id="1"))
    update = pb.UpdateCustomerRequest(id=customer.id, version=1, fields=pb.CustomerFields(display_name="Ada L."))
    changed = (await customers.call(update)).customer
    assert {record.source for record in changed.source_records} == {"shop", "rundblick"}
    assert (changed.display_name, changed.version) == ("Ada L.", 2)
    again = (await customers.call(pb.UpdateCustomerRequest(id=customer.id, fields=update.fields))).customer
    assert again.version == 2
    code, message = await customers.refused(update)
    assert code is grpc.StatusCode.ABORTED
    assert "version 2" in message


async def test_an_owner_is_an_employee(customers: Running) -> None:
    employee = (await customers.call(employee_pb2.CreateEmployeeRequest(display_name="E"))).employee
    customer = await created(customers, owner_id=employee.id)
    assert customer.owner_id == employee.id
    code, _ = await customers.refused(pb.AssignOwnerRequest(id=customer.id, owner_id=f"emp_{NOBODY}"))
    assert code is grpc.StatusCode.NOT_FOUND
    nobody = (await customers.call(pb.AssignOwnerRequest(id=customer.id))).customer
    assert not nobody.HasField("owner_id")


async def test_a_partner_sees_and_writes_its_own_sources_alone(customers: Running) -> None:
    theirs = await created(customers, "Theirs", external_id=pb.ExternalId(source="shop", id="1"))
    ours = await created(customers, "Ours")
    listed = await customers.call(pb.ListCustomersRequest(), PARTNER)
    assert [edge.node.id for edge in listed.edges] == [theirs.id]
    answers = (await customers.call(pb.BatchGetCustomersRequest(ids=[ours.id]), PARTNER)).answers
    assert answers[ours.id].error.code == "NOT_FOUND"
    assert (await customers.refused(creating(), PARTNER))[0] is grpc.StatusCode.PERMISSION_DENIED
    outside = pb.FindCustomerRequest(external_id=pb.ExternalId(source="other", id="1"))
    assert (await customers.refused(outside, PARTNER))[0] is grpc.StatusCode.NOT_FOUND


@pytest.mark.parametrize("order", [0, 2, 3])
async def test_pages_give_each_customer_once_forward_and_backward(customers: Running, order: int) -> None:
    ids = {(await created(customers, f"Name {number % 3}")).id for number in range(7)}
    for first, after, more in (("first", "after", "has_next_page"), ("last", "before", "has_previous_page")):
        seen: list[str] = []
        place: dict[str, Any] = {}
        while True:
            asked: dict[str, Any] = {first: 3, **place}
            request = pb.ListCustomersRequest(page=page_pb2.PageRequest(**asked))
            request.order_by = order  # type: ignore[assignment]  # a number of the enum
            answer = await customers.call(request)
            seen += [edge.node.id for edge in answer.edges]
            if not getattr(answer.page_info, more):
                break
            place = {after: answer.page_info.end_cursor if first == "first" else answer.page_info.start_cursor}
        assert len(seen) == 7
        assert set(seen) == ids


async def test_a_search_finds_the_beginning_of_the_name_in_any_case(customers: Running) -> None:
    for name in ("Älteste GmbH", "älter", "Jung"):
        await created(customers, name)
    found = await customers.call(pb.ListCustomersRequest(search="ÄLT"))
    assert [edge.node.display_name for edge in found.edges] == ["älter", "Älteste GmbH"]


@pytest.mark.parametrize("count", [1, 10, 50])
async def test_every_read_costs_at_most_two_indexed_commands(
    customers: Running, commands: Commands, count: int
) -> None:
    ids = [
        (await created(customers, f"N{number}", external_id=pb.ExternalId(source="shop", id=str(number)))).id
        for number in range(count)
    ]
    for request in (
        pb.BatchGetCustomersRequest(ids=ids),
        pb.FindCustomerRequest(external_id=pb.ExternalId(source="shop", id="0")),
        pb.ListCustomersRequest(page=page_pb2.PageRequest(first=min(count, 100))),
        pb.ListCustomersRequest(search="N"),
        pb.ListCustomersRequest(filter=pb.CustomerFilter(source="shop")),
        pb.ListCustomersRequest(filter=pb.CustomerFilter(kind=pb.CUSTOMER_KIND_PERSON)),
        pb.ListCustomersRequest(order_by=pb.CUSTOMER_ORDER_CREATED_AT_ASC),
    ):
        with commands.recorded():
            await customers.call(request)
        assert 1 <= len(commands.found) <= 2, request
        assert await commands.unindexed() == [], request
