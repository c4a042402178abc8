"""Bins: quantiles within 1 %, exact addition and subtraction."""

import math

from hypothesis import given
from hypothesis import strategies as st

from services.metrics.rollup import sketch

values = st.lists(st.floats(0, 1e9, allow_nan=False).map(lambda v: round(v, 3)), min_size=1, max_size=60)


def bins_of(numbers: list[float]) -> dict[str, int]:
    bins: dict[str, int] = {}
    for number in numbers:
        key = sketch.key_of(number)
        bins[key] = bins.get(key, 0) + 1
    return bins


@given(values, st.floats(0, 1))
def test_a_quantile_is_within_one_percent_of_the_nearest_rank(numbers: list[float], p: float) -> None:
    ordered = sorted(numbers)
    exact = ordered[max(1, math.ceil(round(p * len(ordered), 9))) - 1]
    estimate = sketch.quantile(bins_of(numbers), p)
    assert estimate is not None
    assert abs(estimate - exact) <= sketch.ACCURACY * exact + 1e-6


@given(st.floats(-1e9, 1e9, allow_nan=False))
def test_a_bin_stands_for_values_within_one_percent(value: float) -> None:
    key = sketch.key_of(value)
    lower, upper = sketch.bounds_of(key)
    assert abs(sketch.value_of(key) - value) <= sketch.ACCURACY * abs(value) * 1.000001 + 1e-6
    assert lower - 1e-6 - abs(value) * 1e-9 <= value <= upper + 1e-6 + abs(value) * 1e-9


def test_no_observations_have_no_quantile() -> None:
    assert sketch.quantile({}, 0.5) is None
    assert sketch.quantile({"p10": 0}, 0.5) is None
    assert sketch.histogram({"p10": 0}, 5) == []


@given(values, st.integers(1, 200))
def test_a_histogram_counts_each_value_once_in_at_most_so_many_bins(numbers: list[float], wanted: int) -> None:
    histogram = sketch.histogram(bins_of(numbers), wanted)
    assert sum(count for _, _, count in histogram) == len(numbers)
    assert len(histogram) <= wanted
    assert all(lower <= upper for lower, upper, _ in histogram)
    assert [lower for lower, _, _ in histogram] == sorted(lower for lower, _, _ in histogram)
