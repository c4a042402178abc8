"""What an offer brings: who may be recommended it, against who was left out by lot."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from services.metrics.comparison.domain import Verdict
from services.metrics.evidence.shares import ShareTest

# With fewer in a group nothing is concluded.
FEWEST = 20
_ALPHA = 0.05


@dataclass(frozen=True, slots=True)
class Counted:
    """Customers of one group, and how many of them converted."""

    n: int = 0
    converted: int = 0


@dataclass(frozen=True, slots=True)
class Because:
    """numbers: what the sentence says; each is a figure of the same uplift."""

    code: str
    numbers: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Uplift:
    """test: treated against control; None: one of both is empty."""

    treated: Counted
    control: Counted
    verdict: Verdict
    test: ShareTest | None
    because: tuple[Because, ...]


def uplift(treated: Counted, control: Counted, test: ShareTest | None) -> Uplift:
    """By intention to treat: nobody leaves their group, whether or not the offer reached them."""
    if test is None or min(treated.n, control.n) < FEWEST:
        too_few = Because("TOO_FEW", {"treated": treated.n, "control": control.n, "needed": FEWEST})
        return Uplift(treated, control, Verdict.INSUFFICIENT_DATA, test, (too_few,))
    shares = {"treated": treated.converted / treated.n, "control": control.converted / control.n}
    difference = test.difference
    lower, upper = difference.lower or 0.0, difference.upper or 0.0
    spread = Because("DIFFERENCE", {"difference": difference.value, "lower": lower, "upper": upper, "pValue": test.p})
    # Both must say so: with few conversions the test alone is too sure.
    if test.p >= _ALPHA or lower <= 0 <= upper:
        return Uplift(treated, control, Verdict.NO_EVIDENCE, test, (Because("NO_DIFFERENCE", shares), spread))
    better = difference.value > 0
    verdict = Verdict.IMPROVED if better else Verdict.WORSENED
    return Uplift(treated, control, verdict, test, (Because("MORE" if better else "FEWER", shares), spread))
