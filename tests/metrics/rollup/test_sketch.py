"""Bins: quantiles within 1 %, exact addition and subtraction."""

import math
from collections import Counter

from hypothesis import example, given
from hypothesis import strategies as st

from services.metrics.rollup import sketch

values = st.lists(st.floats(0, 1e9, allow_nan=False).map(lambda v: round(v, 3)), min_size=1, max_size=60)


# From what counts as zero to far beyond what any event may say, on both sides of zero.
magnitudes = st.floats(math.log10(sketch.SMALLEST), 300).map(lambda exponent: 10.0**exponent)
anything = st.one_of(
    st.sampled_from([0.0, -0.0, sketch.SMALLEST, -sketch.SMALLEST, 1e-300, 1.0, -1.0]),
    st.floats(-1e6, 1e6),
    st.integers(-20, 20).map(float),
    magnitudes,
    magnitudes.map(lambda magnitude: -magnitude),
)
# Few different values, so many times each: most ranks fall between equals.
ties = st.lists(st.tuples(anything, st.integers(1, 200)), min_size=1, max_size=6).map(
    lambda pairs: [value for value, times in pairs for _ in range(times)]
)
data = st.one_of(st.lists(anything, min_size=1, max_size=3), st.lists(anything, min_size=1, max_size=80), ties)
THOUSANDTHS = 1000


def nearest_rank(numbers: list[float], thousandths: int) -> float:
    """By walking up until so many are at or below; in whole numbers, so that no rank is lost to rounding."""
    seen = 0
    for value, count in sorted(Counter(numbers).items()):
        seen += count
        if seen * THOUSANDTHS >= thousandths * len(numbers):
            return value
    raise AssertionError


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


@given(data, st.integers(0, THOUSANDTHS))
@example([7.0], 0)
@example([7.0], THOUSANDTHS)
@example([-3.0, 0.0, 5.0], 333)
@example([-3.0, 0.0, 5.0], 334)
# 0.07 * 100 is a little more than seven in floating point, and so would ask for the eighth value.
@example([float(number) for number in range(1, 101)], 70)
def test_of_any_data_a_quantile_is_within_one_percent_of_the_value_with_that_rank(
    numbers: list[float], thousandths: int
) -> None:
    exact = nearest_rank(numbers, thousandths)
    estimate = sketch.quantile(bins_of(numbers), thousandths / THOUSANDTHS)
    assert estimate is not None
    # Where a value lies on the edge of its bin, the last digits of the edge are those of the logarithm.
    allowed = sketch.ACCURACY * abs(exact) * (1 + 1e-9)
    assert abs(estimate - exact) <= (sketch.SMALLEST if abs(exact) < sketch.SMALLEST else allowed)
    assert exact * estimate >= 0, "no quantile is on the other side of zero"


@given(data, st.integers(0, THOUSANDTHS), st.integers(0, THOUSANDTHS))
def test_a_higher_quantile_is_never_lower(numbers: list[float], one: int, other: int) -> None:
    bins = bins_of(numbers)
    lower, upper = (sketch.quantile(bins, p / THOUSANDTHS) for p in sorted((one, other)))
    assert lower is not None
    assert upper is not None
    assert lower <= upper


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


counted = st.dictionaries(anything.map(sketch.key_of), st.integers(-4, 6), max_size=12)


@given(st.lists(st.tuples(counted, st.sampled_from([1, -1])), max_size=6), st.integers(0, 6))
def test_bins_add_up_and_are_taken_back_like_counts_one_by_one(
    several: list[tuple[dict[str, int], int]], looks: int
) -> None:
    bins, expected = sketch.Bins(), Counter[str]()
    for place, (counts, sign) in enumerate(several):
        bins.add(counts if place % 2 else sketch.Bins.of(counts), sign)
        for key, count in counts.items():
            expected[key] += sign * count
        if place == looks:
            # Whoever looks in between changes nothing.
            assert bins == {key: count for key, count in expected.items() if count}
    assert bins == {key: count for key, count in expected.items() if count}
    assert list(bins) == sorted(bins, key=sketch.value_of)


@given(counted, st.lists(st.integers(-2, 40), max_size=5))
def test_a_rank_is_found_as_by_counting_from_the_smallest(counts: dict[str, int], ranks: list[int]) -> None:
    ordered = sketch.Ordered(counts)
    one_by_one = [
        value for value, n in sorted((sketch.value_of(key), n) for key, n in counts.items()) for _ in range(n)
    ]
    assert ordered.count == len(one_by_one)
    assert ordered.smallest == min(one_by_one, default=None)
    assert ordered.largest == max(one_by_one, default=None)
    for rank in ranks:
        if one_by_one:
            assert ordered.at_rank(rank) == one_by_one[min(max(rank, 1), len(one_by_one)) - 1]
        else:
            assert math.isnan(ordered.at_rank(rank))


@given(anything)
def test_a_place_names_its_bin(value: float) -> None:
    key = sketch.key_of(value)
    assert sketch.key_at(sketch.place_of(key)) == key
