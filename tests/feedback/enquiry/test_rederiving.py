"""Waits are derived anew from what was recorded, and whatever was derived wrongly is found and mended."""

from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest
from rundblick.customers.v1 import reference_pb2
from rundblick.feedback.v1 import enquiry_pb2 as pb
from rundblick.metrics.v1 import event_pb2
from rundblick.shared.v1 import verification_pb2

from chassis.caller import Caller
from tests.feedback.conftest import Running

NINE = datetime(2026, 3, 2, 9, tzinfo=UTC)


def message(minutes: int, author: Any = pb.AUTHOR_KIND_CUSTOMER) -> pb.NewMessage:
    new = pb.NewMessage(author_kind=author, body="text")
    new.occurred_at.FromDatetime(NINE + timedelta(minutes=minutes))
    return new


async def conversation(feedback: Running) -> pb.Enquiry:
    request = pb.OpenEnquiryRequest(customer_id=feedback.customer, touchpoint_key="form", subject="?")
    request.message.CopyFrom(message(0))
    id = (await feedback.call(request)).enquiry.id
    answer = pb.AddMessageRequest(enquiry_id=id, message=message(30, pb.AUTHOR_KIND_EMPLOYEE))
    enquiry: pb.Enquiry = (await feedback.call(answer)).enquiry
    return enquiry


async def stored(feedback: Running, id: str) -> pb.Enquiry:
    enquiry: pb.Enquiry = (await feedback.call(pb.BatchGetEnquiriesRequest(ids=[id]))).answers[id].value
    return enquiry


async def spoil(feedback: Running, id: str) -> None:
    """As an earlier rule might have derived it, with what it told the others."""
    later = NINE + timedelta(hours=9)
    await feedback.database["enquiries"].update_one(
        {"_id": id}, {"$set": {"waits.$[first].ended_at": later}}, array_filters=[{"first.kind": "FIRST"}]
    )
    await feedback.database["outbox"].delete_many({})


async def events(feedback: Running) -> list[event_pb2.Event]:
    found = []
    async for document in feedback.database["outbox"].find({"destination": "metrics"}):
        found += list(event_pb2.IngestEventsRequest.FromString(document["payload"]).events)
    return found


async def test_what_was_derived_otherwise_is_corrected_by_the_old_and_the_new(feedback: Running) -> None:
    before = await conversation(feedback)
    await spoil(feedback, before.id)
    dry = await feedback.call(pb.RederiveWaitsRequest(size=10, dry_run=True))
    assert [change.enquiry_id for change in dry.changes] == [before.id]
    assert any("ended_at: 2026-03-02 18:00:00+00:00 becomes 2026-03-02 09:30" in d for d in dry.changes[0].details)
    assert await events(feedback) == [], "a dry run changes nothing"
    done = await feedback.call(pb.RederiveWaitsRequest(size=10))
    assert (done.examined, len(done.changes), done.HasField("next_after")) == (1, 1, False)
    [correction] = await events(feedback)
    assert correction.before.value == 9 * 3600
    assert correction.after.value == 1800
    after = await stored(feedback, before.id)
    assert after.waits[0] == before.waits[0]
    assert (await feedback.call(pb.RederiveWaitsRequest(size=10))).changes == [], "done again it changes nothing"


async def test_it_goes_on_where_it_ended(feedback: Running) -> None:
    ids = sorted([(await conversation(feedback)).id for _ in range(5)])
    for id in ids:
        await spoil(feedback, id)
    seen = []
    after = ""
    while True:
        answer = await feedback.call(pb.RederiveWaitsRequest(size=2, after=after))
        seen += [change.enquiry_id for change in answer.changes]
        assert answer.total == 5
        if not answer.HasField("next_after"):
            break
        after = answer.next_after
    assert seen == ids


async def test_only_who_looks_after_the_system_may_have_it_done(feedback: Running) -> None:
    caller = Caller("somebody", frozenset({"feedback:write"}))
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await feedback.call(pb.RederiveWaitsRequest(size=1), caller)
    assert error.value.code() is grpc.StatusCode.PERMISSION_DENIED
    for size in (0, 1001):
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await feedback.call(pb.RederiveWaitsRequest(size=size))
        assert error.value.code() is grpc.StatusCode.INVALID_ARGUMENT


async def differences(feedback: Running) -> list[tuple[str, str]]:
    request = verification_pb2.CheckBatchRequest(part="enquiries", size=100)
    answer = await feedback.verification.CheckBatch(request, timeout=20)
    return [(difference.what, difference.detail) for difference in answer.differences]


async def test_the_check_names_waits_journeys_and_customers_that_differ(feedback: Running) -> None:
    enquiry = await conversation(feedback)
    assert [what for what, _ in await differences(feedback)] == ["journey", "journey"], "nothing is delivered yet"
    await feedback.delivered()
    assert await differences(feedback) == []
    await spoil(feedback, enquiry.id)
    assert [what for what, _ in await differences(feedback)] == ["waits"]
    await feedback.database["enquiries"].update_one({"_id": enquiry.id}, {"$set": {"customer": "cus_x"}})
    assert {what for what, _ in await differences(feedback)} == {"waits", "customer", "journey"}


async def test_a_corrected_message_corrects_the_journey(feedback: Running) -> None:
    def batch(minutes: int) -> pb.ImportEnquiriesRequest:
        imported = pb.ImportedEnquiry(line=1, external_id="e1", subject="?", customer_external_id="c1")
        imported.touchpoint_key = "form"
        imported.opened_at.FromDatetime(NINE)
        said = imported.messages.add(external_id="m1", author_kind=pb.AUTHOR_KIND_CUSTOMER, body="text")
        said.occurred_at.FromDatetime(NINE + timedelta(minutes=minutes))
        form = reference_pb2.TouchpointReference(key="form")
        return pb.ImportEnquiriesRequest(
            source="shop", enquiries=[imported], customers=feedback.lookups("c1"), touchpoints=[form]
        )

    for minutes in (0, 7, 3):
        [answer] = await feedback.imported(batch(minutes))
        assert (answer.created, answer.changed) == ((1, 0) if minutes == 0 else (0, 1))
    await feedback.delivered()
    assert await differences(feedback) == []
    [edge] = await feedback.journey_of(feedback.customer)
    assert edge.node.occurred_at.ToDatetime(UTC) == NINE + timedelta(minutes=3)
