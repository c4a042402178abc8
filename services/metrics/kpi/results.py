"""From cells to a result: what is asked of a KPI over a period, computed from sums and bins alone."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from services.metrics.kpi.domain import Aggregation, Kpi
from services.metrics.rollup import sketch, survival
from services.metrics.rollup.domain import MICRO, OpenWaits, Parts

CONFIDENCE = 0.95
_Z = 1.959963984540054
_MEASURING = (Aggregation.SUM, Aggregation.MEAN, Aggregation.QUANTILE)


@dataclass(frozen=True, slots=True)
class Asked:
    """What beside the plain numbers is wanted."""

    quantiles: tuple[float, ...] = ()
    histogram_bins: tuple[int, ...] = ()
    curve_points: tuple[int, ...] = ()
    open: bool = False


@dataclass(frozen=True, slots=True)
class Interval:
    value: float
    lower: float | None
    upper: float | None


@dataclass(frozen=True, slots=True)
class Open:
    received: int
    open: int
    unanswered: int
    oldest_seconds: float | None
    median: Interval | None
    curves: Mapping[int, Sequence[survival.Step]]


@dataclass(frozen=True, slots=True)
class Share:
    hit: int
    missed: int
    not_yet_due: int
    share: float | None
    interval: Interval | None


@dataclass(frozen=True, slots=True)
class Withheld:
    """In so many months figures of employees are left out. minimum: so many observations are needed at least."""

    months: int
    minimum: int


@dataclass(frozen=True, slots=True)
class Result:
    n: int
    value: float | None
    mean: float | None
    deviation: float | None
    min: float | None
    max: float | None
    interval: Interval | None
    quantiles: Mapping[float, float | None] = field(default_factory=dict)
    histograms: Mapping[int, Sequence[tuple[float, float, int]]] = field(default_factory=dict)
    open: Open | None = None
    within_target: Share | None = None
    excluded: Mapping[str, int] = field(default_factory=dict)
    withheld: Withheld | None = None


NOTHING = Result(0, None, None, None, None, None, None)


def compute(
    kpi: Kpi, parts: Parts, waiting: OpenWaits | None, asked: Asked, now: datetime, *, different: int = 0
) -> Result:
    """waiting: who still waits; None where that was not looked up. different: how many different customers."""
    values = sketch.Ordered(parts.bins)
    measured = values.count
    mean = parts.sum / MICRO / measured if measured else None
    value, interval = _value(kpi, parts, values, mean)
    if kpi.aggregation is Aggregation.DISTINCT_CUSTOMERS:
        value = float(different)
    waiting = waiting or OpenWaits()
    return Result(
        n=parts.n,
        value=value,
        mean=mean,
        deviation=_deviation(parts, measured),
        min=values.smallest,
        max=values.largest,
        interval=interval,
        quantiles={p: values.quantile(p) for p in asked.quantiles},
        histograms={bins: sketch.histogram(parts.bins, bins) for bins in asked.histogram_bins},
        open=_open(parts, waiting, asked, now) if kpi.durations and asked.open else None,
        within_target=_within(parts, waiting) if kpi.target is not None and kpi.aggregation in _MEASURING else None,
        excluded={reason: count for reason, count in sorted(parts.excluded.items()) if count},
    )


def _deviation(parts: Parts, measured: int) -> float | None:
    """Of the sample; exact until the last division, so that nothing cancels out."""
    if measured < 2:
        return None
    return math.sqrt(max(parts.squares * measured - parts.sum**2, 0) / (measured * (measured - 1))) / MICRO


def _value(kpi: Kpi, parts: Parts, values: sketch.Ordered, mean: float | None) -> tuple[float | None, Interval | None]:
    if kpi.aggregation in (Aggregation.COUNT, Aggregation.DISTINCT_CUSTOMERS):
        return float(parts.n), None
    if kpi.aggregation is Aggregation.RATE:
        share = wilson(parts.hit, parts.n) if parts.n else None
        return (share.value, share) if share is not None else (None, None)
    if kpi.aggregation is Aggregation.SUM:
        return parts.sum / MICRO, None
    if mean is None:
        return None, None
    count = values.count
    if kpi.aggregation is Aggregation.MEAN:
        deviation = _deviation(parts, count)
        half = _Z * deviation / math.sqrt(count) if deviation is not None else None
        return mean, Interval(mean, mean - half, mean + half) if half is not None else None
    p = kpi.quantile or 0.5
    value = values.quantile(p)
    return value, None if value is None else _of_quantile(value, values, p)


def _of_quantile(value: float, values: sketch.Ordered, p: float) -> Interval | None:
    """From order statistics: the ranks between which the quantile lies with the confidence (normal approximation)."""
    n = values.count
    half = _Z * math.sqrt(n * p * (1 - p))
    lower, upper = math.floor(n * p - half), math.ceil(n * p + half) + 1
    if lower < 1 or upper > n:
        return None
    return Interval(value, values.at_rank(lower), values.at_rank(upper))


def _open(parts: Parts, waiting: OpenWaits, asked: Asked, now: datetime) -> Open:
    censored = sketch.Bins()
    censored.add(parts.censored)
    censored.add(waiting.bins)
    curve = survival.curve(parts.bins, censored)
    median = curve.median
    return Open(
        received=parts.received,
        open=parts.open,
        unanswered=parts.unanswered,
        oldest_seconds=(now - waiting.oldest).total_seconds() if waiting.oldest is not None else None,
        median=Interval(median.value, median.lower, median.upper) if median is not None else None,
        curves={points: curve.steps(points) for points in asked.curve_points},
    )


def _within(parts: Parts, waiting: OpenWaits) -> Share:
    """Who still waits and is over the target has missed it, and so has who was never answered."""
    not_yet_due = min(waiting.due_later, parts.open)
    due = parts.received - not_yet_due
    share = parts.hit / due if due else None
    interval = wilson(parts.hit, due) if due else None
    return Share(parts.hit, due - parts.hit, not_yet_due, share, interval)


def derived(kpi: Kpi, operands: Sequence[Result]) -> Result:
    """Of other results: the share within a target, or one by the other. value: None where there is nothing to say."""
    if kpi.aggregation is Aggregation.RATE:
        within = operands[0].within_target
        share = within.share if within is not None else None
        n = within.hit + within.missed if within is not None else 0
        interval = within.interval if within is not None else None
        of = operands[0]
        return Result(n, share, None, None, None, None, interval, excluded=of.excluded, withheld=of.withheld)
    numerator, denominator = operands
    value = None
    if numerator.value is not None and denominator.value:
        value = numerator.value / denominator.value
    withheld = numerator.withheld or denominator.withheld
    return Result(numerator.n, value, None, None, None, None, None, withheld=withheld)


def wilson(hit: int, of: int) -> Interval:
    """E. B. Wilson, JASA 1927."""
    share, z2 = hit / of, _Z * _Z
    center = (share + z2 / (2 * of)) / (1 + z2 / of)
    half = _Z / (1 + z2 / of) * math.sqrt(share * (1 - share) / of + z2 / (4 * of * of))
    return Interval(share, max(center - half, 0.0), min(center + half, 1.0))
