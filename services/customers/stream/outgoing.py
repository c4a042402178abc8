"""That something happened, said in the transaction in which it did: one entry for all of it."""

from collections.abc import Iterable

from rundblick.customers.v1 import stream_pb2 as pb

from chassis.ids import new_id
from chassis.outbox import Entry
from services.customers.interaction.domain import Interaction
from services.customers.stream.domain import DomainEvent, DomainEventKind
from services.customers.stream.messages import event_from_proto, event_to_proto

STREAM = "stream"
_EVENTS = "domain_events"


def changed_customers(customers: Iterable[str], sources: Iterable[str] = ()) -> list[Entry]:
    """sources: those whose partners see the change, none by default."""
    seen_by = frozenset(sources)
    return _entries(
        DomainEvent(DomainEventKind.CUSTOMER_CHANGED, customer=customer, sources=seen_by)
        for customer in dict.fromkeys(customers)
    )


def recorded(interactions: Iterable[Interaction]) -> list[Entry]:
    """Also of those that were corrected, or of which became known whose they are."""
    return _entries(
        DomainEvent(
            DomainEventKind.INTERACTION_RECORDED,
            customer=one.customer,
            interaction=one.id,
            touchpoint=one.touchpoint,
            employee=one.employee,
            sources=frozenset({one.source}),
        )
        for one in interactions
    )


def said(entry: Entry) -> list[DomainEvent]:
    return [event_from_proto(message) for message in pb.DomainEvents.FromString(entry.payload).events]


def _entries(events: Iterable[DomainEvent]) -> list[Entry]:
    messages = [event_to_proto(event) for event in events]
    if not messages:
        return []
    # Each for itself: what happened is read anew by whoever learns of it, so a later entry need not wait for this one.
    return [Entry(STREAM, new_id("out"), 1, _EVENTS, pb.DomainEvents(events=messages).SerializeToString())]
