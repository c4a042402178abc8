"""Events between proto and domain."""

from rundblick.metrics.v1 import event_pb2

from chassis.errors import InvalidInput
from chassis.times import from_timestamp
from services.metrics.event.domain import Event, Observation, State

_STATE: dict[int, State] = {
    event_pb2.OBSERVATION_STATE_COMPLETE: State.COMPLETE,
    event_pb2.OBSERVATION_STATE_OPEN: State.OPEN,
    event_pb2.OBSERVATION_STATE_CLOSED_UNANSWERED: State.CLOSED_UNANSWERED,
    event_pb2.OBSERVATION_STATE_EXCLUDED: State.EXCLUDED,
    event_pb2.OBSERVATION_STATE_NEGATIVE: State.NEGATIVE,
}


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
    )
