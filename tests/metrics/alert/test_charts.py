"""Limits of control charts, against figures computed by hand and by SciPy."""

import math
from collections.abc import Sequence
from datetime import date, timedelta

import pytest
from scipy import stats

from services.metrics.alert.charts import Figure, Scale, chart_of

BEGAN = date(2026, 1, 1)


def figures(values: Sequence[float], n: int = 100) -> list[Figure]:
    return [Figure(BEGAN + timedelta(days=place), n, value) for place, value in enumerate(values)]


def test_limits_of_single_values_are_those_of_the_moving_ranges() -> None:
    """So few days are worth 0.62 (m - 1) degrees of freedom; SciPy knows Student's t itself."""
    chart = chart_of(Scale.VALUE, figures([1.0, 3.0] * 14))
    assert chart is not None
    assert (chart.centre, chart.unit) == pytest.approx((2.0, 2 / 1.128))
    half = stats.t.ppf(stats.norm.cdf(3), 0.62 * 27) * math.sqrt(1 + 1 / 28) * 2 / 1.128
    assert chart.limits(9, 3) == pytest.approx((2 - half, 2 + half), rel=0.01)


def test_limits_of_a_share_follow_the_days_own_n() -> None:
    chart = chart_of(Scale.SHARE, figures([0.5] * 20, 400))
    assert chart is not None
    for n in (25, 100, 400):
        assert chart.limits(n, 3) == pytest.approx((0.5 - 1.5 / math.sqrt(n), 0.5 + 1.5 / math.sqrt(n)))


def test_days_that_differ_more_than_by_chance_widen_the_limits_of_shares_and_counts() -> None:
    shares = chart_of(Scale.SHARE, figures([0.4, 0.6] * 10, 10_000))
    assert shares is not None
    # Each is 20 sigma of its n off the centre, so that the next is 40 off: the spread is 40 / 1.128.
    assert shares.unit == pytest.approx(0.5 * 40 / 1.128)
    counts = chart_of(Scale.COUNT, figures([90.0, 110.0] * 10))
    assert counts is not None
    assert counts.unit == pytest.approx(20 / 1.128)


def test_days_that_differ_less_than_by_chance_do_not_narrow_them() -> None:
    counts = chart_of(Scale.COUNT, figures([100.0] * 20))
    assert counts is not None
    assert counts.limits(100, 3) == pytest.approx((70 + 4 / 3, 130 + 4 / 3))
