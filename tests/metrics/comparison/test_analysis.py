"""Comparisons of made-up days whose truth is known: each verdict occurs, for the reason it should."""

import math
import random
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest

from services.metrics.comparison.analysis import Analysis
from services.metrics.comparison.daily import Sums, Waits, WaitShares
from services.metrics.comparison.domain import Comparison, Measure, Verdict
from services.metrics.comparison.placebo import Windows
from services.metrics.comparison.question import Asked
from services.metrics.evidence import hazards
from services.metrics.kpi.domain import Direction
from tests.metrics.comparison.offline import Wait, at, kept_of_waits

FIRST = date(2023, 1, 1)
DAYS = 900
CHANGE = date(2025, 1, 1)
TARGET = 86_400.0

# Seconds until answered of the n-th wait of a day; None: never.
Rule = Callable[[random.Random, date, int], float | None]


def steady(rng: random.Random, day: date, number: int) -> float | None:
    return rng.lognormvariate(11, 1)


def halved(rng: random.Random, day: date, number: int) -> float | None:
    return rng.lognormvariate(11, 1) * (0.5 if day >= CHANGE else 1.0)


def waits(rule: Rule, *, per_day: int = 8, days: int = DAYS, seed: int = 1, touchpoint: str = "tou_1") -> list[Wait]:
    rng = random.Random(seed)  # noqa: S311  # a seed, no secret
    found: list[Wait] = []
    for number in range(days):
        day = FIRST + timedelta(days=number)
        begun = [(at(day, rng.random() * 86_000), rule(rng, day, one)) for one in range(per_day)]
        found += [(moment, seconds, {"touchpoint": touchpoint}) for moment, seconds in begun]
    return found


def windows(length: int = 30, follow_up: int = 10) -> Windows:
    change = CHANGE.toordinal()
    return Windows((change - length, change), (change, change + length), change + length + follow_up)


def asked(of: Windows, measure: Measure = Measure.OPEN_DELTA) -> Asked:
    return Asked(measure, Direction.LOWER_IS_BETTER, of, seed=1, target=TARGET)


def compared(
    facts: list[Wait], *, of: Windows | None = None, by: tuple[str, ...] = (), control: list[Wait] | None = None
) -> Comparison:
    of = of or windows()
    daily = Waits(kept_of_waits(facts)[()], TARGET)
    strata = {key: Waits(kept, TARGET) for key, kept in kept_of_waits(facts, by).items()} if by else {}
    other = Waits(kept_of_waits(control)[()], TARGET) if control is not None else None
    n = [int(daily.total(*side, of.as_of)[: len(daily.keys(of.as_of))].sum()) for side in (of.baseline, of.current)]
    return Analysis(asked(of), daily, strata, other).run(n[0], n[1])


def test_a_real_gain_is_found() -> None:
    found = compared(waits(halved))
    assert found.verdict is Verdict.IMPROVED
    assert found.effect is not None
    assert found.effect.value < 0
    assert found.difference is not None
    assert found.difference.value < 0
    assert found.open_aware is not None
    assert found.open_aware.share_difference is not None
    assert found.open_aware.share_difference.value > 0


def test_the_same_the_other_way_round_is_a_loss() -> None:
    facts = [
        (start, None if s is None else s * (4.0 if start.date() >= CHANGE else 1.0), v) for start, s, v in waits(halved)
    ]
    assert compared(facts).verdict is Verdict.WORSENED


def test_nothing_is_found_where_nothing_happened() -> None:
    found = compared(waits(steady))
    assert found.verdict is Verdict.NO_EVIDENCE
    assert found.minimum_detectable is not None
    assert found.placebo is not None
    assert found.placebo.needed is not None
    assert found.minimum_detectable > found.placebo.needed > 0


