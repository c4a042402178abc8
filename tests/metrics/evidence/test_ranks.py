"""Rank tests against scipy on the single values, against enumeration with ties, and their symmetries."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from services.metrics.evidence import ranks
from services.metrics.evidence.sample import Floats
from tests.metrics.evidence.samples import counted, log_normal, numbers, pairs, raw

tiny = st.lists(st.integers(0, 3).map(float), min_size=1, max_size=5)


def repeated(values: list[float]) -> list[float]:
    """Enough of them for the normal approximation."""
    return values * (21 // len(values) + 1)


@given(pairs)
def test_the_normal_approximation_is_that_of_scipy(sides: tuple[list[float], list[float]]) -> None:
    values, (a, b) = counted(repeated(sides[0]), sides[1])
    found = ranks.mann_whitney(a, b)
    assert not found.exact
    if len(values) == 1:
        assert (found.p, found.z, found.delta) == (1.0, 0.0, 0.0)
        return
    expected = stats.mannwhitneyu(raw(values, b), raw(values, a), method="asymptotic")
    assert found.u == expected.statistic
    assert found.p == pytest.approx(expected.pvalue, rel=1e-9, abs=1e-300)


def test_thousands_of_observations_over_decades_agree_with_scipy() -> None:
    values, (a, b) = counted(log_normal(1, 2000), log_normal(2, 3000, 4000.0))
    found = ranks.mann_whitney(a, b)
    expected = stats.mannwhitneyu(raw(values, b), raw(values, a), method="asymptotic")
    assert (found.u, found.p) == pytest.approx((expected.statistic, expected.pvalue), rel=1e-9)


@given(st.integers(1, 20), st.integers(1, 20), st.integers(0, 2**32 - 1))
def test_without_ties_small_samples_are_exact_like_scipy(n: int, m: int, seed: int) -> None:
    order = np.random.default_rng(seed).permutation(n + m)
    b = (order < m).astype(np.int64)
    values = np.arange(n + m, dtype=np.float64)
    found = ranks.mann_whitney(1 - b, b)
    expected = stats.mannwhitneyu(raw(values, b), raw(values, 1 - b), method="exact")
    assert found.exact
    assert found.u == expected.statistic
    assert found.p == pytest.approx(expected.pvalue, rel=1e-9)


def enumerated(pooled: Floats, m: int, u: float) -> float:
    everything = stats.rankdata(pooled)
    us = [sum(chosen) - m * (m + 1) / 2 for chosen in itertools.combinations(everything.tolist(), m)]
    below, above = sum(x <= u + 1e-9 for x in us), sum(x >= u - 1e-9 for x in us)
    return min(1.0, 2 * min(below, above) / len(us))


@given(tiny, tiny)
def test_with_ties_small_samples_are_exact_by_enumeration(baseline: list[float], current: list[float]) -> None:
    values, (a, b) = counted(baseline, current)
    found = ranks.mann_whitney(a, b)
    assert found.p == pytest.approx(enumerated(raw(values, a + b), len(current), found.u), rel=1e-12)


@given(pairs)
def test_swapping_the_sides_flips_the_signs(sides: tuple[list[float], list[float]]) -> None:
    _, (a, b) = counted(*sides)
    there, back = ranks.mann_whitney(a, b), ranks.mann_whitney(b, a)
    assert there.u + back.u == a.sum() * b.sum()
    assert (there.z, there.delta) == pytest.approx((-back.z, -back.delta), abs=1e-12)
    assert there.p == pytest.approx(back.p, rel=1e-9)


@given(pairs)
def test_delta_is_above_zero_where_values_rose(sides: tuple[list[float], list[float]]) -> None:
    _, (a, b) = counted(*sides)
    signs = [math.copysign(1, y - x) if x != y else 0 for x in sides[0] for y in sides[1]]
    expected = sum(signs) / len(signs)
    assert ranks.cliffs_delta(a, b) == pytest.approx(expected, abs=1e-12)
    assert ranks.probability_of_superiority(a, b) == pytest.approx((expected + 1) / 2, abs=1e-12)
    assert ranks.mann_whitney(a, b).delta == ranks.cliffs_delta(a, b)


@given(pairs)
def test_only_the_order_counts(sides: tuple[list[float], list[float]]) -> None:
    _, rows = counted(*sides)
    scale = {value: float(i) for i, value in enumerate(sorted(set(sides[0]) | set(sides[1])))}
    _, again = counted(*[[scale[value] for value in side] for side in sides])
    assert ranks.mann_whitney(rows[0], rows[1]) == ranks.mann_whitney(again[0], again[1])


@pytest.mark.parametrize("n", [1, 5, 20, 21, 5000])
def test_equal_values_everywhere_show_nothing(n: int) -> None:
    same = np.array([n])
    assert ranks.mann_whitney(same, same) == ranks.RankTest(n * n / 2, 0.0, 1.0, 0.5, 0.0, n <= 20)


def test_a_side_without_observations_is_refused() -> None:
    nothing, something = np.array([0, 0]), np.array([1, 2])
    for a, b in ((nothing, something), (something, nothing), (nothing, nothing)):
        with pytest.raises(ValueError, match="without observations"):
            ranks.mann_whitney(a, b)
        with pytest.raises(ValueError, match="without observations"):
            ranks.cliffs_delta(a, b)


@pytest.mark.parametrize(
    ("delta", "word"),
    [(0.0, "NEGLIGIBLE"), (-0.146, "NEGLIGIBLE"), (0.147, "SMALL"), (-0.33, "MEDIUM"), (0.474, "LARGE"), (1, "LARGE")],
)
def test_sizes_have_their_usual_words(delta: float, word: str) -> None:
    assert ranks.magnitude(delta) == word


def tie_corrected(n: int, m: int, pooled: Floats) -> float:
    total = n + m
    _, ties = np.unique(pooled, return_counts=True)
    return float(n * m / 12 * (total + 1 - (ties**3 - ties).sum() / (total * (total - 1))))


@given(st.lists(pairs, min_size=1, max_size=4))
def test_strata_add_their_weighted_rank_sums(strata: list[tuple[list[float], list[float]]]) -> None:
    numerator = variance = 0.0
    for baseline, current in strata:
        n, m = len(baseline), len(current)
        everything = np.array(baseline + current) + 0.0
        rank_sum = stats.rankdata(everything)[n:].sum()
        numerator += (rank_sum - m * (n + m + 1) / 2) / (n + m + 1)
        variance += tie_corrected(n, m, everything) / (n + m + 1) ** 2
    counts = [counted(*sides)[1] for sides in strata]
    found = ranks.van_elteren([(a, b) for a, b in counts])
    expected = numerator / math.sqrt(variance) if variance > 0 else 0.0
    assert found.z == pytest.approx(expected, abs=1e-9)
    assert found.p == pytest.approx(2 * stats.norm.sf(abs(expected)), rel=1e-6)
    swapped = ranks.van_elteren([(b, a) for a, b in counts])
    assert (found.z, found.delta) == pytest.approx((-swapped.z, -swapped.delta), abs=1e-9)


@given(numbers, numbers)
def test_one_stratum_is_the_plain_test_without_continuity(baseline: list[float], current: list[float]) -> None:
    values, (a, b) = counted(baseline, current)
    found = ranks.van_elteren([(a, b), (a, np.zeros_like(a))])
    assert found.strata == 1
    assert found.superiority == pytest.approx(ranks.probability_of_superiority(a, b))
    if len(values) > 1:
        plain = stats.mannwhitneyu(raw(values, b), raw(values, a), method="asymptotic", use_continuity=False)
        assert found.p == pytest.approx(plain.pvalue, rel=1e-9)


def test_strata_with_one_side_alone_are_refused() -> None:
    with pytest.raises(ValueError, match="no stratum"):
        ranks.van_elteren([(np.array([1, 2]), np.array([0, 0]))])
    with pytest.raises(ValueError, match="no stratum"):
        ranks.van_elteren([])
