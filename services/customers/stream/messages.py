"""Events as messages, and back."""

from collections.abc import Mapping
from typing import Any

from rundblick.customers.v1 import stream_pb2 as pb

from chassis.errors import InvalidInput
from services.customers.stream.domain import DomainEvent, DomainEventKind, Wanted

KIND_TO_PROTO: Mapping[DomainEventKind, Any] = {
    kind: pb.DomainEventKind.Value(f"DOMAIN_EVENT_KIND_{kind.value}") for kind in DomainEventKind
}
KIND_FROM_PROTO: Mapping[int, DomainEventKind] = {proto: kind for kind, proto in KIND_TO_PROTO.items()}


def event_to_proto(event: DomainEvent) -> pb.DomainEvent:
    return pb.DomainEvent(
        kind=KIND_TO_PROTO[event.kind],
        customer_id=event.customer,
        interaction_id=event.interaction,
        touchpoint_id=event.touchpoint,
        employee_id=event.employee,
        sources=sorted(event.sources),
    )


def event_from_proto(message: pb.DomainEvent) -> DomainEvent:
    return DomainEvent(
        kind=KIND_FROM_PROTO[message.kind],
        customer=message.customer_id or None,
        interaction=message.interaction_id or None,
        touchpoint=message.touchpoint_id or None,
        employee=message.employee_id or None,
        sources=frozenset(message.sources),
    )


def wanted_from_proto(request: pb.WatchRequest) -> Wanted:
    if request.HasField("customer_changed"):
        return Wanted(DomainEventKind.CUSTOMER_CHANGED, request.customer_changed.customer_id)
    if request.HasField("interaction_recorded"):
        recorded = request.interaction_recorded
        return Wanted(
            DomainEventKind.INTERACTION_RECORDED,
            recorded.customer_id if recorded.HasField("customer_id") else None,
            recorded.touchpoint_id if recorded.HasField("touchpoint_id") else None,
        )
    raise InvalidInput("what is wanted is not said", ("wanted",))
