"""The shift by selection is exactly the one by sorting all weighted pairs; signs, translation and refusals."""

import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.metrics.evidence.sample import Floats, Ints
from services.metrics.evidence.shift import hodges_lehmann
from services.metrics.kpi.results import Interval
from tests.metrics.evidence.samples import counted, many_bins, pairs

Z = 1.959963984540054


def by_sorting(values: Floats, baseline: Ints, current: Ints) -> Interval:
    differences = (values[np.newaxis, :] - values[:, np.newaxis]).ravel()
    weights = (baseline[:, np.newaxis] * current[np.newaxis, :]).ravel()
    order = np.argsort(differences, kind="stable")
    running = np.cumsum(weights[order])
    n, m = int(baseline.sum()), int(current.sum())

    def ranked(rank: int) -> float:
        return float(differences[order][np.searchsorted(running, rank)])

    rank = math.floor(n * m / 2 - Z * math.sqrt(n * m * (n + m + 1) / 12))
    value = ranked((n * m + 1) // 2) / 2 + ranked(n * m // 2 + 1) / 2
    return Interval(value, ranked(rank), ranked(n * m + 1 - rank)) if rank >= 1 else Interval(value, None, None)


@given(pairs)
@example(([1e8, -1e-5, 1e-5, 2e-5, 0.0], [1e8, 3e-6, 1e-6, -1e8]))  # differences that fall together by rounding
@example(([1.0], [2.0]))
def test_selection_is_exactly_sorting(sides: tuple[list[float], list[float]]) -> None:
    values, (a, b) = counted(*sides)
    assert hodges_lehmann(values, a, b) == by_sorting(values, a, b)


@given(st.integers(0, 2**32 - 1), st.integers(1, 120), st.sampled_from([2, 50, 100_000]))
def test_counts_in_the_thousands_weigh_their_pairs(seed: int, bins: int, largest: int) -> None:
    values, a, b = many_bins(seed, bins, largest)
    a[0] += 1
    b[-1] += 1
    assert hodges_lehmann(values, a, b) == by_sorting(values, a, b)


@given(pairs)
def test_swapping_the_sides_flips_the_sign(sides: tuple[list[float], list[float]]) -> None:
    values, (a, b) = counted(*sides)
    there, back = hodges_lehmann(values, a, b), hodges_lehmann(values, b, a)
    assert there.value == -back.value
    assert there.lower == (None if back.upper is None else -back.upper)
    assert there.upper == (None if back.lower is None else -back.lower)


@given(st.lists(st.integers(-1000, 1000), min_size=1, max_size=30), st.integers(-500, 500))
def test_a_sample_moved_by_a_number_has_moved_by_it(sample: list[int], by: int) -> None:
    baseline = [float(value) for value in sample]
    values, (a, b) = counted(baseline, [value + by for value in baseline])
    found = hodges_lehmann(values, a, b)
    assert found.value == by
    assert found.lower is None or found.upper is None or found.lower <= by <= found.upper


def test_equal_values_have_not_moved() -> None:
    assert hodges_lehmann(np.array([7.0]), np.array([50]), np.array([60])) == Interval(0.0, 0.0, 0.0)


def test_too_few_pairs_leave_the_interval_open() -> None:
    found = hodges_lehmann(np.array([1.0, 3.0]), np.array([1, 0]), np.array([0, 2]))
    assert found == Interval(2.0, None, None)


def test_a_higher_confidence_reaches_further() -> None:
    values, a, b = many_bins(3, 60, 5)
    narrow, wide = hodges_lehmann(values, a, b, 0.8), hodges_lehmann(values, a, b, 0.99)
    assert narrow.lower is not None
    assert wide.lower is not None
    assert wide.lower < narrow.lower <= narrow.value
    with pytest.raises(ValueError, match="between 0 and 1"):
        hodges_lehmann(values, a, b, 1.0)


def test_a_side_without_observations_is_refused() -> None:
    with pytest.raises(ValueError, match="without observations"):
        hodges_lehmann(np.array([1.0]), np.array([0]), np.array([3]))
