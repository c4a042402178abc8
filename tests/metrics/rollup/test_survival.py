"""The Kaplan-Meier estimator, held against figures worked out by hand."""

import pytest

from services.metrics.rollup.sketch import key_of
from services.metrics.rollup.survival import curve, median, thinned


def bins(*values: float) -> dict[str, int]:
    result: dict[str, int] = {}
    for value in values:
        result[key_of(value)] = result.get(key_of(value), 0) + 1
    return result


def test_without_censoring_it_is_the_share_of_those_beyond() -> None:
    steps = curve(bins(1, 2, 4, 8), {})
    assert [round(step.waiting, 9) for step in steps] == [0.75, 0.5, 0.25, 0.0]
    found = median(steps)
    assert found is not None
    assert found.value == pytest.approx(2, rel=0.01)


def test_those_who_still_wait_leave_those_at_risk_only_afterwards() -> None:
    # S(10) = 4/5; one leaves at 20; S(30) = 4/5 * 2/3; the last two are never answered.
    steps = curve(bins(10, 30), bins(20, 1000, 1000))
    assert [step.at_risk for step in steps] == [5, 3]
    assert [round(step.waiting, 6) for step in steps] == [0.8, round(0.8 * 2 / 3, 6)]
    assert median(steps) is None


def test_at_equal_times_the_answered_come_first() -> None:
    (step,) = curve(bins(10), bins(10))
    assert step.waiting == 0.5
    assert step.at_risk == 2


def test_greenwoods_band_holds_the_share_and_widens() -> None:
    steps = curve(bins(*range(1, 30)), bins(*[40] * 30))
    assert all(0 <= step.lower <= step.waiting <= step.upper <= 1 for step in steps)
    assert steps[10].upper - steps[10].lower > steps[0].upper - steps[0].lower


def test_a_thinned_curve_keeps_its_ends() -> None:
    steps = curve(bins(*[1.1**i for i in range(90)]), {})
    few = thinned(steps, 10)
    assert len(few) == 10
    assert few[0] == steps[0]
    assert few[-1] == steps[-1]
