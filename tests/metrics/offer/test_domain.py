"""What is concluded from two groups, and how it is said."""

import re

import pytest

from services.metrics.comparison.domain import Verdict
from services.metrics.evidence.shares import compare_shares
from services.metrics.offer.domain import FEWEST, Counted, Uplift, uplift
from services.metrics.offer.words import text


def of(treated: tuple[int, int], control: tuple[int, int]) -> Uplift:
    """Each group as (converted, of how many)."""
    test = compare_shares(control, treated) if treated[1] and control[1] else None
    return uplift(Counted(treated[1], treated[0]), Counted(control[1], control[0]), test)


@pytest.mark.parametrize(
    ("treated", "control", "verdict"),
    [
        ((90, 300), (9, 100), Verdict.IMPROVED),
        ((9, 300), (30, 100), Verdict.WORSENED),
        ((30, 300), (9, 100), Verdict.NO_EVIDENCE),
        ((0, 300), (0, 100), Verdict.NO_EVIDENCE),
        ((290, 300), (1, FEWEST - 1), Verdict.INSUFFICIENT_DATA),
        ((5, 300), (0, 0), Verdict.INSUFFICIENT_DATA),
        ((0, 0), (0, 0), Verdict.INSUFFICIENT_DATA),
    ],
)
def test_a_verdict_needs_enough_customers_and_a_difference_that_chance_does_not_make(
    treated: tuple[int, int], control: tuple[int, int], verdict: Verdict
) -> None:
    found = of(treated, control)
    assert found.verdict is verdict
    assert (found.test is None) == (not treated[1] or not control[1])
    for because in found.because:
        german, english = text(because, "de"), text(because, "fr")
        assert german != english
        assert len(re.findall(r"\d+[.,]?\d*", english)) == len(because.numbers)


def test_the_sentences_say_the_figures() -> None:
    found = of((90, 300), (9, 100))
    assert [text(one, "en") for one in found.because] == [
        "30.0 % of those with the offer converted, and 9.0 % of those who were left out by lot.",
        "The difference is +21.0 points, most likely between +12.3 and +27.8 (p < 0.001).",
    ]
