"""Whether a share rose or fell: Newcombe's interval for the difference, Cohen's h, and a test of equal shares."""

import math
from dataclasses import dataclass

from services.metrics.evidence.normal import two_sided
from services.metrics.evidence.sample import refuse_empty
from services.metrics.kpi.results import Interval, wilson


@dataclass(frozen=True, slots=True)
class ShareTest:
    """difference: current - baseline; h: Cohen's, above zero where the share rose; p: two-sided."""

    difference: Interval
    h: float
    z: float
    p: float


def compare_shares(baseline: tuple[int, int], current: tuple[int, int]) -> ShareTest:
    """Each side as (hits, of how many).

    R. G. Newcombe, Statistics in Medicine 1998, method 10: the interval from both Wilson intervals. J. Cohen,
    Statistical Power Analysis, 1988: h = 2 asin sqrt(p2) - 2 asin sqrt(p1). The test is that of two proportions, pooled
    variance, without a continuity correction (K. Pearson 1900). Rows are taken as independent.
    """
    (hits_before, of_before), (hits_after, of_after) = baseline, current
    refuse_empty(of_before, of_after)
    before, after = wilson(hits_before, of_before), wilson(hits_after, of_after)
    difference = after.value - before.value
    low, high = _reach(after, before), _reach(before, after)
    h = 2 * math.asin(math.sqrt(after.value)) - 2 * math.asin(math.sqrt(before.value))
    pooled = (hits_before + hits_after) / (of_before + of_after)
    error = math.sqrt(pooled * (1 - pooled) * (1 / of_before + 1 / of_after))
    z = difference / error if error > 0 else 0.0
    return ShareTest(Interval(difference, max(difference - low, -1.0), min(difference + high, 1.0)), h, z, two_sided(z))


def _reach(downwards: Interval, upwards: Interval) -> float:
    """How far below its value the one and above its value the other may lie, together."""
    lower = downwards.value - (downwards.lower if downwards.lower is not None else downwards.value)
    upper = (upwards.upper if upwards.upper is not None else upwards.value) - upwards.value
    return math.hypot(lower, upper)
