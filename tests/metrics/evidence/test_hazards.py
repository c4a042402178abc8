"""Log-rank and restricted means against lifelines on the bin values; signs, strata and refusals."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lifelines import KaplanMeierFitter  # type: ignore[import-untyped]  # ships no types
from lifelines.statistics import logrank_test  # type: ignore[import-untyped]  # as above
from lifelines.utils import restricted_mean_survival_time  # type: ignore[import-untyped]  # as above

from services.metrics.evidence.hazards import (
    Waits,
    log_rank,
    restricted_mean,
    restricted_mean_difference,
    restricted_means,
)
from services.metrics.evidence.sample import Floats, common, sample
from tests.metrics.evidence.samples import bins_of, decades, log_normal

durations = st.one_of(st.lists(decades, max_size=25), st.lists(st.integers(1, 4).map(float), max_size=25))
sides = st.tuples(durations, durations).filter(lambda side: bool(side[0] or side[1]))
strata = st.tuples(sides, sides)
Side = tuple[list[float], list[float]]


def waits_of(side: Side) -> Waits:
    return Waits(bins_of(side[0]), bins_of(side[1]))


def rows_of(waits: Waits) -> tuple[Floats, Floats]:
    """The bin values one by one, and whether each wait ended."""
    ended, censored = sample(waits.ended), sample(waits.censored)
    times = np.concatenate([np.repeat(ended.values, ended.counts), np.repeat(censored.values, censored.counts)])
    return times, np.concatenate([np.ones(ended.n), np.zeros(censored.n)])


def fitted(waits: Waits) -> Any:
    times, events = rows_of(waits)
    return KaplanMeierFitter().fit(times, events)


def greenwood(waits: Waits, horizon: float) -> float:
    """The textbook's sum, walked over single times."""
    times, events = rows_of(waits)
    points, level = [], 1.0
    for time in np.unique(times):
        risk, ends = int((times >= time).sum()), int(events[times == time].sum())
        level *= 1 - ends / risk
        points.append((time, level, ends / (risk * (risk - ends)) if risk > ends else 0.0))
    total = 0.0
    for i, (time, _, term) in enumerate(points):
        edges = [min(point[0], horizon) for point in points[i:]] + [horizon]
        area = sum((edges[j + 1] - edges[j]) * points[i + j][1] for j in range(len(edges) - 1))
        total += area**2 * term if time < horizon else 0.0
    return total


@given(strata)
def test_log_rank_is_that_of_lifelines(pair: tuple[Side, Side]) -> None:
    baseline, current = waits_of(pair[0]), waits_of(pair[1])
    found = log_rank([(baseline, current)])
    if found.variance == 0:
        assert (found.z, found.p) == (0.0, 1.0)
        return
    (t0, e0), (t1, e1) = rows_of(baseline), rows_of(current)
    expected = logrank_test(t0, t1, e0, e1)
    assert found.z**2 == pytest.approx(expected.test_statistic, rel=1e-9, abs=1e-9)
    assert found.p == pytest.approx(expected.p_value, rel=1e-6)
    swapped = log_rank([(current, baseline)])
    assert swapped.z == pytest.approx(-found.z, abs=1e-9)


@given(st.lists(strata, min_size=1, max_size=4))
def test_strata_add_up(pairs: list[tuple[Side, Side]]) -> None:
    waits = [(waits_of(baseline), waits_of(current)) for baseline, current in pairs]
    alone = [log_rank([pair]) for pair in waits]
    together = log_rank([*waits, (waits[0][0], Waits({}, {}))])
    assert together.observed == sum(one.observed for one in alone)
    assert together.expected == pytest.approx(sum(one.expected for one in alone))
    assert together.variance == pytest.approx(sum(one.variance for one in alone))


def test_longer_waits_are_above_zero() -> None:
    short = Waits(bins_of(log_normal(1, 200, 3600)), bins_of(log_normal(2, 50, 40_000)))
    long = Waits(bins_of(log_normal(3, 200, 9000)), bins_of(log_normal(4, 90, 90_000)))
    assert log_rank([(short, long)]).z > 3
    assert restricted_mean_difference(short, long, 100_000).z > 3
    assert restricted_mean_difference(short, long, 100_000).difference.value > 0


