"""That something happened, said in the transaction in which it did."""

from rundblick.feedback.v1 import stream_pb2 as pb

from chassis.ids import new_id
from chassis.outbox import Entry
from services.feedback.stream.domain import DomainEvent, Kind
from services.feedback.stream.messages import event_from_proto, event_to_proto

STREAM = "stream"
_EVENT = "domain_event"


def changed(
    kind: Kind, aggregate: str, *, source: str, team: str | None = None, label: str | None = None
) -> list[Entry]:
    """For who watches. aggregate: the enquiry or the feedback; label: of feedback its kind, such as WISH."""
    event = DomainEvent(kind, aggregate, source, team, label)
    # Each for itself: what happened is read anew by whoever learns of it, so a later entry need not wait for this one.
    return [Entry(STREAM, new_id("out"), 1, _EVENT, event_to_proto(event).SerializeToString())]


def said(entry: Entry) -> DomainEvent:
    return event_from_proto(pb.DomainEvent.FromString(entry.payload))
