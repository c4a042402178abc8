"""Shares against published examples and scipy."""

import math

import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from services.metrics.evidence.shares import compare_shares

sides = st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@pytest.mark.parametrize(
    ("current", "baseline", "difference", "lower", "upper"),
    [
        # R. G. Newcombe, Statistics in Medicine 1998, table II, method 10.
        ((56, 70), (48, 80), 0.2, 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.6, 0.1705, 0.8090),
        ((10, 10), (0, 20), 1.0, 0.6791, 1.0),
        ((5, 56), (0, 29), 0.0893, -0.0381, 0.1926),
    ],
)
def test_the_interval_is_that_of_the_paper(
    current: tuple[int, int], baseline: tuple[int, int], difference: float, lower: float, upper: float
) -> None:
    found = compare_shares(baseline, current).difference
    assert found.value == pytest.approx(difference, abs=5e-5)
    assert found.lower == pytest.approx(lower, abs=5e-5)
    assert found.upper == pytest.approx(upper, abs=5e-5)


@given(sides, sides)
def test_sides_swapped_are_the_opposite(one: tuple[int, int], other: tuple[int, int]) -> None:
    there, back = compare_shares(one, other), compare_shares(other, one)
    assert there.difference.value == pytest.approx(-back.difference.value)
    assert there.h == pytest.approx(-back.h)
    assert there.p == pytest.approx(back.p)
    assert there.difference.lower == pytest.approx(-(back.difference.upper or 0.0))
    assert -1 <= (there.difference.lower or 0.0) <= there.difference.value <= (there.difference.upper or 0.0) <= 1


@given(sides, sides)
def test_the_test_is_that_of_scipy(one: tuple[int, int], other: tuple[int, int]) -> None:
    table = [[one[0], one[1] - one[0]], [other[0], other[1] - other[0]]]
    found = compare_shares(one, other)
    if min(sum(column) for column in zip(*table, strict=True)) == 0:
        assert found.p == 1.0
        return
    expected = scipy.stats.chi2_contingency(table, correction=False).pvalue
    assert found.p == pytest.approx(expected, abs=1e-9)


def test_cohens_h_of_one_half_against_all_is_a_quarter_turn() -> None:
    assert compare_shares((50, 100), (100, 100)).h == pytest.approx(math.pi / 2)


def test_a_side_with_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="without observations"):
        compare_shares((0, 0), (1, 2))
