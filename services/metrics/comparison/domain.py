"""What a comparison of two periods says, and by which rules it comes to a verdict.

docs/evidence.md gives the reason for each rule and shows how often they are wrong on real data.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from chassis.errors import InvalidInput
from services.metrics.evidence.hazards import LogRank, RestrictedMeanDifference
from services.metrics.evidence.shares import ShareTest
from services.metrics.kpi.domain import Direction
from services.metrics.kpi.results import Interval, Share

# Fewer observations, or days, on a side say nothing.
FEWEST = 20
FEWEST_DAYS = 7
# An interval that reaches beyond both is too wide to say anything: Romano's small delta, five points, a tenth.
RELEVANT = {"delta": 0.147, "share": 0.05, "log_rate": 0.095}


class Verdict(Enum):
    IMPROVED = "IMPROVED"
    WORSENED = "WORSENED"
    NO_EVIDENCE = "NO_EVIDENCE"
    CONFLICTING = "CONFLICTING"
    INSUFFICIENT_DATA = "INSUFFICIENT_DATA"


class Measure(Enum):
    """What the effect is measured in.

    OPEN_DELTA: pairs of waits, open ones counted in. DELTA: Cliff's, of values. SHARE: difference of shares. LOG_RATE:
    logarithm of the ratio of counts a day. DIFFERENCE: of means or ratios, in the KPI's unit.
    """

    OPEN_DELTA = "OPEN_DELTA"
    DELTA = "DELTA"
    SHARE = "SHARE"
    LOG_RATE = "LOG_RATE"
    DIFFERENCE = "DIFFERENCE"

    @property
    def largest(self) -> float | None:
        """No effect can exceed it."""
        return None if self in (Measure.LOG_RATE, Measure.DIFFERENCE) else 1.0

    @property
    def relevant(self) -> float | None:
        if self in (Measure.OPEN_DELTA, Measure.DELTA):
            return RELEVANT["delta"]
        if self is Measure.SHARE:
            return RELEVANT["share"]
        return RELEVANT["log_rate"] if self is Measure.LOG_RATE else None


class PeriodsOverlap(InvalidInput):
    def __init__(self) -> None:
        super().__init__("the two periods overlap: what lies in both cannot tell them apart", ("baseline",))


@dataclass(frozen=True, slots=True)
class Finding:
    """A reason or a warning: its code, and the numbers its sentence names, each a field of the comparison."""

    code: str
    numbers: Mapping[str, float] = field(default_factory=dict)
    words: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OpenAware:
    """Both sides as they stood the same number of days after their end; open waits count.

    effect: above zero, waits became longer. baseline, current: the share answered in time among those due.
    """

    follow_up_days: int
    effect: Interval
    log_rank: LogRank | None
    restricted_mean: RestrictedMeanDifference | None
    horizon_seconds: float
    baseline: Share | None = None
    current: Share | None = None
    share_difference: Interval | None = None


@dataclass(frozen=True, slots=True)
class Placebo:
    """The same comparison at other dates, at which nothing is known to have happened.

    dates: how many were tried. independent: how many of them do not overlap. share: of them with at least this effect.
    lower, upper: the middle 95 % of their effects. needed: the size that an effect must exceed.
    """

    dates: int
    independent: float
    share: float | None
    lower: float | None
    upper: float | None
    needed: float | None
    effect: float
    follow_up_days: int


@dataclass(frozen=True, slots=True)
class TrendBefore:
    """Of the baseline, day by day. slope: a day, in the KPI's unit."""

    tau: float
    slope: float
    p: float


