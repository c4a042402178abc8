"""Duplicates become one conversation that is counted once, and nothing of them is lost."""

import asyncio
from typing import Any

import grpc
import pytest
from rundblick.feedback.v1 import enquiry_pb2 as pb
from rundblick.metrics.v1 import event_pb2

from chassis.caller import Caller
from tests.callers import partner
from tests.feedback.conftest import Running
from tests.feedback.enquiry.test_importing import batch, counts, row
from tests.feedback.enquiry.test_importing import message as imported
from tests.feedback.enquiry.test_life import message
from tests.feedback.enquiry.test_rederiving import differences
from tests.feedback.enquiry.test_servicer import NOBODY, opened, refused, when


def merging(into: pb.Enquiry, *duplicates: pb.Enquiry, **fields: Any) -> pb.MergeEnquiriesRequest:
    return pb.MergeEnquiriesRequest(into_id=into.id, duplicate_ids=[one.id for one in duplicates], **fields)


async def asked(feedback: Running, minutes: float, **fields: Any) -> pb.Enquiry:
    return await opened(feedback, message=pb.NewMessage(body="?", occurred_at=when(minutes)), **fields)


async def contributions(feedback: Running) -> dict[tuple[str, str], event_pb2.Observation]:
    """What metrics knows when all that was ever told has arrived: each takes back what was told before it."""
    known: dict[tuple[str, str], event_pb2.Observation] = {}
    async for document in feedback.database["outbox"].find({"destination": "metrics"}).sort("_id", 1):
        for event in event_pb2.IngestEventsRequest.FromString(document["payload"]).events:
            key = (event.name, event.subject_id)
            assert event.HasField("before") == (key in known), key
            assert not event.HasField("before") or event.before == known[key]
            known.pop(key, None)
            if event.HasField("after"):
                known[key] = event.after
    return known


def counted(known: dict[tuple[str, str], event_pb2.Observation], name: str) -> list[tuple[str, float]]:
    states = event_pb2.ObservationState
    return sorted(
        (states.Name(one.state).removeprefix("OBSERVATION_STATE_"), one.value)
        for (event, _), one in known.items()
        if event == name
    )


async def test_duplicates_become_one_conversation_that_is_counted_once(feedback: Running) -> None:
    first, late = await asked(feedback, 0), await asked(feedback, 20)
    spare = await asked(feedback, 30, customer_id=None)
    answer = pb.AddMessageRequest(enquiry_id=late.id, message=message(50, author_id=feedback.employee))
    for _ in range(3):
        # Its contacts were told with a version beyond that of the one that is kept.
        late = (await feedback.call(answer)).enquiry
    request = merging(first, late, spare, occurred_at=when(60), idempotency_key="k")
    answers = [await feedback.call(request) for _ in range(2)]
    assert answers[0] == answers[1]
    kept, duplicates = answers[0].enquiry, answers[0].duplicates
    [wait] = [one for one in kept.waits if one.kind == pb.WAIT_KIND_FIRST]
    assert (wait.seconds, wait.answered_by_id) == (50 * 60, feedback.employee)
    for duplicate in duplicates:
        assert (duplicate.excluded, duplicate.merged_into_id) == (pb.EXCLUSION_REASON_DUPLICATE, first.id)
        assert [one.kind for one in duplicate.waits] == [pb.WAIT_KIND_RESOLUTION]
    assert duplicates[0].history[-1].at == when(60)
    pages = (await feedback.call(pb.BatchListMessagesRequest(enquiry_ids=[first.id, late.id]))).pages
    assert [len(pages[id].edges) for id in (first.id, late.id)] == [6, 0]
    known = await contributions(feedback)
    assert counted(known, "wait.first") == [("COMPLETE", 3000.0)]
    assert counted(known, "wait.next") == []
    assert [state for state, _ in counted(known, "enquiry.opened")] == ["COMPLETE", "EXCLUDED", "EXCLUDED"]
    again = await feedback.call(merging(first, spare, late))
    assert again.enquiry.version == kept.version, "once more it changes nothing"
    await feedback.delivered()
    journey = await feedback.journey_of(feedback.customer)
    assert {edge.node.subject.id for edge in journey} == {first.id}
    assert len(journey) == 6
    assert await differences(feedback) == []
    for step in (
        pb.AddMessageRequest(enquiry_id=late.id, message=message(70)),
        pb.IncludeEnquiryRequest(id=late.id),
        pb.UpdateEnquiryRequest(id=late.id, category="x"),
        pb.AssignEnquiryRequest(id=late.id),
        merging(late, await asked(feedback, 80)),
        merging(await asked(feedback, 90), late),
    ):
        assert await refused(feedback, step) is grpc.StatusCode.ABORTED, step