def test_a_figure_that_moves_like_this_all_the_time_is_no_evidence() -> None:
    levels = np.random.default_rng(2).normal(0, 0.8, DAYS // 15 + 1)

    def restless(rng: random.Random, day: date, number: int) -> float | None:
        return rng.lognormvariate(11 + levels[(day - FIRST).days // 15], 0.3)

    found = compared(waits(restless))
    assert found.verdict is not Verdict.IMPROVED
    assert found.verdict is not Verdict.WORSENED
    assert found.placebo is not None
    assert found.placebo.share is not None
    assert found.placebo.share > 0.05


def test_what_happens_every_year_is_season() -> None:
    def seasonal(rng: random.Random, day: date, number: int) -> float | None:
        return rng.lognormvariate(11, 1) * (0.4 if day.month == 1 else 1.0)

    found = compared(waits(seasonal))
    assert found.season is not None
    assert found.verdict is Verdict.NO_EVIDENCE
    assert [one.code for one in found.because] == ["SEASON"]


def test_what_was_falling_before_is_a_trend() -> None:
    def falling(rng: random.Random, day: date, number: int) -> float | None:
        since = (day - (CHANGE - timedelta(days=30))).days
        return rng.lognormvariate(11 - 0.05 * min(max(since, 0), 60), 0.5)

    found = compared(waits(falling))
    assert found.trend is not None
    assert found.trend.tau < 0
    assert found.trend.p < 0.05
    assert [one.code for one in found.because] == ["TREND_BEFORE"]
    assert "TREND_BEFORE" in {one.code for one in found.warnings}


def test_where_the_others_moved_as_well_it_was_not_the_change() -> None:
    alone = compared(waits(halved), control=waits(steady, seed=3))
    assert alone.verdict is Verdict.IMPROVED
    assert alone.control is not None
    assert alone.control.value < 0
    both = compared(waits(halved), control=waits(halved, seed=3))
    assert [one.code for one in both.because] == ["CONTROL_MOVED_TOO"]


def test_open_waits_can_say_the_opposite_and_that_is_said() -> None:
    """Before, hard cases stay open for good; after, they are answered, late: those that ended look slower."""

    def rule(rng: random.Random, day: date, number: int) -> float | None:
        if number % 2:
            return rng.lognormvariate(9, 0.5)
        return rng.lognormvariate(12, 0.3) if day >= CHANGE else None

    found = compared(waits(rule))
    assert found.verdict is Verdict.CONFLICTING
    assert found.effect_size is not None
    assert found.effect_size > 0
    assert found.effect is not None
    assert found.effect.value < 0
    assert {one.code for one in found.warnings} >= {"OPEN_WAITS_DISAGREE"}


def test_recent_days_look_no_faster_only_because_slow_ones_are_still_open() -> None:
    """Asked at once: who is answered within hours counts, on both sides alike."""

    def slow(rng: random.Random, day: date, number: int) -> float | None:
        return rng.lognormvariate(13.5, 1)

    found = compared(waits(slow), of=windows(follow_up=0))
    assert found.verdict is Verdict.NO_EVIDENCE
    assert found.open_aware is not None
    assert found.open_aware.follow_up_days == 0


def test_a_changed_mix_is_not_a_changed_figure() -> None:
    """Simpson: each kind becomes slower, but there is more of the fast one."""

    def of(kind: str, level: float) -> list[Wait]:
        share = {"fast": (2, 12), "slow": (12, 2)}[kind]

        def rule(rng: random.Random, day: date, number: int) -> float | None:
            return rng.lognormvariate(level + (0.4 if day >= CHANGE else 0.0), 0.5)

        many = waits(rule, per_day=12, seed=len(kind) + int(level), touchpoint=kind)
        return [one for place, one in enumerate(many) if place % 12 < share[one[0].date() >= CHANGE]]

    found = compared([*of("fast", 5.0), *of("slow", 9.0)], by=("touchpoint",))
    assert found.verdict is Verdict.CONFLICTING
    assert "SIMPSON" in {one.code for one in (*found.because, *found.warnings)}
    assert found.mix_shift is not None
    assert found.mix_shift.value < 0
    assert found.within_strata is not None
    assert found.within_strata.value > 0
    assert {stratum.values for stratum in found.strata} == {("fast",), ("slow",)}
    assert all(
        stratum.p_holm is not None and stratum.p is not None and stratum.p_holm >= stratum.p for stratum in found.strata
    )


def test_too_little_is_refused() -> None:
    few = compared(waits(steady, per_day=8), of=windows(length=2))
    assert (few.verdict, few.because[0].code) == (Verdict.INSUFFICIENT_DATA, "TOO_FEW")
    nothing = Analysis(asked(windows()), Sums({})).run(0, 0)
    assert (nothing.verdict, nothing.because[0].code) == (Verdict.INSUFFICIENT_DATA, "TOO_FEW")
    one_sided = compared([one for one in waits(steady) if one[0].date() >= CHANGE])
    assert one_sided.verdict is Verdict.INSUFFICIENT_DATA


def test_a_short_history_is_said_to_be_short() -> None:
    start = CHANGE - timedelta(days=60)
    found = compared([one for one in waits(halved) if one[0].date() >= start])
    assert (found.verdict, found.because[0].code) == (Verdict.INSUFFICIENT_DATA, "HISTORY_TOO_SHORT")


def test_the_same_question_has_the_same_answer() -> None:
    assert compared(waits(halved)) == compared(waits(halved))


def test_equal_follow_up_is_what_raw_rows_give() -> None:
    """Ended and open, as of ten days after each side's end: held against the rows themselves."""
    facts = waits(halved, days=760)
    of = windows()
    daily = Waits(kept_of_waits(facts)[()], TARGET)
    for (start, end), total in zip((of.baseline, of.current), of.sides(daily, of.follow_up), strict=True):
        moment = at(date.fromordinal(end + of.follow_up), 0)
        side = [(s, began) for began, s, _ in facts if start <= began.date().toordinal() < end]
        ended = [s for s, began in side if s is not None and began + timedelta(seconds=s) < moment]
        half = len(total) // 2
        assert total[:half].sum() == len(ended)
        assert total[half:].sum() == len(side) - len(ended)
        in_time, late = WaitShares(daily).total(start, end, end + of.follow_up)
        assert in_time == sum(s <= TARGET for s in ended)
        assert in_time + late == len(side), "everybody is due after ten days"


def counts(rate: Callable[[date], float], seed: int = 1) -> Sums:
    rng = np.random.default_rng(seed)
    days = [FIRST + timedelta(days=number) for number in range(DAYS)]
    return Sums({day.toordinal(): (float(rng.poisson(rate(day))), 1.0) for day in days})


def test_counts_are_compared_by_their_rate() -> None:
    more = counts(lambda day: 30.0 if day >= CHANGE else 20.0)
    found = Analysis(replace(asked(windows()), measure=Measure.LOG_RATE), more).run(600, 900)
    assert found.verdict is Verdict.WORSENED, "fewer were wanted"
    assert found.test == "QUASI_POISSON"
    assert found.difference is not None
    assert found.difference.value == pytest.approx(1.5, rel=0.1)
    assert found.effect_size == pytest.approx(math.log(found.difference.value))
    same = Analysis(replace(asked(windows()), measure=Measure.LOG_RATE), counts(lambda day: 20.0)).run(600, 600)
    assert same.verdict is Verdict.NO_EVIDENCE


def test_shares_are_compared_with_both_sides_intervals() -> None:
    rng = np.random.default_rng(4)
    days = [FIRST + timedelta(days=number) for number in range(DAYS)]
    hits = {day.toordinal(): float(rng.binomial(40, 0.8 if day >= CHANGE else 0.6)) for day in days}
    daily = Sums({day: (hit, 40 - hit) for day, hit in hits.items()})
    of = replace(asked(windows()), measure=Measure.SHARE, direction=Direction.HIGHER_IS_BETTER)
    found = Analysis(of, daily).run(1200, 1200)
    assert (found.verdict, found.test) == (Verdict.IMPROVED, "TWO_PROPORTIONS")
    assert found.difference is not None
    assert found.difference.value == pytest.approx(0.2, abs=0.05)


def test_means_and_ratios_rest_on_drawn_weeks() -> None:
    rng = np.random.default_rng(5)
    days = [FIRST + timedelta(days=number) for number in range(DAYS)]
    cost = {day.toordinal(): (float(rng.normal(700 if day >= CHANGE else 1000, 50)), 10.0) for day in days}
    of = replace(asked(windows()), measure=Measure.DIFFERENCE)
    found = Analysis(of, Sums(cost)).run(300, 300)
    assert (found.verdict, found.test) == (Verdict.IMPROVED, "DAY_BLOCK_BOOTSTRAP")
    assert found.difference is not None
    assert found.difference.value == pytest.approx(-30, abs=3)


def test_the_log_rank_test_is_that_of_the_bins() -> None:
    found = compared(waits(halved))
    assert found.open_aware is not None
    assert isinstance(found.open_aware.log_rank, hazards.LogRank)
    assert found.open_aware.log_rank.z < 0, "waits became shorter"