@dataclass(frozen=True, slots=True)
class Stratum:
    values: tuple[str, ...]
    n_baseline: int
    n_current: int
    effect: float | None
    difference: Interval | None
    p: float | None
    p_holm: float | None = None
    open_effect: float | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """difference, effect_size and p describe values that are there (closed-only for waits); effect is what counts.

    effect: in the terms of `measure`, with an interval from whole weeks drawn again. statistic: U of Mann and Whitney,
    of the current side, or z. season: the effect of the same two windows a year before.
    """

    verdict: Verdict
    because: Sequence[Finding]
    warnings: Sequence[Finding]
    measure: Measure
    n_baseline: int
    n_current: int
    effect: Interval | None = None
    difference: Interval | None = None
    effect_size: float | None = None
    effect_size_interval: Interval | None = None
    statistic: float | None = None
    p: float | None = None
    test: str | None = None
    open_aware: OpenAware | None = None
    placebo: Placebo | None = None
    season: float | None = None
    trend: TrendBefore | None = None
    strata: Sequence[Stratum] = ()
    mix_shift: Interval | None = None
    within_strata: Interval | None = None
    control: Interval | None = None
    minimum_detectable: float | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a verdict rests on.

    effect: with the mix of strata held constant, where there are strata; overall: without. closed: overall, among those
    that ended alone; None: nothing can be open.
    """

    measure: Measure
    direction: Direction
    n_baseline: int
    n_current: int
    days_baseline: int
    days_current: int
    effect: Interval | None = None
    overall: Interval | None = None
    closed: Interval | None = None
    share: ShareTest | None = None
    placebo: Placebo | None = None
    season: float | None = None
    trend: TrendBefore | None = None
    control: Interval | None = None


def decide(evidence: Evidence) -> tuple[Verdict, list[Finding]]:
    """The verdict, and the one reason that decided it. Every rule but the last is a way not to be sure."""
    effect, placebo = evidence.effect, evidence.placebo
    smaller = min(evidence.n_baseline, evidence.n_current)
    if smaller < FEWEST or min(evidence.days_baseline, evidence.days_current) < FEWEST_DAYS or effect is None:
        few: dict[str, float] = {"nBaseline": evidence.n_baseline, "nCurrent": evidence.n_current}
        return Verdict.INSUFFICIENT_DATA, [Finding("TOO_FEW", few)]
    lower, upper = effect.lower, effect.upper
    if lower is None or upper is None:
        return Verdict.INSUFFICIENT_DATA, [Finding("NO_INTERVAL")]
    if (conflict := _conflict(evidence, effect)) is not None:
        return Verdict.CONFLICTING, [conflict]
    of_effect = {"effect": effect.value, "lower": lower, "upper": upper}
    relevant = evidence.measure.relevant
    if relevant is not None and lower < -relevant and upper > relevant:
        return Verdict.INSUFFICIENT_DATA, [Finding("TOO_WIDE", of_effect)]
    if placebo is None or placebo.needed is None or placebo.lower is None or placebo.upper is None:
        return Verdict.INSUFFICIENT_DATA, [Finding("HISTORY_TOO_SHORT", of_effect)]
    if evidence.measure.largest is not None and placebo.needed >= evidence.measure.largest:
        return Verdict.INSUFFICIENT_DATA, [Finding("HISTORY_TOO_SHORT", of_effect)]
    if lower <= 0 <= upper:
        return Verdict.NO_EVIDENCE, [Finding("INTERVAL_HOLDS_ZERO", of_effect)]
    if placebo.lower <= placebo.effect <= placebo.upper or abs(placebo.effect) <= placebo.needed:
        numbers = {"effect": placebo.effect, "needed": placebo.needed, "dates": placebo.dates}
        return Verdict.NO_EVIDENCE, [Finding("AS_AT_OTHER_DATES", numbers)]
    if explained := _explained(evidence, effect.value):
        return Verdict.NO_EVIDENCE, [explained]
    rose_is_better = evidence.direction is Direction.HIGHER_IS_BETTER
    improved = (effect.value > 0) == rose_is_better
    verdict = Verdict.IMPROVED if improved else Verdict.WORSENED
    numbers = of_effect | {"needed": placebo.needed, "dates": placebo.dates}
    return verdict, [Finding(verdict.value, numbers)]


def _conflict(evidence: Evidence, effect: Interval) -> Finding | None:
    overall, closed, share = evidence.overall or effect, evidence.closed, evidence.share
    if closed is not None and _opposed(overall, closed):
        return Finding("OPEN_WAITS_DISAGREE", {"openEffect": overall.value, "effectSize": closed.value})
    if share is not None and _sign(share.difference) == _sign(overall) != 0:
        # Longer waits and a larger share in time.
        numbers = {"openEffect": overall.value, "shareDifference": share.difference.value}
        return Finding("SHARE_DISAGREES", numbers)
    if _opposed(overall, effect):
        return Finding("SIMPSON", {"overall": overall.value, "effect": effect.value})
    return None


def _explained(evidence: Evidence, effect: float) -> Finding | None:
    """Something else than the change that would have done the same."""
    season, trend, control = evidence.season, evidence.trend, evidence.control
    if season is not None and season * effect > 0 and abs(season) >= abs(effect) / 2:
        return Finding("SEASON", {"effect": effect, "season": season})
    if is_trend(trend, effect):
        assert trend is not None  # noqa: S101  # is_trend says so
        return Finding("TREND_BEFORE", {"tau": trend.tau, "trendPValue": trend.p})
    if control is not None and (_sign(control) == 0 or control.value * effect < 0):
        return Finding("CONTROL_MOVED_TOO", {"effect": effect, "control": control.value})
    return None


def is_trend(trend: TrendBefore | None, effect: float) -> bool:
    """Was it moving in this direction before the change?"""
    return trend is not None and trend.p < 0.05 and trend.tau * effect > 0


def _sign(interval: Interval) -> int:
    """0: the interval holds zero, or is open."""
    if interval.lower is None or interval.upper is None or interval.lower <= 0 <= interval.upper:
        return 0
    return 1 if interval.value > 0 else -1


def _opposed(one: Interval, other: Interval) -> bool:
    return _sign(one) * _sign(other) < 0
