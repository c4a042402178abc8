"""Draws of whole days: statistics per row, the same answer for the same seed, intervals as wide as days differ."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.metrics.evidence import ranks, sample
from services.metrics.evidence.resampling import (
    bootstrap,
    cliffs_deltas,
    day_weights,
    means,
    medians,
    percentiles,
    quantiles,
    ratios,
    shares,
)
from services.metrics.evidence.sample import Floats
from tests.metrics.evidence.samples import bins_of, counted, log_normal, numbers, pairs


@given(st.lists(numbers, min_size=1, max_size=5), st.floats(0, 1))
def test_each_row_has_its_own_quantile_and_mean(rows: list[list[float]], p: float) -> None:
    table = sample.common([bins_of(row) for row in rows])
    counts = table.counts.astype(np.float64)
    samples = [sample.sample(bins_of(row)) for row in rows]
    assert quantiles(counts, table.values, p).tolist() == [sample.quantile(one, p) for one in samples]
    assert medians(counts, table.values).tolist() == [sample.quantile(one, 0.5) for one in samples]
    assert means(counts, table.values).tolist() == pytest.approx([sample.mean(one) for one in samples], abs=1e-6)


@given(st.lists(pairs, min_size=1, max_size=4))
def test_each_pair_of_rows_has_its_own_delta(sides: list[tuple[list[float], list[float]]]) -> None:
    _, rows = counted(*[side for pair in sides for side in pair])
    baseline, current = np.array(rows[::2], dtype=np.float64), np.array(rows[1::2], dtype=np.float64)
    expected = [ranks.cliffs_delta(a, b) for a, b in zip(rows[::2], rows[1::2], strict=True)]
    assert cliffs_deltas(baseline, current).tolist() == pytest.approx(expected, abs=1e-12)
    assert cliffs_deltas(current, baseline).tolist() == pytest.approx([-delta for delta in expected], abs=1e-12)


def test_rows_without_observations_have_no_value() -> None:
    counts = np.array([[0.0, 0.0], [1.0, 3.0]])
    values = np.array([2.0, 4.0])
    assert medians(counts, values).tolist() == pytest.approx([math.nan, 4.0], nan_ok=True)
    assert means(counts, values).tolist() == pytest.approx([math.nan, 3.5], nan_ok=True)
    assert shares(counts).tolist() == pytest.approx([math.nan, 0.25], nan_ok=True)
    assert ratios(counts).tolist() == pytest.approx([math.nan, 1 / 3], nan_ok=True)
    assert cliffs_deltas(counts, counts).tolist() == pytest.approx([math.nan, 0.0], nan_ok=True)


@given(st.integers(1, 40), st.integers(1, 30), st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_every_draw_has_as_many_days_as_there_are(days: int, draws: int, block: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    if block > days:
        with pytest.raises(ValueError, match="no blocks"):
            day_weights(days, draws, block, rng)
        return
    weights = day_weights(days, draws, block, rng)
    assert weights.shape == (draws, days)
    assert np.all(weights.sum(axis=1) == days)
    if block == days:
        assert np.all(weights == 1)


def test_each_day_is_as_likely_as_any_other() -> None:
    for block in (1, 4, 7):
        weights = day_weights(10, 20_000, block, np.random.default_rng(5))
        assert weights.mean(axis=0).tolist() == pytest.approx([1.0] * 10, abs=0.05)


def test_single_days_are_drawn_with_replacement() -> None:
    weights = day_weights(50, 4000, 1, np.random.default_rng(6))
    assert float((weights == 0).mean()) == pytest.approx((1 - 1 / 50) ** 50, abs=0.01)


def mean_difference(a: Floats, b: Floats) -> Floats:
    values = np.arange(a.shape[1], dtype=np.float64)
    return means(b, values) - means(a, values)


def days_of(seed: int, days: int, level: float) -> Floats:
    return np.random.default_rng(seed).poisson(level, (days, 6)).astype(np.float64)


def test_the_same_seed_gives_the_same_answer() -> None:
    a, b = days_of(1, 30, 3), days_of(2, 40, 3)
    first, again, other = (bootstrap(a, b, mean_difference, seed=seed, draws=250) for seed in (9, 9, 10))
    assert first.draws.tolist() == again.draws.tolist()
    assert first.draws.tolist() != other.draws.tolist()
    assert len(first.draws) == 250


def test_whole_numbers_and_floats_are_the_same_days() -> None:
    a, b = days_of(1, 30, 3), days_of(2, 40, 3)
    whole = bootstrap(a.astype(np.int64), b.astype(np.int64), mean_difference, seed=1, draws=50)
    assert whole.draws.tolist() == bootstrap(a, b, mean_difference, seed=1, draws=50).draws.tolist()


def test_one_value_a_day_has_the_standard_error_of_the_mean() -> None:
    rng = np.random.default_rng(3)
    sides = [np.column_stack([rng.normal(5, 2, days), np.ones(days)]) for days in (80, 120)]
    found = bootstrap(sides[0], sides[1], lambda a, b: ratios(b) - ratios(a), seed=1, draws=4000)
    assert found.value == pytest.approx(float(sides[1][:, 0].mean() - sides[0][:, 0].mean()))
    expected = math.sqrt(sum(float(side[:, 0].var()) / len(side) for side in sides))
    assert float(found.draws.std()) == pytest.approx(expected, rel=0.06)
    assert found.lower is not None
    assert found.upper is not None
    assert (found.upper - found.lower) / 2 == pytest.approx(1.96 * expected, rel=0.06)


def test_days_that_depend_on_each_other_need_blocks() -> None:
    rng = np.random.default_rng(4)
    level = np.repeat(rng.normal(0, 3, 40), 10)
    side = np.column_stack([level + rng.normal(0, 0.5, 400), np.ones(400)])
    spread = [
        float(bootstrap(side, side, lambda a, b: ratios(b) - ratios(a), seed=1, draws=1000, block=block).draws.std())
        for block in (1, 10)
    ]
    assert spread[1] > 2 * spread[0]


def test_rows_of_a_busy_day_belong_together() -> None:
    days = np.array([[100, 0], [0, 100], [100, 0], [0, 100]] * 5)
    by_day = bootstrap(days, days, lambda a, b: shares(b) - shares(a), seed=1)
    assert by_day.upper is not None
    assert by_day.upper > 0.2  # drawn by rows it would be 0.03


def test_medians_over_decades_lie_around_what_was_seen() -> None:
    rows = [bins_of(log_normal(seed, 40)) for seed in range(60)]
    table = sample.common(rows)
    a, b = table.counts[:30], table.counts[30:]
    found = bootstrap(a, b, lambda x, y: medians(y, table.values) - medians(x, table.values), seed=2, block=7)
    assert found.lower is not None
    assert found.upper is not None
    assert found.lower < found.value < found.upper


def test_draws_without_a_value_are_left_out_or_leave_no_interval() -> None:
    draws = np.arange(100, dtype=np.float64)
    draws[:5] = np.nan
    assert percentiles(draws, 0.5) == (28.5, 75.5)
    draws[5] = np.nan
    assert percentiles(draws, 0.5) == (None, None)
    empty = np.zeros((3, 2))
    found = bootstrap(empty, empty, lambda a, b: shares(b) - shares(a), seed=1, draws=10)
    assert np.isnan(found.value)
    assert (found.lower, found.upper) == (None, None)


def test_no_days_and_no_draws_are_refused() -> None:
    days = np.ones((3, 2))
    with pytest.raises(ValueError, match="no blocks"):
        bootstrap(np.ones((0, 2)), days, cliffs_deltas, seed=1)
    with pytest.raises(ValueError, match="no interval"):
        bootstrap(days, days, cliffs_deltas, seed=1, draws=0)
    with pytest.raises(ValueError, match="no interval"):
        bootstrap(days, days, cliffs_deltas, seed=1, confidence=1.0)
