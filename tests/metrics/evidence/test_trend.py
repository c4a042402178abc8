"""Mann-Kendall and Theil-Sen against scipy, and what they say of days that are alike."""

import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from services.metrics.evidence.trend import mann_kendall

series = st.lists(st.floats(-1e3, 1e3, allow_nan=False).map(lambda value: round(value, 2)), min_size=8, max_size=60)


@given(series)
def test_s_and_slope_are_those_of_scipy(values: list[float]) -> None:
    found = mann_kendall(values)
    assert found is not None
    pairs = [(a, b) for i, a in enumerate(values) for b in values[i + 1 :]]
    s = sum((b > a) - (b < a) for a, b in pairs)
    assert found.tau == pytest.approx(s / len(pairs))
    assert found.slope == pytest.approx(scipy.stats.theilslopes(values).slope, abs=1e-9)
    assert 0 <= found.p <= 1


@given(series)
def test_backwards_is_the_opposite(values: list[float]) -> None:
    there, back = mann_kendall(values), mann_kendall(values[::-1])
    assert there is not None
    assert back is not None
    assert there.tau == pytest.approx(-back.tau)
    assert there.slope == pytest.approx(-back.slope, abs=1e-9)


def test_independent_days_reject_as_often_as_they_should() -> None:
    rng = np.random.default_rng(8)
    p = [found.p for _ in range(400) if (found := mann_kendall(rng.normal(size=40).tolist())) is not None]
    assert 0.02 < np.mean(np.array(p) < 0.05) < 0.09


def test_days_that_are_alike_are_no_trend() -> None:
    """The widening for autocorrelation takes many of those away that are called a trend without it."""
    rng = np.random.default_rng(9)
    rejected = plain = 0
    for _ in range(200):
        noise = rng.normal(size=60)
        level = [noise[0]]
        for value in noise[1:]:
            level.append(0.7 * level[-1] + value)
        found = mann_kendall(level)
        assert found is not None
        rejected += found.p < 0.05
        plain += bool(scipy.stats.kendalltau(range(60), level).pvalue < 0.05)
    assert rejected < 0.6 * plain


def test_a_steady_rise_is_a_trend_with_gaps_or_without() -> None:
    values = [float(day) for day in range(30)]
    values[3] = values[17] = math.nan
    found = mann_kendall(values)
    assert found is not None
    assert (found.tau, found.slope) == (1.0, 1.0)
    assert found.p < 1e-6


def test_few_days_and_flat_days_say_nothing() -> None:
    assert mann_kendall([1.0] * 7) is None
    assert mann_kendall([math.nan] * 50) is None
    flat = mann_kendall([2.0] * 20)
    assert flat is not None
    assert (flat.tau, flat.slope, flat.p) == (0.0, 0.0, 1.0)
