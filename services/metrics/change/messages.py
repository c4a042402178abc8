"""Changes as messages, and what is recorded and asked as domain values."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from rundblick.metrics.v1 import change_pb2 as pb

from chassis.caller import Caller
from chassis.errors import InvalidInput
from chassis.times import from_timestamp, to_timestamp
from services.metrics.change.domain import Change, ChangeKind, Wanted, change_of, each_once
from services.metrics.kpi.messages import days_from_proto
from services.metrics.kpi.periods import Zone

KIND_TO_PROTO: Mapping[ChangeKind, Any] = {
    kind: pb.ChangeKind.Value(f"CHANGE_KIND_{kind.value}") for kind in ChangeKind
}
_KIND_FROM_PROTO: Mapping[int, ChangeKind] = {number: kind for kind, number in KIND_TO_PROTO.items()}


def kind_from_proto(number: int) -> ChangeKind:
    """InvalidInput: it is not said, or not known."""
    if number not in _KIND_FROM_PROTO:
        raise InvalidInput(f"a kind is one of {', '.join(kind.value for kind in ChangeKind)}", ("kind",))
    return _KIND_FROM_PROTO[number]


def change_from_proto(request: pb.RecordChangeRequest, caller: Caller, id: str, recorded_at: datetime) -> Change:
    if not request.HasField("introduced_at"):
        raise InvalidInput("a change was introduced at a moment", ("introduced_at",))
    return Change(
        id=id,
        name=request.name,
        kind=kind_from_proto(request.kind),
        introduced_at=from_timestamp(request.introduced_at, ("introduced_at",)),
        recorded_at=recorded_at,
        recorded_by=caller.subject,
        touchpoints=tuple(request.touchpoint_ids),
        description=request.description or None,
        team=caller.team,
        owner=caller.employee,
    )


def change_of_measure(message: pb.IntroducedMeasure, caller: Caller, recorded_at: datetime) -> Change:
    return Change(
        id=change_of(message.id),
        name=message.title,
        kind=kind_from_proto(message.kind),
        introduced_at=from_timestamp(message.introduced_at, ("introduced_at",)),
        recorded_at=recorded_at,
        recorded_by=caller.subject,
        team=message.team_id or None,
        owner=message.owner_id or None,
        measure=message.id,
        measure_version=message.version,
        aims_at=message.aims_at or None,
    )


def wanted_from_proto(filter: pb.ChangeFilter, zone: Zone) -> Wanted:
    return Wanted(
        kinds=frozenset(map(kind_from_proto, filter.kinds)),
        touchpoints=each_once(filter.touchpoint_ids),
        period=days_from_proto(filter.period, zone).moments if filter.HasField("period") else None,
    )


def to_proto(change: Change) -> pb.Change:
    return pb.Change(
        id=change.id,
        name=change.name,
        kind=KIND_TO_PROTO[change.kind],
        introduced_at=to_timestamp(change.introduced_at),
        touchpoint_ids=change.touchpoints,
        description=change.description,
        recorded_at=to_timestamp(change.recorded_at),
        recorded_by=change.recorded_by,
        measure_id=change.measure,
        aims_at=change.aims_at,
    )
