"""Comparisons in the graph: did it become better or worse, and what says so."""

import re
from enum import Enum
from typing import Any

import strawberry
from rundblick.metrics.v1 import comparison_pb2 as pb

from gateway.errors import bad_input
from gateway.metrics.client import metrics_of
from gateway.metrics.dimension import DimensionValue, key_of
from gateway.metrics.result import Interval, KpiResult, TargetShare, message_of
from gateway.shared import Info, Message, enum_of, present

SHORTEST_DAYS = 7
LONGEST_DAYS = 1000
_WINDOW = re.compile(r"P([0-9]{1,4})([DW])")


@strawberry.enum
class Verdict(Enum):
    IMPROVED = "IMPROVED"
    WORSENED = "WORSENED"
    NO_EVIDENCE = "NO_EVIDENCE"
    CONFLICTING = "CONFLICTING"
    INSUFFICIENT_DATA = "INSUFFICIENT_DATA"


@strawberry.enum(description="What an effect is measured in; above zero, values rose.")
class EffectMeasure(Enum):
    OPEN_DELTA = strawberry.enum_value(
        "OPEN_DELTA", description="-1 to 1: which side waits longer, of all pairs of waits, open ones counted in."
    )
    DELTA = strawberry.enum_value("DELTA", description="-1 to 1: Cliff's delta.")
    SHARE = strawberry.enum_value("SHARE", description="Difference of shares.")
    LOG_RATE = strawberry.enum_value("LOG_RATE", description="Natural logarithm of the ratio of counts a day.")
    DIFFERENCE = strawberry.enum_value("DIFFERENCE", description="Of means or ratios, in the KPI's unit.")


def _interval(message: Any, name: str) -> Interval | None:
    return Interval.of(getattr(message, name)) if message.HasField(name) else None


def _share(message: Any, name: str) -> TargetShare | None:
    return TargetShare.of(getattr(message, name)) if message.HasField(name) else None


@strawberry.type(description="Both sides as they stood equally many days after their end; open waits count.")
class OpenAwareTest:
    follow_up_days: int
    effect: Interval = strawberry.field(description="Above zero: waits became longer.")
    log_rank_z: float | None = strawberry.field(description="Above zero: current waits are longer.")
    log_rank_p: float | None
    restricted_mean_difference: Interval | None = strawberry.field(description="Seconds, current - baseline.")
    baseline_restricted_mean: float | None
    current_restricted_mean: float | None
    horizon_seconds: float = strawberry.field(description="Up to which the restricted mean looks.")
    baseline_within_target: TargetShare | None
    current_within_target: TargetShare | None
    share_difference: Interval | None = strawberry.field(description="Of those answered in time; Newcombe.")

    @classmethod
    def of(cls, test: pb.OpenAwareTest) -> "OpenAwareTest":
        return cls(
            follow_up_days=test.follow_up_days,
            effect=Interval.of(test.effect),
            log_rank_z=present(test, "log_rank_z"),
            log_rank_p=present(test, "log_rank_p"),
            restricted_mean_difference=_interval(test, "restricted_mean_difference"),
            baseline_restricted_mean=present(test, "baseline_restricted_mean"),
            current_restricted_mean=present(test, "current_restricted_mean"),
            horizon_seconds=test.horizon_seconds,
            baseline_within_target=_share(test, "baseline_within_target"),
            current_within_target=_share(test, "current_within_target"),
            share_difference=_interval(test, "share_difference"),
        )


@strawberry.type(description="The same comparison at other dates, at which nothing is known to have happened.")
class PlaceboTest:
    dates: int
    independent: float = strawberry.field(description="How many of them do not overlap.")
    share: float | None = strawberry.field(description="Of the dates, with at least this effect.")
    lower: float | None = strawberry.field(description="Of the middle 95 % of their effects.")
    upper: float | None = strawberry.field(description="Of the middle 95 % of their effects.")
    needed: float | None = strawberry.field(description="What an effect must exceed.")
    effect: float = strawberry.field(description="Of this comparison, with as much follow-up as the dates have.")
    follow_up_days: int

    @classmethod
    def of(cls, test: pb.PlaceboTest) -> "PlaceboTest":
        return cls(
            dates=test.dates,
            independent=test.independent,
            share=present(test, "share"),
            lower=present(test, "lower"),
            upper=present(test, "upper"),
            needed=present(test, "needed"),
            effect=test.effect,
            follow_up_days=test.follow_up_days,
        )


@strawberry.type(description="Of the baseline, day by day: did it move before?")
class TrendBefore:
    tau: float = strawberry.field(description="Mann-Kendall.")
    slope: float = strawberry.field(description="Theil-Sen, a day, in the KPI's unit.")
    p_value: float

    @classmethod
    def of(cls, trend: pb.TrendBefore) -> "TrendBefore":
        return cls(tau=trend.tau, slope=trend.slope, p_value=trend.p_value)


