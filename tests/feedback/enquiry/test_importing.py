"""Imports: batch by batch, once each, bad rows singly refused."""

from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest
from rundblick.customers.v1 import customer_pb2, reference_pb2, touchpoint_pb2
from rundblick.feedback.v1 import enquiry_pb2 as pb
from rundblick.metrics.v1 import event_pb2

from chassis.times import to_timestamp
from tests.commands import Commands
from tests.feedback.conftest import Running

NINE = datetime(2026, 3, 2, 9, tzinfo=UTC)


def when(minutes: float) -> Any:
    return to_timestamp(NINE + timedelta(minutes=minutes))


def message(id: str, kind: str, minutes: float, **fields: Any) -> pb.ImportedMessage:
    author = pb.AuthorKind.Value(f"AUTHOR_KIND_{kind}")
    return pb.ImportedMessage(external_id=id, author_kind=author, occurred_at=when(minutes), body=id, **fields)


def row(id: str, *messages: pb.ImportedMessage, **fields: Any) -> pb.ImportedEnquiry:
    given = {"touchpoint_key": "twitter", "customer_external_id": "c9", "subject": "A question", **fields}
    return pb.ImportedEnquiry(
        external_id=id,
        opened_at=when(0),
        messages=messages or [message("ask", "CUSTOMER", 0)],
        **{name: value for name, value in given.items() if value is not None},
    )


def batch(*rows: pb.ImportedEnquiry, number: int = 1) -> pb.ImportEnquiriesRequest:
    new = reference_pb2.NewTouchpoint(
        name="Twitter",
        channel=touchpoint_pb2.CHANNEL_SOCIAL_MEDIA,
        nature=touchpoint_pb2.TOUCHPOINT_NATURE_DIGITAL,
        control=touchpoint_pb2.TOUCHPOINT_CONTROL_EARNED,
    )
    return pb.ImportEnquiriesRequest(
        batch=number,
        source="desk",
        enquiries=rows,
        customers=[
            reference_pb2.CustomerReference(
                external_id="c9",
                fields=customer_pb2.CustomerFields(display_name="Nine"),
                kind=customer_pb2.CUSTOMER_KIND_PERSON,
            )
        ],
        touchpoints=[reference_pb2.TouchpointReference(key="twitter", create=new)],
        teams=[reference_pb2.TeamReference(key="night", create_name="Night shift")],
    )


def counts(answer: pb.ImportEnquiriesResponse) -> tuple[int, int, int, int]:
    return answer.created, answer.changed, answer.unchanged, len(answer.rejected)


async def stored(feedback: Running) -> list[int]:
    return [await feedback.database[name].count_documents({}) for name in ("enquiries", "messages", "outbox")]


async def test_a_batch_is_stored_once_however_often_it_comes(feedback: Running) -> None:
    request = batch(row("1", resolved_at=when(9)), row("2", customer_external_id=None), row("3", team_key="night"))
    first, again = await feedback.imported(request, request)
    assert counts(first) == (3, 0, 0, 0)
    assert counts(again) == (0, 0, 3, 0)
    before = await stored(feedback)
    (third,) = await feedback.imported(request)
    assert counts(third) == (0, 0, 3, 0)
    assert await stored(feedback) == before == [3, 3, 9]


async def test_more_facts_of_a_known_row_are_added_and_corrected_in_the_figures(feedback: Running) -> None:
    await feedback.imported(batch(row("1")))
    answer = message("answer", "EMPLOYEE", 30, in_reply_to="ask")
    (changed,) = await feedback.imported(batch(row("1", message("ask", "CUSTOMER", 0), answer, resolved_at=when(30))))
    assert counts(changed) == (0, 1, 0, 0)
    entries = feedback.database["outbox"].find({"destination": "metrics"}).sort("_id", 1)
    last = [entry async for entry in entries][-1]
    events = {event.name: event for event in event_pb2.IngestEventsRequest.FromString(last["payload"]).events}
    assert events["wait.first"].before.state == event_pb2.OBSERVATION_STATE_OPEN
    assert events["wait.first"].after.value == 1800
    assert "enquiry.opened" not in events


async def test_bad_rows_are_refused_singly_with_the_reason(feedback: Running) -> None:
    no_time = row("no-time")
    no_time.ClearField("opened_at")
    rows = [
        row("good"),
        row(""),
        no_time,
        row("twice"),
        row("twice"),
        row("reply", message("ask", "CUSTOMER", 0, in_reply_to="other")),
        row("place", touchpoint_key="nowhere"),
        row("who", customer_external_id="nobody"),
        row("silent", subject=" "),
        row("same", message("a", "CUSTOMER", 0), message("a", "CUSTOMER", 1)),
    ]
    (answer,) = await feedback.imported(batch(*rows))
    assert counts(answer) == (2, 0, 0, 8)
    assert {(one.external_id, one.error.path[-1]) for one in answer.rejected} == {
        ("", "external_id"),
        ("no-time", "opened_at"),
        ("twice", "external_id"),
        ("reply", "in_reply_to"),
        ("place", "touchpoint"),
        ("who", "customer"),
        ("silent", "subject"),
        ("same", "messages"),
    }


async def test_an_address_that_is_none_is_left_out_and_told_by_its_row(feedback: Running) -> None:
    request = batch(row("1"), row("2"))
    request.customers[0].fields.emails.values.extend(["nonsense", "nine@example.org"])
    [answer] = await feedback.imported(request)
    assert counts(answer) == (2, 0, 0, 0)
    [left_out] = answer.left_out
    assert (left_out.external_id, list(left_out.error.path)) == ("1", ["fields", "emails", "0"])


async def test_the_closing_notice_ends_the_wait_and_is_flagged_when_dated_before(feedback: Running) -> None:
    question = message("ask", "CUSTOMER", 0)
    notice = message("answer", "EMPLOYEE", -30, in_reply_to="ask")
    await feedback.imported(batch(row("1", question, notice, resolved_at=when(-30))))
    (edge,) = (await feedback.call(pb.ListEnquiriesRequest())).edges
    assert edge.node.status == pb.ENQUIRY_STATUS_RESOLVED
    assert {wait.flagged for wait in edge.node.waits} == {pb.WAIT_FLAG_NEGATIVE}


async def test_a_batch_without_a_source_or_too_large_ends_the_import(feedback: Running) -> None:
    without = batch(row("1"))
    without.source = ""
    large = batch(*(row(str(number)) for number in range(1001)))
    for request in (without, large):
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await feedback.imported(request)
        assert error.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert await stored(feedback) == [0, 0, 0]


async def test_known_rows_are_found_by_index(feedback: Running, commands: Commands) -> None:
    request = batch(*(row(str(number)) for number in range(20)))
    await feedback.imported(request)
    with commands.recorded():
        await feedback.imported(request)
    assert {name for name, _ in commands.found} == {"find"}
    assert await commands.unindexed() == []
