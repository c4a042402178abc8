"""Writes that are refused say why in a code, and leave the customer as it was."""

from typing import Any

import grpc
import pytest
from rundblick.customers.v1 import customer_pb2 as pb
from rundblick.customers.v1 import employee_pb2

from chassis.calls import error_of
from tests.customers.conftest import NOBODY, Running


def creating(name: str = "Ada", **fields: Any) -> pb.CreateCustomerRequest:
    return pb.CreateCustomerRequest(kind=pb.CUSTOMER_KIND_PERSON, fields=pb.CustomerFields(display_name=name), **fields)


async def created(customers: Running, **fields: Any) -> pb.Customer:
    customer: pb.Customer = (await customers.call(creating(**fields))).customer
    return customer


async def present(customers: Running, id: str) -> pb.Customer:
    answer: pb.Customer = (await customers.call(pb.BatchGetCustomersRequest(ids=[id]))).answers[id].value
    return answer


async def why(customers: Running, request: Any) -> tuple[str, tuple[str, ...]]:
    """The code and the path of a refusal."""
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await customers.call(request)
    fault = error_of(refused.value).fault
    return fault.code, fault.path


async def test_a_key_used_with_other_input_is_a_mismatch_and_makes_nobody(customers: Running) -> None:
    await created(customers, idempotency_key="k")
    mismatch = ("IDEMPOTENCY_MISMATCH", ("idempotency_key",))
    assert await why(customers, creating("Other", idempotency_key="k")) == mismatch
    assert len((await customers.call(pb.ListCustomersRequest())).edges) == 1


async def test_a_key_of_one_rpc_is_free_for_another(customers: Running) -> None:
    customer = await created(customers, idempotency_key="k")
    update = pb.UpdateCustomerRequest(
        idempotency_key="k", id=customer.id, version=1, fields=pb.CustomerFields(locale="de")
    )
    first = (await customers.call(update)).customer
    assert (first.locale, first.version) == ("de", 2)
    again = (await customers.call(update)).customer
    assert again == first, "sent again it is answered, not refused as stale"


async def test_a_stale_version_changes_nothing(customers: Running) -> None:
    customer = await created(customers)
    await customers.call(pb.UpdateCustomerRequest(id=customer.id, fields=pb.CustomerFields(locale="de")))
    before = await present(customers, customer.id)
    stale = pb.UpdateCustomerRequest(id=customer.id, version=1, fields=pb.CustomerFields(locale="fr"))
    assert await why(customers, stale) == ("CONFLICT", ("version",))
    assert await present(customers, customer.id) == before


async def test_an_unknown_customer_is_not_found(customers: Running) -> None:
    for request in (pb.UpdateCustomerRequest(id=f"cus_{NOBODY}"), pb.AssignOwnerRequest(id=f"cus_{NOBODY}")):
        assert (await customers.refused(request))[0] is grpc.StatusCode.NOT_FOUND


async def test_what_cannot_be_is_refused_with_its_path_and_makes_nobody(customers: Running) -> None:
    bad = creating()
    bad.fields.emails.values.extend(["a@b.org", "nonsense"])
    half = creating(external_id=pb.ExternalId(source="shop"))
    assert await why(customers, bad) == ("INVALID", ("fields", "emails", "1"))
    assert await why(customers, pb.CreateCustomerRequest(fields=creating().fields)) == ("INVALID", ("kind",))
    assert await why(customers, half) == ("INVALID", ("external_id",))
    assert await why(customers, creating("")) == ("INVALID", ("fields", "display_name"))
    assert not (await customers.call(pb.ListCustomersRequest())).edges


async def test_an_emptied_field_is_gone_and_the_name_follows_the_names(customers: Running) -> None:
    fields = pb.CustomerFields(
        display_name="Ada", given_name="A.", family_name="L.", emails=pb.StringList(values=["a@b.org"])
    )
    request = pb.CreateCustomerRequest(kind=pb.CUSTOMER_KIND_PERSON, fields=fields)
    id = (await customers.call(request)).customer.id
    emptied = pb.CustomerFields(display_name="", emails=pb.StringList())
    changed = (await customers.call(pb.UpdateCustomerRequest(id=id, fields=emptied))).customer
    assert (changed.display_name, list(changed.emails)) == ("A. L.", [])
    assert {p.field for p in changed.provenance} == {"given_name", "family_name"}


async def test_assigning_the_same_owner_again_is_no_new_version(customers: Running) -> None:
    owner = (await customers.call(employee_pb2.CreateEmployeeRequest(display_name="E"))).employee.id
    id = (await created(customers)).id
    versions = [(await customers.call(pb.AssignOwnerRequest(id=id, owner_id=owner))).customer.version for _ in range(2)]
    assert versions == [2, 2]
    mine = pb.ListCustomersRequest(filter=pb.CustomerFilter(owner_id=owner))
    assert [edge.node.id for edge in (await customers.call(mine)).edges] == [id]
