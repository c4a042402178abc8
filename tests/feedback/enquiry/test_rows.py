"""Whoever is limited to what is assigned to them, or to their team, sees and changes that and nothing else."""

from dataclasses import dataclass

import grpc
import pytest
from rundblick.customers.v1 import customer_pb2
from rundblick.feedback.v1 import enquiry_pb2 as pb

from chassis.caller import Caller
from tests.callers import partner
from tests.commands import Commands
from tests.feedback.conftest import Running
from tests.feedback.enquiry.test_servicer import NOBODY, opened, opening, refused, when


@dataclass
class Queue:
    """One enquiry is the employee's, one only their team's, one nobody's."""

    mine: str
    ours: str
    nobodys: str
    team: str

    def caller(self, feedback: Running, ending: str) -> Caller:
        scopes = {"enquiries:read" + ending, "enquiries:write" + ending}
        return Caller("ann", frozenset(scopes), employee=feedback.employee, team=self.team)

    def of(self, names: list[str]) -> set[str]:
        return {getattr(self, name) for name in names}


@pytest.fixture
async def queue(feedback: Running) -> Queue:
    mine, ours, nobodys = [(await opened(feedback)).id for _ in range(3)]
    await feedback.call(pb.AssignEnquiryRequest(id=mine, assignee_id=feedback.employee))
    assigned = await feedback.call(pb.AssignEnquiryRequest(id=ours, team_key="support"))
    return Queue(mine, ours, nobodys, assigned.enquiry.team_id)


CASES = [(":own", ["mine"]), (":team", ["mine", "ours"]), ("", ["mine", "ours", "nobodys"])]


@pytest.mark.parametrize(("ending", "seen"), CASES)
async def test_every_way_to_an_enquiry_shows_the_same(
    feedback: Running, queue: Queue, ending: str, seen: list[str]
) -> None:
    caller, wanted = queue.caller(feedback, ending), queue.of(seen)
    ids = [queue.mine, queue.ours, queue.nobodys]
    answers = (await feedback.call(pb.BatchGetEnquiriesRequest(ids=ids), caller)).answers
    listed = (await feedback.call(pb.ListEnquiriesRequest(), caller)).edges
    longest = pb.ListEnquiriesRequest(order_by=pb.ENQUIRY_ORDER_WAITING_LONGEST)
    waiting = (await feedback.call(longest, caller)).edges
    of_customer = pb.BatchListEnquiriesRequest(customer_ids=[feedback.customer])
    nested = (await feedback.call(of_customer, caller)).pages[feedback.customer].edges
    messages = (await feedback.call(pb.BatchListMessagesRequest(enquiry_ids=ids), caller)).pages
    assert {id for id in ids if answers[id].HasField("value")} == wanted
    assert {edge.node.id for edge in listed} == wanted
    assert {edge.node.id for edge in waiting} == wanted
    assert {edge.node.id for edge in nested} == wanted
    assert {id for id in ids if messages[id].edges} == wanted


@pytest.mark.parametrize(("ending", "seen"), CASES)
async def test_what_is_not_seen_is_not_changed_as_if_it_did_not_exist(
    feedback: Running, queue: Queue, ending: str, seen: list[str]
) -> None:
    caller, wanted = queue.caller(feedback, ending), queue.of(seen)
    for id in (queue.mine, queue.ours, queue.nobodys):
        note = pb.NewMessage(author_kind=pb.AUTHOR_KIND_EMPLOYEE, author_id=feedback.employee, occurred_at=when(5))
        for request in (
            pb.AddMessageRequest(enquiry_id=id, message=note),
            pb.UpdateEnquiryRequest(id=id, category="returns"),
            pb.ResolveEnquiryRequest(id=id),
        ):
            if id in wanted:
                await feedback.call(request, caller)
            else:
                assert await refused(feedback, request, caller) is grpc.StatusCode.NOT_FOUND


async def test_reading_further_than_writing_is_possible(feedback: Running, queue: Queue) -> None:
    scopes = frozenset({"enquiries:read", "enquiries:write:own"})
    caller = Caller("ann", scopes, employee=feedback.employee, team=queue.team)
    assert len((await feedback.call(pb.ListEnquiriesRequest(), caller)).edges) == 3
    assert await refused(feedback, pb.CloseEnquiryRequest(id=queue.ours), caller) is grpc.StatusCode.NOT_FOUND
    await feedback.call(pb.CloseEnquiryRequest(id=queue.mine), caller)


async def test_anybody_who_writes_takes_in_what_happened(feedback: Running, queue: Queue) -> None:
    caller = queue.caller(feedback, ":own")
    taken = (await feedback.call(opening(feedback), caller)).enquiry
    answers = (await feedback.call(pb.BatchGetEnquiriesRequest(ids=[taken.id]))).answers
    assert answers[taken.id].HasField("value")


async def test_a_partner_does_not_learn_of_a_customer_by_opening_an_enquiry(feedback: Running) -> None:
    """The customer of the fixture is known to the shop, not to the fair."""
    fair, unknown = partner("fair"), f"cus_{NOBODY}"
    refusals = []
    for id in (feedback.customer, unknown):
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await feedback.call(opening(feedback, source="fair", customer_id=id, touchpoint_key=None), fair)
        refusals.append((error.value.code(), (error.value.details() or "").replace(id, "")))
    assert refusals[0] == refusals[1]
    assert refusals[0][0] in (grpc.StatusCode.NOT_FOUND, grpc.StatusCode.INVALID_ARGUMENT)
    outside = customer_pb2.ExternalId(source="shop", id="c1")
    request = opening(feedback, source="fair", customer_id=None, customer_external_id=outside, touchpoint_key=None)
    assert await refused(feedback, request, fair) is not grpc.StatusCode.OK


@pytest.mark.parametrize("ending", [":own", ":team"])
async def test_limits_cost_no_whole_collection(
    feedback: Running, queue: Queue, commands: Commands, ending: str
) -> None:
    caller = queue.caller(feedback, ending)
    for request in (
        pb.ListEnquiriesRequest(),
        pb.BatchGetEnquiriesRequest(ids=[queue.mine, queue.ours]),
        pb.BatchListMessagesRequest(enquiry_ids=[queue.mine, queue.ours]),
    ):
        with commands.recorded():
            await feedback.call(request, caller)
        assert await commands.unindexed() == [], request
