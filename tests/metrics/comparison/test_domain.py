"""The rules of a verdict: each one, when its fact is changed alone, changes the verdict."""

from dataclasses import replace

import pytest

from services.metrics.comparison.domain import Evidence, Measure, Placebo, TrendBefore, Verdict, decide
from services.metrics.evidence.shares import compare_shares
from services.metrics.kpi.domain import Direction
from services.metrics.kpi.results import Interval

PLACEBO = Placebo(200, 9.5, 0.0, -0.1, 0.1, 0.15, -0.3, 10)
CLEAR = Evidence(
    measure=Measure.OPEN_DELTA,
    direction=Direction.LOWER_IS_BETTER,
    n_baseline=400,
    n_current=400,
    days_baseline=30,
    days_current=30,
    effect=Interval(-0.3, -0.36, -0.24),
    closed=Interval(-0.2, -0.3, -0.1),
    share=compare_shares((100, 400), (200, 400)),
    placebo=PLACEBO,
)


def test_a_clear_case_is_clear_and_goes_by_the_direction() -> None:
    assert decide(CLEAR)[0] is Verdict.IMPROVED
    assert decide(replace(CLEAR, direction=Direction.HIGHER_IS_BETTER))[0] is Verdict.WORSENED


@pytest.mark.parametrize(
    ("changed", "verdict", "code"),
    [
        ({"n_current": 19}, Verdict.INSUFFICIENT_DATA, "TOO_FEW"),
        ({"days_baseline": 6}, Verdict.INSUFFICIENT_DATA, "TOO_FEW"),
        ({"effect": Interval(-0.3, None, None)}, Verdict.INSUFFICIENT_DATA, "NO_INTERVAL"),
        ({"effect": Interval(-0.3, -0.7, 0.2)}, Verdict.INSUFFICIENT_DATA, "TOO_WIDE"),
        ({"placebo": None}, Verdict.INSUFFICIENT_DATA, "HISTORY_TOO_SHORT"),
        ({"placebo": replace(PLACEBO, needed=None)}, Verdict.INSUFFICIENT_DATA, "HISTORY_TOO_SHORT"),
        ({"placebo": replace(PLACEBO, needed=1.2)}, Verdict.INSUFFICIENT_DATA, "HISTORY_TOO_SHORT"),
        ({"effect": Interval(-0.05, -0.12, 0.02)}, Verdict.NO_EVIDENCE, "INTERVAL_HOLDS_ZERO"),
        ({"placebo": replace(PLACEBO, needed=0.31)}, Verdict.NO_EVIDENCE, "AS_AT_OTHER_DATES"),
        ({"placebo": replace(PLACEBO, lower=-0.31)}, Verdict.NO_EVIDENCE, "AS_AT_OTHER_DATES"),
        ({"season": -0.15}, Verdict.NO_EVIDENCE, "SEASON"),
        ({"trend": TrendBefore(-0.4, -1.0, 0.01)}, Verdict.NO_EVIDENCE, "TREND_BEFORE"),
        ({"control": Interval(-0.02, -0.1, 0.06)}, Verdict.NO_EVIDENCE, "CONTROL_MOVED_TOO"),
        ({"control": Interval(0.2, 0.1, 0.3)}, Verdict.NO_EVIDENCE, "CONTROL_MOVED_TOO"),
        ({"closed": Interval(0.2, 0.1, 0.3)}, Verdict.CONFLICTING, "OPEN_WAITS_DISAGREE"),
        ({"share": compare_shares((200, 400), (100, 400))}, Verdict.CONFLICTING, "SHARE_DISAGREES"),
        ({"overall": Interval(0.2, 0.1, 0.3), "closed": None, "share": None}, Verdict.CONFLICTING, "SIMPSON"),
    ],
)
def test_each_rule_decides_alone(changed: dict[str, object], verdict: Verdict, code: str) -> None:
    found, because = decide(replace(CLEAR, **changed))  # type: ignore[arg-type]  # each names a field
    assert (found, [one.code for one in because]) == (verdict, [code])


@pytest.mark.parametrize(
    "changed",
    [
        {"season": -0.14},
        {"season": 0.3},
        {"trend": TrendBefore(0.4, 1.0, 0.01)},
        {"trend": TrendBefore(-0.4, -1.0, 0.06)},
        {"control": Interval(-0.2, -0.3, -0.1)},
        {"closed": Interval(0.02, -0.05, 0.09)},
        {"closed": None},
        {"overall": Interval(-0.1, -0.2, -0.05)},
        {"overall": Interval(0.02, -0.05, 0.09)},
        {"share": None},
        {"n_current": 20, "days_current": 7},
    ],
)
def test_what_does_not_contradict_changes_nothing(changed: dict[str, object]) -> None:
    assert decide(replace(CLEAR, **changed))[0] is Verdict.IMPROVED  # type: ignore[arg-type]  # each names a field


def test_what_has_no_relevant_size_is_never_too_wide() -> None:
    wide = replace(CLEAR, measure=Measure.DIFFERENCE, effect=Interval(-5.0, -900.0, 900.0))
    assert decide(wide)[1][0].code == "INTERVAL_HOLDS_ZERO"
