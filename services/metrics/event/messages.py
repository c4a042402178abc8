"""Events between proto and domain."""

from rundblick.metrics.v1 import event_pb2

from chassis.errors import InvalidInput
from chassis.times import from_timestamp
from services.metrics.event.domain import AttributeKind, AttributeValue, Event, EventType, Observation, State

_STATE: dict[int, State] = {
    event_pb2.OBSERVATION_STATE_COMPLETE: State.COMPLETE,
    event_pb2.OBSERVATION_STATE_OPEN: State.OPEN,
    event_pb2.OBSERVATION_STATE_CLOSED_UNANSWERED: State.CLOSED_UNANSWERED,
    event_pb2.OBSERVATION_STATE_EXCLUDED: State.EXCLUDED,
    event_pb2.OBSERVATION_STATE_NEGATIVE: State.NEGATIVE,
}

_KIND_TO_PROTO: dict[AttributeKind, event_pb2.AttributeKind.ValueType] = {
    AttributeKind.STRING: event_pb2.ATTRIBUTE_KIND_STRING,
    AttributeKind.NUMBER: event_pb2.ATTRIBUTE_KIND_NUMBER,
    AttributeKind.FLAG: event_pb2.ATTRIBUTE_KIND_FLAG,
}
_KIND_FROM_PROTO: dict[int, AttributeKind] = {number: kind for kind, number in _KIND_TO_PROTO.items()}


def event_from_proto(message: event_pb2.Event) -> Event:
    return Event(
        id=message.id,
        name=message.name,
        subject_id=message.subject_id,
        source=message.source,
        team_id=message.team_id or None,
        owner_id=message.owner_id or None,
        before=_observation(message.before, "before") if message.HasField("before") else None,
        after=_observation(message.after, "after") if message.HasField("after") else None,
    )


def event_from_bytes(payload: bytes) -> Event:
    """A stored event, as it came in."""
    return event_from_proto(event_pb2.Event.FromString(payload))


def _observation(message: event_pb2.Observation, field: str) -> Observation:
    state = _STATE.get(message.state)
    if state is None:
        raise InvalidInput(f"there is no state {message.state}", (field, "state"))
    if not message.HasField("started_at"):
        raise InvalidInput("an observation needs its start", (field, "started_at"))
    return Observation(
        state=state,
        started_at=from_timestamp(message.started_at, (field, "started_at")),
        ended_at=from_timestamp(message.ended_at, (field, "ended_at")) if message.HasField("ended_at") else None,
        value=message.value if message.HasField("value") else None,
        dimensions=dict(message.dimensions),
        customer_id=message.customer_id or None,
        source_record_id=message.source_record_id or None,
        exclusion_reason=message.exclusion_reason or None,
        attributes={name: _attribute(one, (field, "attributes", name)) for name, one in message.attributes.items()}
        if message.attributes
        else None,
    )


def _attribute(message: event_pb2.Attribute, path: tuple[str, ...]) -> AttributeValue:
    kind = message.WhichOneof("value")
    if kind is None:
        raise InvalidInput("an attribute needs a value", path)
    value: AttributeValue = getattr(message, kind)
    return value


def type_to_proto(type: EventType) -> event_pb2.EventType:
    return event_pb2.EventType(
        name=type.name,
        description=type.description,
        dimensions=type.dimensions,
        attributes={name: _KIND_TO_PROTO[kind] for name, kind in type.attributes.items()},
        unit=type.unit or "",
        waits=type.waits,
        built_in=type.built_in,
    )


def type_from_proto(message: event_pb2.EventType) -> EventType:
    for name, kind in message.attributes.items():
        if kind not in _KIND_FROM_PROTO:
            raise InvalidInput(f"{name[:40]} is STRING, NUMBER or FLAG", ("type", "attributes", name[:40]))
    return EventType(
        name=message.name,
        description=message.description,
        dimensions=tuple(message.dimensions),
        attributes={name: _KIND_FROM_PROTO[message.attributes[name]] for name in sorted(message.attributes)},
        unit=message.unit or None,
        waits=message.waits,
    )
