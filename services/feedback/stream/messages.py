"""Events as messages, and back."""

from collections.abc import Mapping
from typing import Any

from rundblick.feedback.v1 import stream_pb2 as pb

from services.feedback.stream.domain import DomainEvent, Kind

KIND_TO_PROTO: Mapping[Kind, Any] = {
    "waiting": pb.DOMAIN_EVENT_KIND_WAITING,
    "feedback": pb.DOMAIN_EVENT_KIND_FEEDBACK,
}
KIND_FROM_PROTO: Mapping[int, Kind] = {proto: kind for kind, proto in KIND_TO_PROTO.items()}


def event_to_proto(event: DomainEvent) -> pb.DomainEvent:
    return pb.DomainEvent(
        kind=KIND_TO_PROTO[event.kind],
        aggregate_id=event.aggregate,
        team_id=event.team,
        label=event.label,
        source=event.source,
    )


def event_from_proto(message: pb.DomainEvent) -> DomainEvent:
    return DomainEvent(
        kind=KIND_FROM_PROTO[message.kind],
        aggregate=message.aggregate_id,
        source=message.source,
        team=message.team_id or None,
        label=message.label or None,
    )