@strawberry.type
class StratumComparison:
    key: list[DimensionValue]
    n_baseline: int
    n_current: int
    effect_size: float | None
    difference: Interval | None
    p_value: float | None
    p_holm: float | None = strawberry.field(description="Adjusted for the number of strata.")
    open_effect: float | None = strawberry.field(description="Open waits counted in; durations only.")

    @classmethod
    def of(cls, stratum: pb.StratumComparison) -> "StratumComparison":
        return cls(
            key=key_of(stratum.key),
            n_baseline=stratum.n_baseline,
            n_current=stratum.n_current,
            effect_size=present(stratum, "effect_size"),
            difference=_interval(stratum, "difference"),
            p_value=present(stratum, "p_value"),
            p_holm=present(stratum, "p_holm"),
            open_effect=present(stratum, "open_effect"),
        )


@strawberry.type(description="Did a change bring a gain or a loss?")
class Comparison:
    verdict: Verdict
    because: list[Message] = strawberry.field(description="Each number in a sentence is a field of this object.")
    warnings: list[Message]
    baseline: KpiResult
    current: KpiResult
    n_baseline: int
    n_current: int
    measure: EffectMeasure
    effect: Interval | None = strawberry.field(
        description="What the verdict rests on, in terms of measure; interval from whole weeks drawn again."
    )
    difference: Interval | None = strawberry.field(
        description="Current - baseline, open waits left out: a shift, a difference or a ratio, as test says."
    )
    effect_size: float | None = strawberry.field(
        description="Above zero: values rose. Cliff's delta of distributions, Cohen's h of shares."
    )
    effect_size_interval: Interval | None
    statistic: float | None
    p_value: float | None
    test: str | None
    open_aware: OpenAwareTest | None = strawberry.field(description="Durations only.")
    placebo: PlaceboTest | None
    season: float | None = strawberry.field(description="The effect of the same windows a year before.")
    trend: TrendBefore | None
    strata: list[StratumComparison] = strawberry.field(description="Largest first.")
    mix_shift: Interval | None = strawberry.field(description="What the mix alone would have changed.")
    within_strata: Interval | None = strawberry.field(description="The effect with the mix held constant.")
    control: Interval | None = strawberry.field(
        description="Difference in differences against touchpoints without the change."
    )
    minimum_detectable: float | None

    @classmethod
    def of(cls, said: pb.Comparison) -> "Comparison":
        return cls(
            verdict=enum_of(Verdict, pb.Verdict, said.verdict, "VERDICT_"),
            because=[message_of(one) for one in said.because],
            warnings=[message_of(one) for one in said.warnings],
            baseline=KpiResult(record=said.baseline),
            current=KpiResult(record=said.current),
            n_baseline=said.n_baseline,
            n_current=said.n_current,
            measure=enum_of(EffectMeasure, pb.EffectMeasure, said.measure, "EFFECT_MEASURE_"),
            effect=_interval(said, "effect"),
            difference=_interval(said, "difference"),
            effect_size=present(said, "effect_size"),
            effect_size_interval=_interval(said, "effect_size_interval"),
            statistic=present(said, "statistic"),
            p_value=present(said, "p_value"),
            test=said.test or None,
            open_aware=OpenAwareTest.of(said.open_aware) if said.HasField("open_aware") else None,
            placebo=PlaceboTest.of(said.placebo) if said.HasField("placebo") else None,
            season=present(said, "season"),
            trend=TrendBefore.of(said.trend) if said.HasField("trend") else None,
            strata=[StratumComparison.of(one) for one in said.strata],
            mix_shift=_interval(said, "mix_shift"),
            within_strata=_interval(said, "within_strata"),
            control=_interval(said, "control"),
            minimum_detectable=present(said, "minimum_detectable"),
        )


def days_of(window: str) -> int:
    """Of an ISO 8601 duration in days or weeks. InvalidInput: it is none, or too short or long to compare."""
    found = _WINDOW.fullmatch(window)
    if found is None:
        raise bad_input("a window is so many days or weeks: P90D, P12W", "window")
    days = int(found[1]) * (7 if found[2] == "W" else 1)
    if not SHORTEST_DAYS <= days <= LONGEST_DAYS:
        raise bad_input(f"a window has {SHORTEST_DAYS} to {LONGEST_DAYS} days, {window} has {days}", "window")
    return days


async def compare_periods(info: Info, request: pb.ComparePeriodsRequest) -> Comparison:
    client = metrics_of(info)
    answer: pb.ComparePeriodsResponse = await client.call(client.stubs.comparisons.ComparePeriods, request)
    return Comparison.of(answer.comparison)


async def compare_change(info: Info, request: pb.CompareChangeRequest) -> Comparison:
    client = metrics_of(info)
    answer: pb.CompareChangeResponse = await client.call(client.stubs.comparisons.CompareChange, request)
    return Comparison.of(answer.comparison)
