"""The Kaplan-Meier estimator, held against figures worked out by hand."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.metrics.rollup.sketch import key_of, value_of
from services.metrics.rollup.survival import curve


def bins(*values: float) -> dict[str, int]:
    result: dict[str, int] = {}
    for value in values:
        result[key_of(value)] = result.get(key_of(value), 0) + 1
    return result


def test_without_censoring_it_is_the_share_of_those_beyond() -> None:
    of_all = curve(bins(1, 2, 4, 8), {})
    assert [round(step.waiting, 9) for step in of_all.steps()] == [0.75, 0.5, 0.25, 0.0]
    found = of_all.median
    assert found is not None
    assert found.value == pytest.approx(2, rel=0.01)


def test_those_who_still_wait_leave_those_at_risk_only_afterwards() -> None:
    # S(10) = 4/5; one leaves at 20; S(30) = 4/5 * 2/3; the last two are never answered.
    of_all = curve(bins(10, 30), bins(20, 1000, 1000))
    steps = of_all.steps()
    assert [step.at_risk for step in steps] == [5, 3]
    assert [round(step.waiting, 6) for step in steps] == [0.8, round(0.8 * 2 / 3, 6)]
    assert of_all.median is None


def test_at_equal_times_the_answered_come_first() -> None:
    (step,) = curve(bins(10), bins(10)).steps()
    assert step.waiting == 0.5
    assert step.at_risk == 2


def test_greenwoods_band_holds_the_share_and_widens() -> None:
    steps = curve(bins(*range(1, 30)), bins(*[40] * 30)).steps()
    assert all(0 <= step.lower <= step.waiting <= step.upper <= 1 for step in steps)
    assert steps[10].upper - steps[10].lower > steps[0].upper - steps[0].lower


def test_a_thinned_curve_keeps_its_ends() -> None:
    of_all = curve(bins(*[1.1**i for i in range(90)]), {})
    steps, few = of_all.steps(), of_all.steps(10)
    assert len(few) == 10
    assert few[0] == steps[0]
    assert few[-1] == steps[-1]


COUNTED = st.dictionaries(st.integers(1, 12).map(lambda place: f"p{place}"), st.integers(-1, 5), max_size=8)


@given(COUNTED, COUNTED)
def test_it_is_what_walking_from_bin_to_bin_gives(ended: dict[str, int], censored: dict[str, int]) -> None:
    times = sorted({key for some in (ended, censored) for key, n in some.items() if n > 0}, key=value_of)
    at_risk = sum(n for some in (ended, censored) for n in some.values() if n > 0)
    waiting, variance, expected = 1.0, 0.0, []
    for key in times:
        answered = max(ended.get(key, 0), 0)
        if answered:
            waiting *= 1 - answered / at_risk
            if at_risk > answered:
                variance += answered / (at_risk * (at_risk - answered))
            lower = upper = waiting
            if 0 < waiting < 1:
                spread = 1.959963984540054 * math.sqrt(variance) / abs(math.log(waiting))
                lower, upper = waiting ** math.exp(spread), waiting ** math.exp(-spread)
            expected.append((value_of(key), at_risk, waiting, lower, upper))
        at_risk -= answered + max(censored.get(key, 0), 0)
    steps = curve(ended, censored).steps()
    assert [(step.seconds, step.at_risk) for step in steps] == [one[:2] for one in expected]
    for step, (_, _, *shares) in zip(steps, expected, strict=True):
        assert [step.waiting, step.lower, step.upper] == pytest.approx(shares, rel=1e-9, abs=1e-12)
