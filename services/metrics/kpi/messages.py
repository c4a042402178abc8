"""KPIs and results as messages, and what is asked as domain values."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from rundblick.metrics.v1 import kpi_pb2 as pb

from chassis.errors import InvalidInput
from chassis.times import from_timestamp, to_timestamp
from services.metrics.kpi.domain import Aggregation, Direction, Kpi
from services.metrics.kpi.periods import REPORTING_ZONE, Days, Granularity, aligned, midnight
from services.metrics.kpi.results import CONFIDENCE, Asked, Interval, Open, Result, Share

DIRECTION_TO_PROTO: Mapping[Direction, Any] = {
    kind: pb.KpiDirection.Value(f"KPI_DIRECTION_{kind.value}") for kind in Direction
}
AGGREGATION_TO_PROTO: Mapping[Aggregation, Any] = {
    kind: pb.Aggregation.Value(f"AGGREGATION_{kind.value}") for kind in Aggregation
}
_GRANULARITY_FROM_PROTO: Mapping[int, Granularity] = {
    pb.Granularity.Value(f"GRANULARITY_{kind.value}"): kind for kind in Granularity
}


def granularity_from_proto(number: int) -> Granularity:
    if number not in _GRANULARITY_FROM_PROTO:
        raise InvalidInput("figures are kept by day: DAY, WEEK, MONTH, QUARTER or YEAR", ("granularity",))
    return _GRANULARITY_FROM_PROTO[number]


def days_from_proto(period: pb.Period) -> Days:
    if not period.HasField("start") or not period.HasField("end"):
        raise InvalidInput("a period has a start and an end", ("period",))
    if period.time_zone:
        try:
            ZoneInfo(period.time_zone)
        except (KeyError, ValueError, OSError):
            raise InvalidInput("this is no time zone, such as Europe/Berlin", ("period", "time_zone")) from None
    return aligned(from_timestamp(period.start, ("period", "start")), from_timestamp(period.end, ("period", "end")))


def period_to_proto(days: Days) -> pb.Period:
    start, end = days.moments
    return pb.Period(start=to_timestamp(start), end=to_timestamp(end), time_zone=REPORTING_ZONE)


def as_of_from_proto(query: pb.ResultQuery, now: datetime) -> date | None:
    """The first day that is not looked at any more; None: as things stand now. InvalidInput: it lies in the future."""
    if not query.HasField("as_of"):
        return None
    at = from_timestamp(query.as_of, ("as_of",))
    if at > now:
        raise InvalidInput("as_of is a past day", ("as_of",))
    end = aligned(at - timedelta(milliseconds=1), at).end
    return end if end <= now.date() else None


def asked_from_proto(selection: pb.ResultSelection) -> Asked:
    if any(not 0 <= p <= 1 for p in selection.quantiles):
        raise InvalidInput("a quantile lies between 0 and 1", ("p",))
    if any(not 1 <= bins <= 200 for bins in selection.histogram_bins):
        raise InvalidInput("a histogram has 1 to 200 bins", ("bins",))
    if any(not 2 <= points <= 500 for points in selection.curve_points):
        raise InvalidInput("a curve has 2 to 500 points", ("points",))
    return Asked(
        quantiles=tuple(dict.fromkeys(selection.quantiles)),
        histogram_bins=tuple(dict.fromkeys(selection.histogram_bins)),
        curve_points=tuple(dict.fromkeys(selection.curve_points)),
        open=selection.open,
    )


def kpi_to_proto(kpi: Kpi) -> pb.Kpi:
    return pb.Kpi(
        id=kpi.id,
        key=kpi.key,
        name=kpi.name,
        description=kpi.description,
        unit=kpi.unit,
        direction=DIRECTION_TO_PROTO[kpi.direction],
        definition=pb.KpiDefinition(
            version=kpi.version,
            event=kpi.event,
            aggregation=AGGREGATION_TO_PROTO[kpi.aggregation],
            quantile=kpi.quantile,
            dimension_sets=[pb.DimensionSet(dimensions=dimensions) for dimensions in kpi.sets],
        ),
        target=pb.KpiTarget(value=kpi.target) if kpi.target is not None else None,
    )


def result_to_proto(
    kpi: Kpi, days: Days, result: Result, freshness: datetime, as_of: date | None = None
) -> pb.KpiResult:
    return pb.KpiResult(
        kpi_id=kpi.id,
        kpi_key=kpi.key,
        period=period_to_proto(days),
        unit=kpi.unit,
        freshness=to_timestamp(freshness),
        n=result.n,
        value=result.value,
        mean=result.mean,
        standard_deviation=result.deviation,
        min=result.min,
        max=result.max,
        interval=_interval(result.interval),
        quantiles=[pb.Quantile(p=p, value=value) for p, value in result.quantiles.items()],
        histograms=[
            pb.Histogram(
                bins=bins,
                values=[pb.HistogramBin(lower=lower, upper=upper, count=count) for lower, upper, count in values],
            )
            for bins, values in result.histograms.items()
        ],
        open=_open(result.open),
        within_target=_share(result.within_target),
        target=pb.KpiTarget(value=kpi.target) if kpi.target is not None else None,
        excluded=[pb.Exclusion(reason=reason, count=count) for reason, count in result.excluded.items()],
        as_of=to_timestamp(midnight(as_of)) if as_of is not None else None,
    )


def withheld(kpi: Kpi, days: Days, freshness: datetime) -> pb.KpiResult:
    """The period reaches back beyond what is kept of a single customer."""
    return pb.KpiResult(
        kpi_id=kpi.id,
        kpi_key=kpi.key,
        period=period_to_proto(days),
        unit=kpi.unit,
        freshness=to_timestamp(freshness),
        withheld=pb.LocalizedMessage(
            code="PERIOD_NOT_KEPT", text="Of one customer, only the newest observations are kept one by one."
        ),
    )


def _interval(interval: Interval | None) -> pb.Interval | None:
    if interval is None:
        return None
    return pb.Interval(value=interval.value, lower=interval.lower, upper=interval.upper, confidence=CONFIDENCE)


def _open(open: Open | None) -> pb.OpenWaits | None:
    if open is None:
        return None
    return pb.OpenWaits(
        received=open.received,
        open=open.open,
        closed_unanswered=open.unanswered,
        oldest_seconds=open.oldest_seconds,
        median_counting_open=_interval(open.median),
        curves=[
            pb.Curve(
                points=points,
                values=[
                    pb.CurvePoint(seconds=step.seconds, waiting_share=step.waiting, at_risk=step.at_risk)
                    for step in steps
                ],
            )
            for points, steps in open.curves.items()
        ],
    )


def _share(share: Share | None) -> pb.TargetShare | None:
    if share is None:
        return None
    return pb.TargetShare(
        hit=share.hit,
        missed=share.missed,
        not_yet_due=share.not_yet_due,
        share=share.share,
        interval=_interval(share.interval),
    )
