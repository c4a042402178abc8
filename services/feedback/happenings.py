"""What systems of the company may want to know once it happens: said here, told by customers to their webhooks."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import grpc
from rundblick.customers.v1 import webhook_pb2, webhook_pb2_grpc

from chassis.calls import call
from chassis.errors import Fault
from chassis.ids import new_id
from chassis.outbox import Entry
from chassis.relay import Deliver
from chassis.times import to_timestamp, utc_now

HAPPENINGS = "happenings"
OPENED = webhook_pb2.WEBHOOK_EVENT_ENQUIRY_OPENED
RESOLVED = webhook_pb2.WEBHOOK_EVENT_ENQUIRY_RESOLVED
WAITING = webhook_pb2.WEBHOOK_EVENT_ENQUIRY_WAITING
RECEIVED = webhook_pb2.WEBHOOK_EVENT_FEEDBACK_RECEIVED
INTRODUCED = webhook_pb2.WEBHOOK_EVENT_MEASURE_INTRODUCED

# What is brought in from years ago is history, and no news.
_NEWS = timedelta(days=1)
_TIMEOUT = 30.0


def happened(
    id: str, event: Any, subject: str, at: datetime, *, customer: str | None = None, version: int | None = None
) -> list[Entry]:
    """For the outbox of the write. id: the same, however often it is said; it is told once."""
    if utc_now() - at > _NEWS:
        return []
    said = webhook_pb2.Happening(
        id=id, event=event, subject_id=subject, customer_id=customer, at=to_timestamp(at), version=version
    )
    payload = webhook_pb2.RecordHappeningsRequest(happenings=[said]).SerializeToString()
    # Each for itself: who is told is promised no order.
    return [Entry(HAPPENINGS, new_id("out"), 1, HAPPENINGS, payload)]


def to_webhooks(channel: grpc.aio.Channel) -> Deliver:
    stub = webhook_pb2_grpc.WebhookServiceStub(channel)

    async def deliver(entries: Sequence[Entry]) -> Mapping[str, Fault]:
        merged = webhook_pb2.RecordHappeningsRequest()
        for entry in entries:
            merged.MergeFromString(entry.payload)
        await call(stub.RecordHappenings, merged, timeout=_TIMEOUT)
        return {}

    return deliver