async def test_what_was_excluded_counts_again_as_if_it_had_never_been(feedback: Running) -> None:
    enquiry = await asked(feedback, 0)
    before = await contributions(feedback)
    await feedback.call(pb.ExcludeEnquiryRequest(id=enquiry.id, reason=pb.EXCLUSION_REASON_SPAM))
    assert {one.state for one in (await contributions(feedback)).values()} == {event_pb2.OBSERVATION_STATE_EXCLUDED}
    included = (await feedback.call(pb.IncludeEnquiryRequest(id=enquiry.id))).enquiry
    assert await contributions(feedback) == before
    assert {wait.ended for wait in included.waits} == {pb.WAIT_END_UNSPECIFIED}
    # Marked by hand first, merged then.
    other = await asked(feedback, 5)
    await feedback.call(pb.ExcludeEnquiryRequest(id=other.id, reason=pb.EXCLUSION_REASON_DUPLICATE))
    done = await feedback.call(merging(enquiry, other))
    assert done.duplicates[0].merged_into_id == enquiry.id
    assert await refused(feedback, pb.IncludeEnquiryRequest(id=other.id)) is grpc.StatusCode.ABORTED


async def test_what_does_not_belong_together_is_not_merged_and_says_why(feedback: Running) -> None:
    enquiry, of_shop, nobodys = (
        await asked(feedback, 0),
        await asked(feedback, 1, source="shop"),
        await asked(feedback, 2, customer_id=None),
    )
    spam = await asked(feedback, 3)
    await feedback.call(pb.ExcludeEnquiryRequest(id=spam.id, reason=pb.EXCLUSION_REASON_SPAM))
    outbox = await feedback.database["outbox"].count_documents({})
    for request, said in (
        (merging(enquiry, of_shop), "another source"),
        (merging(nobodys, enquiry), "nobody knows whose"),
        (merging(enquiry, spam), "excluded as SPAM"),
        (merging(spam, enquiry), "excluded as SPAM"),
        (merging(enquiry, enquiry), "no duplicate of itself"),
        (merging(enquiry), "1 to 50"),
        (pb.MergeEnquiriesRequest(into_id=enquiry.id, duplicate_ids=[f"enq_{NOBODY}"]), NOBODY),
    ):
        with pytest.raises(grpc.aio.AioRpcError, match=said):
            await feedback.call(request)
    await feedback.database["enquiries"].update_one({"_id": nobodys.id}, {"$set": {"customer": "cus_other"}})
    with pytest.raises(grpc.aio.AioRpcError, match="another customer"):
        await feedback.call(merging(enquiry, nobodys))
    other, mine = partner("fair"), Caller("ann", frozenset({"enquiries:write:own"}), employee=feedback.employee)
    for caller in (other, mine):
        assert await refused(feedback, merging(enquiry, of_shop), caller) is grpc.StatusCode.NOT_FOUND
    assert await feedback.database["outbox"].count_documents({}) == outbox


async def test_merges_and_messages_at_once_lose_nothing(feedback: Running) -> None:
    kept, *others = [await asked(feedback, minutes) for minutes in range(4)]
    written = [pb.AddMessageRequest(enquiry_id=one.id, message=message(30)) for one in others]
    merges = [merging(kept, one) for one in others]
    done = await asyncio.gather(*(feedback.call(one) for one in (*merges, *written)), return_exceptions=True)
    refusals = [one for one in done if isinstance(one, BaseException)]
    assert {one.code() for one in refusals if isinstance(one, grpc.aio.AioRpcError)} <= {grpc.StatusCode.ABORTED}
    messages = await feedback.database["messages"].find({}, {"enquiry": 1}).to_list(None)
    assert {one["enquiry"] for one in messages} == {kept.id}
    assert len(messages) == 4 + len(written) - len(refusals)
    known = await contributions(feedback)
    assert len([subject for name, subject in known if name == "wait.first"]) == 1


async def test_an_import_knows_what_was_merged_and_says_where_more_of_it_belongs(feedback: Running) -> None:
    rows = [row(str(n), imported("ask", "CUSTOMER", n)) for n in (1, 2, 3)]
    await feedback.imported(batch(*rows))
    edges = (await feedback.call(pb.ListEnquiriesRequest())).edges
    by_key = {edge.node.external_id: edge.node for edge in edges}
    await feedback.call(merging(by_key["1"], by_key["2"], by_key["3"]))
    [again] = await feedback.imported(batch(*rows))
    assert counts(again) == (0, 0, 3, 0)
    more = imported("more", "CUSTOMER", 20)
    [answer] = await feedback.imported(batch(row("1", imported("ask", "CUSTOMER", 1), more), row("2", more)))
    assert counts(answer) == (0, 1, 0, 1)
    assert (answer.rejected[0].external_id, answer.rejected[0].error.code) == ("2", "CONFLICT")
    assert by_key["1"].id in answer.rejected[0].error.message
    assert await feedback.database["messages"].count_documents({"enquiry": by_key["1"].id}) == 4
