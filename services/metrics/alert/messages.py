"""Alerts as messages, and what is asked as domain values."""

from collections.abc import Mapping
from typing import Any

from rundblick.metrics.v1 import alert_pb2 as pb

from chassis.errors import InvalidInput
from chassis.times import to_timestamp
from services.metrics.alert.domain import Alert, Ending, Kind, Wanted

MOST_KPIS = 100

KIND_TO_PROTO: Mapping[Kind, Any] = {kind: pb.AlertKind.Value(f"ALERT_KIND_{kind.value}") for kind in Kind}
ENDING_TO_PROTO: Mapping[Ending, Any] = {kind: pb.AlertEnding.Value(f"ALERT_ENDING_{kind.value}") for kind in Ending}


def wanted_from_proto(filter: pb.AlertFilter) -> Wanted:
    kpis = tuple(dict.fromkeys(filter.kpi_keys))
    if len(kpis) > MOST_KPIS:
        raise InvalidInput(f"at most {MOST_KPIS} KPIs; none means all", ("kpi_keys",))
    after = filter.after_sequence if filter.HasField("after_sequence") else None
    return Wanted(kpis, filter.open_only, after)


def to_proto(alert: Alert) -> pb.Alert:
    opened, closed = alert.opened, alert.closed
    return pb.Alert(
        id=alert.id,
        kpi_key=alert.kpi,
        kind=KIND_TO_PROTO[opened.kind],
        opened_day=opened.figure.day.isoformat(),
        value=opened.figure.value,
        n=opened.figure.n,
        lower=opened.lower,
        upper=opened.upper,
        centre=opened.centre,
        opened_at=to_timestamp(alert.opened_at),
        opened_sequence=alert.opened_sequence,
        closed_day=closed.day.isoformat() if closed is not None else None,
        closed_at=to_timestamp(alert.closed_at),
        ending=ENDING_TO_PROTO[closed.ending] if closed is not None else pb.ALERT_ENDING_UNSPECIFIED,
        sequence=alert.sequence,
    )