@given(sides, st.floats(0.05, 1))
def test_a_restricted_mean_is_the_area_of_lifelines(side: Side, share: float) -> None:
    waits = waits_of(side)
    horizon = float(max(rows_of(waits)[0])) * share
    found = restricted_mean(waits, horizon)
    expected = restricted_mean_survival_time(fitted(waits), t=horizon)
    assert found.value == pytest.approx(float(expected), rel=1e-9)
    assert found.variance == pytest.approx(greenwood(waits, horizon), rel=1e-6, abs=1e-12 * horizon**2)


@given(st.lists(decades, min_size=2, max_size=40), st.floats(0.05, 1))
def test_without_open_waits_it_is_the_plain_mean_with_its_variance(values: list[float], share: float) -> None:
    waits = Waits(bins_of(values), {})
    times, _ = rows_of(waits)
    horizon = float(times.max()) * share
    cut = np.minimum(times, horizon)
    found = restricted_mean(waits, horizon)
    assert found.value == pytest.approx(float(cut.mean()), rel=1e-9)
    assert found.variance == pytest.approx(float(cut.var()) / len(values), rel=1e-6, abs=1e-12 * horizon**2)


@given(sides, sides)
def test_the_difference_has_the_interval_of_both_errors(first: Side, second: Side) -> None:
    baseline, current = waits_of(first), waits_of(second)
    horizon = min(float(max(rows_of(waits)[0])) for waits in (baseline, current))
    found = restricted_mean_difference(baseline, current, horizon)
    swapped = restricted_mean_difference(current, baseline, horizon)
    assert found.difference.value == pytest.approx(found.current.value - found.baseline.value)
    assert found.z == pytest.approx(-swapped.z)
    if found.difference.lower is not None and found.difference.upper is not None:
        half = 1.959963984540054 * math.sqrt(found.baseline.variance + found.current.variance)
        assert found.difference.upper - found.difference.lower == pytest.approx(2 * half, rel=1e-9)


@given(st.lists(sides, min_size=1, max_size=5), st.floats(0.05, 1))
def test_rows_of_counts_have_the_restricted_means_of_their_waits(rows: list[Side], share: float) -> None:
    waits = [waits_of(side) for side in rows]
    table = common([one.ended for one in waits] + [one.censored for one in waits])
    horizon = min(float(max(rows_of(one)[0])) for one in waits) * share
    counts = table.counts.astype(np.float64)
    found = restricted_means(counts[: len(rows)], counts[len(rows) :], table.values, horizon)
    expected = [restricted_mean(one, horizon).value for one in waits]
    assert found.tolist() == pytest.approx(expected, rel=1e-9)


def test_a_row_without_waits_has_no_restricted_mean() -> None:
    nothing = np.zeros((2, 1))
    ended = np.array([[1.0], [0.0]])
    found = restricted_means(ended, nothing, np.array([5.0]), 10.0)
    assert found[0] == 5.0
    assert np.isnan(found[1])


def test_answers_at_once_wait_for_nothing() -> None:
    found = restricted_mean(Waits({"z": 3, "p100": 1}, {}), 2.0)
    assert found.value == pytest.approx(2.0 / 4)


def test_what_was_never_seen_is_refused() -> None:
    with pytest.raises(ValueError, match="nobody was followed"):
        restricted_mean(Waits(bins_of([10.0]), bins_of([20.0])), 30.0)
    with pytest.raises(ValueError, match="above zero"):
        restricted_mean(Waits(bins_of([10.0]), {}), 0.0)
    with pytest.raises(ValueError, match="without observations"):
        restricted_mean(Waits({}, {"p1": 0}), 1.0)
    with pytest.raises(ValueError, match="no stratum"):
        log_rank([(Waits({}, {}), Waits({"p1": 1}, {}))])


def test_all_answered_before_the_horizon_is_seen_to_the_end() -> None:
    found = restricted_mean(Waits({"p100": 2}, {}), 1e6)
    assert found.value == pytest.approx(sample({"p100": 2}).values[0])
    assert found.variance == 0.0


def test_no_spread_leaves_the_interval_open() -> None:
    same = Waits({"p100": 2}, {})
    found = restricted_mean_difference(same, same, 5.0)
    assert (found.difference.lower, found.difference.upper, found.p) == (None, None, 1.0)
