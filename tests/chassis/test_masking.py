"""Personal fields leave the process for nobody who lacks their scope, wherever in an answer they lie."""

import pytest
from google.protobuf.message import Message
from rundblick.customers.v1 import customer_pb2 as pb
from rundblick.customers.v1 import employee_pb2

from chassis import rights
from chassis.caller import Caller, Reach
from chassis.masking import Masking

MASKING = Masking(rights.load("rundblick.customers.v1", "rundblick.shared.v1"))
ADA = pb.Customer(
    id="cus_1",
    display_name="Ada",
    emails=["ada@example.org"],
    phones=["+4930123456"],
    addresses=[pb.PostalAddress(city="Berlin")],
)
WITHOUT = pb.Customer(id="cus_1", display_name="Ada")


def answer(customer: pb.Customer) -> list[Message]:
    return [
        pb.FindCustomerResponse(customer=customer),
        pb.ListCustomersResponse(edges=[pb.CustomerEdge(cursor="c", node=customer)]),
        pb.BatchGetCustomersResponse(answers={"cus_1": pb.CustomerAnswer(value=customer)}),
        pb.SplitCustomerResponse(customer=customer, split_off=customer),
    ]


@pytest.mark.parametrize("place", range(len(answer(ADA))))
@pytest.mark.parametrize(
    "scopes",
    [{"customers:read"}, {"customers:read", "customers:personal:own"}, {"customers:read", "customers:personal:team"}],
)
def test_without_the_scope_they_are_cleared_and_the_rest_stays(place: int, scopes: set[str]) -> None:
    said = answer(ADA)[place]
    MASKING.mask(Caller("somebody", frozenset(scopes)), said)
    assert said == answer(WITHOUT)[place]


@pytest.mark.parametrize("place", range(len(answer(ADA))))
@pytest.mark.parametrize("scopes", [{"customers:read", "customers:personal"}, {"*"}])
def test_with_the_scope_they_stay(place: int, scopes: set[str]) -> None:
    said = answer(ADA)[place]
    MASKING.mask(Caller("somebody", frozenset(scopes), employee="emp_1", rows=Reach.OWN), said)
    assert said == answer(ADA)[place]


def test_an_answer_without_any_is_as_it_was() -> None:
    empty = pb.FindCustomerResponse()
    MASKING.mask(Caller("somebody"), empty)
    assert empty == pb.FindCustomerResponse()
    assert not empty.HasField("customer")


def test_a_scope_that_partners_may_not_hold_shows_them_nothing() -> None:
    """Whatever their token says: who signs in as whom is the company's own."""
    said = employee_pb2.Employee(id="emp_1", subjects=[employee_pb2.EmployeeSubject(issuer="i", subject="s")])
    partner = Caller("partner", frozenset({"*"}), sources=frozenset({"shop"}))
    MASKING.mask(partner, said)
    assert not said.subjects
