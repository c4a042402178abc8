"""Enquiries over gRPC: every step, every refusal, and nothing half done."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest
from rundblick.customers.v1 import customer_pb2, interaction_pb2
from rundblick.feedback.v1 import enquiry_pb2 as pb
from rundblick.shared.v1 import page_pb2

from chassis.caller import Caller
from chassis.times import to_timestamp
from tests.callers import partner
from tests.commands import Commands
from tests.feedback.conftest import Running

NINE = datetime(2026, 3, 2, 9, tzinfo=UTC)
NOBODY = "00000000000000000000000000"


def when(minutes: float) -> Any:
    return to_timestamp(NINE + timedelta(minutes=minutes))


def opening(feedback: Running, **fields: Any) -> pb.OpenEnquiryRequest:
    given: dict[str, Any] = {
        "customer_id": feedback.customer,
        "touchpoint_key": "form",
        "subject": "Where is it?",
        "message": pb.NewMessage(body="Where is it?", occurred_at=when(0)),
        **fields,
    }
    return pb.OpenEnquiryRequest(**{name: value for name, value in given.items() if value is not None})


async def opened(feedback: Running, **fields: Any) -> pb.Enquiry:
    answer = await feedback.call(opening(feedback, **fields))
    enquiry: pb.Enquiry = answer.enquiry
    return enquiry


async def refused(feedback: Running, request: Any, caller: Caller | None = None) -> grpc.StatusCode:
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await feedback.call(request, caller)
    status: grpc.StatusCode = error.value.code()
    return status


async def test_an_enquiry_keeps_the_record_it_came_in_for(feedback: Running) -> None:
    by_id = await opened(feedback)
    assert by_id.customer_id == feedback.customer
    assert by_id.source_record_id
    assert by_id.touchpoint_id == feedback.touchpoint
    outside = customer_pb2.ExternalId(source="shop", id="c1")
    by_key = await opened(feedback, customer_id=None, customer_external_id=outside)
    assert by_key.customer_id == feedback.customer
    assert by_key.source_record_id != by_id.source_record_id
    nobody = await opened(feedback, customer_id=None)
    assert not nobody.HasField("customer_id")


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"touchpoint_key": "nowhere"}, "nowhere"),
        ({"customer_id": f"cus_{NOBODY}"}, NOBODY),
        ({"team_key": "nobody"}, "nobody"),
        ({"subject": " "}, "subject"),
        ({"message": pb.NewMessage(author_id=f"emp_{NOBODY}")}, NOBODY),
    ],
)
async def test_what_is_not_known_is_named_and_nothing_is_stored(
    feedback: Running, fields: dict[str, Any], named: str
) -> None:
    with pytest.raises(grpc.aio.AioRpcError, match=named) as error:
        await opened(feedback, **fields)
    assert error.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    for collection in ("enquiries", "messages", "outbox"):
        assert await feedback.database[collection].count_documents({}) == 0


async def test_one_key_opens_one_enquiry_also_when_sent_at_once(feedback: Running) -> None:
    request = opening(feedback, idempotency_key="k")
    answers = await asyncio.gather(*(feedback.call(request) for _ in range(5)))
    assert len({answer.enquiry.id for answer in answers}) == 1
    other = opening(feedback, idempotency_key="k", subject="Something else")
    assert await refused(feedback, other) is grpc.StatusCode.ABORTED
    assert await feedback.database["enquiries"].count_documents({}) == 1


async def test_an_external_id_belongs_to_one_enquiry_of_its_source(feedback: Running) -> None:
    await opened(feedback, source="shop", external_id="e1")
    assert await refused(feedback, opening(feedback, source="shop", external_id="e1")) is grpc.StatusCode.ALREADY_EXISTS
    await opened(feedback, source="fair", external_id="e1")


async def test_a_conversation_from_question_to_close(feedback: Running) -> None:
    id = (await opened(feedback)).id
    answered = await feedback.call(
        pb.AddMessageRequest(
            enquiry_id=id,
            message=pb.NewMessage(
                author_kind=pb.AUTHOR_KIND_EMPLOYEE, author_id=feedback.employee, body="Soon.", occurred_at=when(30)
            ),
        )
    )
    first = next(wait for wait in answered.enquiry.waits if wait.kind == pb.WAIT_KIND_FIRST)
    assert (first.seconds, first.answered_by_id) == (1800, feedback.employee)
    assigned = await feedback.call(
        pb.AssignEnquiryRequest(id=id, assignee_id=feedback.employee, team_key="support", occurred_at=when(31))
    )
    assert assigned.enquiry.team_id
    pending = await feedback.call(
        pb.UpdateEnquiryRequest(id=id, status=pb.ENQUIRY_STATUS_PENDING, category="parts", occurred_at=when(32))
    )
    assert (pending.enquiry.status, pending.enquiry.category) == (pb.ENQUIRY_STATUS_PENDING, "parts")
    resolved = await feedback.call(pb.ResolveEnquiryRequest(id=id, occurred_at=when(60)))
    assert resolved.enquiry.waits[-1].paused_seconds == 28 * 60
    reopened = await feedback.call(pb.ReopenEnquiryRequest(id=id, occurred_at=when(70)))
    assert reopened.enquiry.reopen_count == 1
    closed = await feedback.call(pb.CloseEnquiryRequest(id=id, occurred_at=when(80)))
    assert closed.enquiry.status == pb.ENQUIRY_STATUS_CLOSED
    excluded = await feedback.call(pb.ExcludeEnquiryRequest(id=id, reason=pb.EXCLUSION_REASON_SPAM))
    assert {wait.ended for wait in excluded.enquiry.waits} == {pb.WAIT_END_EXCLUDED}
    assert await refused(feedback, pb.ReopenEnquiryRequest(id=id)) is grpc.StatusCode.ABORTED


async def test_a_late_answer_changes_the_wait_it_belongs_to(feedback: Running) -> None:
    id = (await opened(feedback)).id
    for minutes in (50, 20):
        message = pb.NewMessage(author_kind=pb.AUTHOR_KIND_EMPLOYEE, body="Here.", occurred_at=when(minutes))
        answer = await feedback.call(pb.AddMessageRequest(enquiry_id=id, message=message))
    assert answer.enquiry.waits[0].seconds == 20 * 60


async def test_a_reply_to_what_is_not_there_and_a_stale_version_change_nothing(feedback: Running) -> None:
    enquiry = await opened(feedback)
    reply = pb.NewMessage(body="?", in_reply_to_id=f"msg_{NOBODY}")
    request = pb.AddMessageRequest(enquiry_id=enquiry.id, message=reply)
    assert await refused(feedback, request) is grpc.StatusCode.NOT_FOUND
    stale = pb.UpdateEnquiryRequest(id=enquiry.id, version=7, subject="Other")
    assert await refused(feedback, stale) is grpc.StatusCode.ABORTED
    assert await refused(feedback, pb.ResolveEnquiryRequest(id=f"enq_{NOBODY}")) is grpc.StatusCode.NOT_FOUND
    answers = (await feedback.call(pb.BatchGetEnquiriesRequest(ids=[enquiry.id, f"enq_{NOBODY}"]))).answers
    assert answers[enquiry.id].value.version == 1
    assert answers[f"enq_{NOBODY}"].error.code == "NOT_FOUND"


async def test_who_waits_longest_comes_first(feedback: Running) -> None:
    ids = [
        (await opened(feedback, message=pb.NewMessage(body="?", occurred_at=when(minutes)))).id for minutes in (5, 1, 9)
    ]
    answer = pb.NewMessage(author_kind=pb.AUTHOR_KIND_EMPLOYEE, body="!", occurred_at=when(20))
    await feedback.call(pb.AddMessageRequest(enquiry_id=ids[2], message=answer))
    request = pb.ListEnquiriesRequest(order_by=pb.ENQUIRY_ORDER_WAITING_LONGEST)
    assert [edge.node.id for edge in (await feedback.call(request)).edges] == [ids[1], ids[0]]
    for waiting, expected in ((True, set(ids[:2])), (False, {ids[2]})):
        filtered = pb.ListEnquiriesRequest(filter=pb.EnquiryFilter(waiting=waiting))
        assert {edge.node.id for edge in (await feedback.call(filtered)).edges} == expected


async def test_pages_give_each_enquiry_once_forward_and_backward(feedback: Running) -> None:
    ids = [(await opened(feedback, opened_at=when(minutes // 2))).id for minutes in range(5)]
    for first, after, more in (("first", "after", "has_next_page"), ("last", "before", "has_previous_page")):
        seen: list[str] = []
        place: dict[str, Any] = {}
        while True:
            asked: dict[str, Any] = {first: 2, **place}
            page = page_pb2.PageRequest(**asked)
            answer = await feedback.call(pb.ListEnquiriesRequest(page=page))
            part = [edge.node.id for edge in answer.edges]
            seen = seen + part if first == "first" else part + seen
            if not getattr(answer.page_info, more):
                break
            info = answer.page_info
            place = {after: info.end_cursor if first == "first" else info.start_cursor}
        assert seen == sorted(ids, key=lambda id: (ids.index(id) // 2, id), reverse=True)


@pytest.mark.parametrize("count", [1, 10, 50])
async def test_every_read_costs_at_most_two_indexed_commands(feedback: Running, commands: Commands, count: int) -> None:
    ids = [(await opened(feedback)).id for _ in range(3)]
    customers = [feedback.customer, *(f"cus_{number:026}" for number in range(count - 1))]
    filter = pb.EnquiryFilter(statuses=[pb.ENQUIRY_STATUS_NEW])
    for request in (
        pb.BatchGetEnquiriesRequest(ids=(ids * 20)[:count]),
        pb.BatchListEnquiriesRequest(customer_ids=customers, filter=pb.EnquiryFilter(waiting=True)),
        pb.BatchListMessagesRequest(enquiry_ids=(ids * 20)[:count]),
        pb.ListEnquiriesRequest(),
        pb.ListEnquiriesRequest(order_by=pb.ENQUIRY_ORDER_OPENED_AT_ASC),
        pb.ListEnquiriesRequest(order_by=pb.ENQUIRY_ORDER_WAITING_LONGEST),
        pb.ListEnquiriesRequest(filter=filter),
        pb.ListEnquiriesRequest(filter=pb.EnquiryFilter(touchpoint_ids=[feedback.touchpoint])),
    ):
        with commands.recorded():
            await feedback.call(request)
        assert len(commands.found) <= 2, request
        assert await commands.unindexed() == [], request


async def test_a_partner_sees_and_writes_its_own_sources_alone(feedback: Running) -> None:
    theirs = await opened(feedback, source="shop", external_id="s1")
    ours = await opened(feedback)
    outside = partner("shop")
    listed = await feedback.call(pb.ListEnquiriesRequest(), outside)
    assert [edge.node.id for edge in listed.edges] == [theirs.id]
    answers = (await feedback.call(pb.BatchGetEnquiriesRequest(ids=[ours.id]), outside)).answers
    assert answers[ours.id].error.code == "NOT_FOUND"
    assert await refused(feedback, pb.CloseEnquiryRequest(id=ours.id), outside) is grpc.StatusCode.NOT_FOUND
    assert await refused(feedback, opening(feedback), outside) is grpc.StatusCode.PERMISSION_DENIED
    assigned = pb.AssignEnquiryRequest(id=theirs.id, assignee_id=feedback.employee)
    assert await refused(feedback, assigned, outside) is grpc.StatusCode.INVALID_ARGUMENT, "they know no employee"
    assert (await feedback.call(assigned)).enquiry.assignee_id == feedback.employee


async def test_an_enquiry_is_taken_while_customers_is_away_and_linked_when_it_is_back(feedback: Running) -> None:
    await feedback.stop_customers()
    answer = pb.NewMessage(author_kind=pb.AUTHOR_KIND_EMPLOYEE, author_id=feedback.employee, occurred_at=when(5))
    taken = await opened(feedback, team_key="support")
    await feedback.call(pb.AddMessageRequest(enquiry_id=taken.id, message=answer))
    assert not taken.HasField("customer_id")
    assert not taken.HasField("touchpoint_id")
    await feedback.start_customers()
    await feedback.delivered()
    linked = (await feedback.call(pb.BatchGetEnquiriesRequest(ids=[taken.id]))).answers[taken.id].value
    assert linked.customer_id == feedback.customer
    assert linked.source_record_id
    assert linked.touchpoint_id == feedback.touchpoint
    assert linked.team_id
    assert linked.waits[0].started_touchpoint_id == feedback.touchpoint
    request = interaction_pb2.BatchListInteractionsRequest(customer_ids=[feedback.customer])
    journey = (await feedback.journey.BatchListInteractions(request, timeout=10)).pages[feedback.customer]
    assert [edge.node.touchpoint_id for edge in journey.edges] == [feedback.touchpoint] * 2
    assert {edge.node.source_record_id for edge in journey.edges} == {linked.source_record_id}


async def test_what_an_enquiry_refers_to_and_nobody_knows_is_told_again_and_again(feedback: Running) -> None:
    await feedback.stop_customers()
    taken = await opened(feedback, touchpoint_key="nowhere")
    await feedback.start_customers()
    async with feedback.service.relaying():
        end = time.monotonic() + 20
        while await feedback.database["outbox"].count_documents({"error": {"$exists": False}}):
            assert time.monotonic() < end
            await asyncio.sleep(0.02)
    waiting = await feedback.database["outbox"].find().to_list(None)
    assert [(one["aggregate"], one["error"]["message"]) for one in waiting] == [
        (taken.id, "there is no touchpoint nowhere")
    ]
    # What was found is linked nevertheless.
    linked = (await feedback.call(pb.BatchGetEnquiriesRequest(ids=[taken.id]))).answers[taken.id].value
    assert linked.customer_id == feedback.customer


async def test_the_journey_learns_of_every_public_message_once(feedback: Running) -> None:
    id = (await opened(feedback)).id
    note = pb.NewMessage(author_kind=pb.AUTHOR_KIND_EMPLOYEE, visibility=pb.VISIBILITY_INTERNAL, body="hm")
    await feedback.call(pb.AddMessageRequest(enquiry_id=id, message=note))
    request = interaction_pb2.BatchListInteractionsRequest(customer_ids=[feedback.customer])
    await feedback.delivered()
    edges = (await feedback.journey.BatchListInteractions(request, timeout=10)).pages[feedback.customer].edges
    assert [(edge.node.subject.id, edge.node.direction) for edge in edges] == [(id, interaction_pb2.DIRECTION_INBOUND)]
