"""KPIs and results as messages, and what is asked as domain values."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Literal
from zoneinfo import ZoneInfo

from rundblick.metrics.v1 import kpi_pb2 as pb

from chassis.errors import InvalidInput
from chassis.times import from_timestamp, to_timestamp
from services.metrics.kpi.domain import Aggregation, BackFill, DimensionSet, Direction, Kpi, Phase, Target
from services.metrics.kpi.periods import Days, Granularity, Zone, aligned
from services.metrics.kpi.results import CONFIDENCE, Asked, Interval, Open, Result, Share, Withheld
from services.metrics.kpi.trial import Trial
from services.metrics.kpi.words import ENGLISH, say
from services.metrics.rollup.decimals import from_stored
from services.metrics.rollup.domain import MICRO, NO_END, Parts

DIRECTION_TO_PROTO: Mapping[Direction, Any] = {
    kind: pb.KpiDirection.Value(f"KPI_DIRECTION_{kind.value}") for kind in Direction
}
AGGREGATION_TO_PROTO: Mapping[Aggregation, Any] = {
    kind: pb.Aggregation.Value(f"AGGREGATION_{kind.value}") for kind in Aggregation
}
_DIRECTION_FROM_PROTO: Mapping[int, Direction] = {number: kind for kind, number in DIRECTION_TO_PROTO.items()}
_AGGREGATION_FROM_PROTO: Mapping[int, Aggregation] = {number: kind for kind, number in AGGREGATION_TO_PROTO.items()}
_GRANULARITY_FROM_PROTO: Mapping[int, Granularity] = {
    pb.Granularity.Value(f"GRANULARITY_{kind.value}"): kind for kind in Granularity
}


def granularity_from_proto(number: int) -> Granularity:
    if number not in _GRANULARITY_FROM_PROTO:
        raise InvalidInput("figures are kept by day: DAY, WEEK, MONTH, QUARTER or YEAR", ("granularity",))
    return _GRANULARITY_FROM_PROTO[number]


def days_from_proto(period: pb.Period, zone: Zone) -> Days:
    if not period.HasField("start") or not period.HasField("end"):
        raise InvalidInput("a period has a start and an end", ("period",))
    if period.time_zone:
        try:
            ZoneInfo(period.time_zone)
        except (KeyError, ValueError, OSError):
            raise InvalidInput("this is no time zone, such as Europe/Berlin", ("period", "time_zone")) from None
    return aligned(
        from_timestamp(period.start, ("period", "start")), from_timestamp(period.end, ("period", "end")), zone
    )


def where_from_proto(conditions: Iterable[pb.DimensionFilter]) -> dict[str, tuple[str, ...]]:
    where: dict[str, tuple[str, ...]] = {}
    for condition in conditions:
        if condition.dimension in where:
            raise InvalidInput(f"{condition.dimension} comes twice", ("where",))
        where[condition.dimension] = tuple(dict.fromkeys(condition.values))
    return where


def period_to_proto(days: Days) -> pb.Period:
    start, end = days.moments
    return pb.Period(start=to_timestamp(start), end=to_timestamp(end), time_zone=days.zone.name)


def as_of_from_proto(query: pb.ResultQuery, now: datetime, zone: Zone) -> date | None:
    """The first day that is not looked at any more; None: as things stand now. InvalidInput: it lies in the future."""
    if not query.HasField("as_of"):
        return None
    at = from_timestamp(query.as_of, ("as_of",))
    if at > now:
        raise InvalidInput("as_of is a past day", ("as_of",))
    end = aligned(at - timedelta(milliseconds=1), at, zone).end
    return end if end <= zone.day(now) else None


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


def kpi_to_proto(kpi: Kpi, sets: Iterable[DimensionSet], now: datetime) -> pb.Kpi:
    """sets: what may be asked for."""
    running = kpi.back_fill is not None and kpi.back_fill.finished_at is None and not kpi.of
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
            dimension_sets=[pb.DimensionSet(dimensions=dimensions) for dimensions in sets],
            filter=kpi.filter,
            value=kpi.value,
            of=kpi.of,
            per_customer=kpi.per_customer,
            back_fill=job_to_proto(kpi, kpi.back_fill, now) if running and kpi.back_fill else None,
            counted_from=to_timestamp(kpi.counted_from),
        ),
        target=_target(kpi),
        owner_id=kpi.owner,
        archived_at=to_timestamp(kpi.archived_at),
        built_in=kpi.built_in,
    )


def job_to_proto(kpi: Kpi, fill: BackFill, now: datetime) -> pb.Job:
    state = pb.JOB_STATE_DONE if fill.finished_at else pb.JOB_STATE_RUNNING if fill.started_at else pb.JOB_STATE_WAITING
    return pb.Job(
        id=fill.job,
        kind=pb.JOB_KIND_BACK_FILL,
        state=state,
        subject=kpi.key,
        done=fill.done,
        total=fill.total,
        started_at=to_timestamp(fill.started_at),
        finished_at=to_timestamp(fill.finished_at),
        forecast=to_timestamp(fill.forecast(now)),
    )


def draft_from_proto(draft: pb.KpiDraft) -> Kpi:
    """InvalidInput: what no definition can be; whether it is a good one is checked later."""
    if draft.aggregation not in _AGGREGATION_FROM_PROTO:
        known = ", ".join(kind.value for kind in Aggregation)
        raise InvalidInput(f"the aggregation is one of {known}", ("aggregation",))
    if draft.direction not in _DIRECTION_FROM_PROTO:
        raise InvalidInput("the direction is HIGHER_IS_BETTER or LOWER_IS_BETTER", ("direction",))
    goal = None
    if draft.HasField("target"):
        goal = Target(draft.target.value, _day(draft.target, "since"), _day(draft.target, "until"))
    return Kpi(
        key=draft.key,
        name=draft.name,
        aggregation=_AGGREGATION_FROM_PROTO[draft.aggregation],
        unit=draft.unit,
        direction=_DIRECTION_FROM_PROTO[draft.direction],
        description=draft.description,
        event=draft.event,
        filter=draft.filter if draft.HasField("filter") else None,
        value=draft.value if draft.HasField("value") else None,
        quantile=draft.quantile if draft.HasField("quantile") else None,
        of=tuple(draft.of),
        goal=goal,
        sets=tuple(tuple(one.dimensions) for one in draft.dimension_sets if one.dimensions),
        per_customer=draft.per_customer,
        owner=draft.owner_id if draft.HasField("owner_id") else None,
    )


def _day(target: pb.KpiTarget, field: Literal["since", "until"]) -> date | None:
    if not target.HasField(field):
        return None
    try:
        return date.fromisoformat(getattr(target, field))
    except ValueError:
        raise InvalidInput("a day is written as 2026-12-31", ("target", field)) from None


def _target(kpi: Kpi) -> pb.KpiTarget | None:
    goal = kpi.goal
    if goal is None:
        return None
    return pb.KpiTarget(
        value=goal.value,
        since=goal.since.isoformat() if goal.since else None,
        until=goal.until.isoformat() if goal.until else None,
    )


def trial_to_proto(trial: Trial) -> pb.Trial:
    return pb.Trial(
        examined=trial.examined,
        counted=trial.counted,
        filtered=trial.filtered,
        left_out=[pb.Exclusion(reason=reason, count=count) for reason, count in sorted(trial.left_out.items())],
        faults=[
            pb.TrialFault(message=said, count=count, event_id=event) for said, (count, event) in trial.faults.items()
        ],
        values=[
            pb.TrialValue(event_id=event, started_at=to_timestamp(at), value=value) for event, at, value in trial.values
        ],
        result=trial.result,
    )


def result_to_proto(
    kpi: Kpi,
    days: Days,
    result: Result,
    freshness: datetime,
    as_of: date | None = None,
    language: str = ENGLISH,
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
        interval=interval_to_proto(result.interval),
        quantiles=[pb.Quantile(p=p, value=value) for p, value in result.quantiles.items()],
        histograms=[
            pb.Histogram(
                bins=bins,
                values=[pb.HistogramBin(lower=lower, upper=upper, count=count) for lower, upper, count in values],
            )
            for bins, values in result.histograms.items()
        ],
        open=_open(result.open),
        within_target=share_to_proto(result.within_target),
        target=_target(kpi) if kpi.goal is not None and _meant(kpi.goal, days) else None,
        excluded=[pb.Exclusion(reason=reason, count=count) for reason, count in result.excluded.items()],
        as_of=to_timestamp(days.zone.midnight(as_of)) if as_of is not None else None,
        definition_version=kpi.version,
        partial=_partial(kpi, days, language),
        withheld=_protected(result.withheld, language) if result.withheld is not None else None,
    )


def _meant(goal: Target, days: Days) -> bool:
    """Does the period overlap the time the target is meant for?"""
    begins = goal.since is None or days.end > goal.since
    return begins and (goal.until is None or days.start <= goal.until)


def _partial(kpi: Kpi, days: Days, language: str) -> pb.LocalizedMessage | None:
    if kpi.phase in (Phase.WAITING, Phase.FILLING) and kpi.back_fill is not None:
        fill = kpi.back_fill
        percent = str(100 * fill.done // fill.total) if fill.total else "0"
        return say("BACK_FILL_RUNNING", language, percent=percent)
    if kpi.counted_from is not None and days.moments[0] < kpi.counted_from:
        return say("COUNTED_FROM", language, since=days.zone.day(kpi.counted_from).isoformat())
    return None


def _protected(withheld: Withheld, language: str) -> pb.LocalizedMessage:
    return say("EMPLOYEES_PROTECTED", language, months=str(withheld.months), minimum=str(withheld.minimum))


def not_kept(kpi: Kpi, days: Days, freshness: datetime, language: str) -> pb.KpiResult:
    """It is not kept of single customers, or not so far back."""
    return pb.KpiResult(
        kpi_id=kpi.id,
        kpi_key=kpi.key,
        period=period_to_proto(days),
        unit=kpi.unit,
        freshness=to_timestamp(freshness),
        withheld=say("PERIOD_NOT_KEPT" if kpi.per_customer else "NOT_KEPT_PER_CUSTOMER", language),
    )


def interval_to_proto(interval: Interval | None) -> pb.Interval | None:
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
        median_counting_open=interval_to_proto(open.median),
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


def share_to_proto(share: Share | None) -> pb.TargetShare | None:
    if share is None:
        return None
    return pb.TargetShare(
        hit=share.hit,
        missed=share.missed,
        not_yet_due=share.not_yet_due,
        share=share.share,
        interval=interval_to_proto(share.interval),
    )


def cell_to_proto(
    by: Sequence[str], values: Sequence[str], day: date, later: str, stored: Mapping[str, Any]
) -> pb.Cell:
    """One day of a cell, as it is kept."""
    parts = Parts()
    parts.add(from_stored(stored))
    return pb.Cell(
        day=day.isoformat(),
        values=[pb.DimensionValue(dimension=name, value=value) for name, value in zip(by, values, strict=True)],
        days_until_end=None if later == NO_END else int(later),
        n=parts.n,
        sum=parts.sum / MICRO,
        sum_of_squares=str(Decimal(parts.squares).scaleb(-12)),
        within_target=parts.hit,
        open=parts.open,
        closed_unanswered=parts.unanswered,
        bins={key: count for key, count in sorted(parts.bins.items()) if count},
        excluded={reason: count for reason, count in sorted(parts.excluded.items()) if count},
    )
