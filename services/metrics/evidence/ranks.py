"""Whether values rose or fell, by ranks: Mann-Whitney, Cliff's delta, and both over strata (van Elteren).

All counts lie on one common axis of ascending values. Everything is said of the *current* sample: U counts the pairs
in which the current value is the larger one, a tie as one half; an effect above zero means that values rose.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from services.metrics.evidence.normal import two_sided
from services.metrics.evidence.sample import Ints, refuse_empty

EXACT_UP_TO = 20


class Magnitude(StrEnum):
    NEGLIGIBLE = "NEGLIGIBLE"
    SMALL = "SMALL"
    MEDIUM = "MEDIUM"
    LARGE = "LARGE"


@dataclass(frozen=True, slots=True)
class RankTest:
    """u: of the current sample; z: standard errors above what equal samples give; exact: p is not an approximation."""

    u: float
    z: float
    p: float
    superiority: float
    delta: float
    exact: bool


@dataclass(frozen=True, slots=True)
class StratifiedRankTest:
    """superiority, delta: over all strata, with the weights of the test; strata: how many took part."""

    z: float
    p: float
    superiority: float
    delta: float
    strata: int


def mann_whitney(baseline: Ints, current: Ints) -> RankTest:
    """Two-sided test of equal distributions (H. B. Mann and D. R. Whitney, Annals of Mathematical Statistics 1947).

    Up to 20 observations on each side p is exact, ties included: the distribution over all ways to deal the pooled
    values to the sides, twice the smaller tail. Above, the normal approximation with the variance corrected for ties
    and a continuity correction of one half. Values in one bin count as ties.
    """
    n, m = int(baseline.sum()), int(current.sum())
    refuse_empty(n, m)
    u = _u(baseline, current)
    deviation = math.sqrt(_variance(baseline, current))
    distance = u - n * m / 2
    z = math.copysign(max(abs(distance) - 0.5, 0.0), distance) / deviation if deviation > 0 else 0.0
    exact = max(n, m) <= EXACT_UP_TO
    p = _exact_p(baseline + current, m, u) if exact else two_sided(z)
    superiority = u / (n * m)
    return RankTest(u, z, p, superiority, 2 * superiority - 1, exact)


def cliffs_delta(baseline: Ints, current: Ints) -> float:
    """P(current > baseline) - P(current < baseline), from -1 to 1 (N. Cliff, Psychological Bulletin 1993)."""
    return 2 * probability_of_superiority(baseline, current) - 1


def probability_of_superiority(baseline: Ints, current: Ints) -> float:
    """P(current > baseline) + P(equal) / 2, from 0 to 1 (R. J. Grissom, Journal of Applied Psychology 1994)."""
    n, m = int(baseline.sum()), int(current.sum())
    refuse_empty(n, m)
    return _u(baseline, current) / (n * m)


def magnitude(delta: float) -> Magnitude:
    """The usual words for the size of Cliff's delta (J. Romano et al., FAIR 2006): from 0.147, 0.33 and 0.474."""
    size = abs(delta)
    if size < 0.147:
        return Magnitude.NEGLIGIBLE
    if size < 0.33:
        return Magnitude.SMALL
    return Magnitude.MEDIUM if size < 0.474 else Magnitude.LARGE


def van_elteren(strata: Sequence[tuple[Ints, Ints]]) -> StratifiedRankTest:
    """Two-sided test over strata, each a pair (baseline, current) on an axis of its own.

    P. H. van Elteren, Bulletin of the International Statistical Institute 1960: rank sums weighted by 1 / (N + 1),
    variance corrected for ties, normal approximation without a continuity correction. A stratum that has only one
    side says nothing and is left out.
    """
    both = [(baseline, current) for baseline, current in strata if baseline.sum() > 0 and current.sum() > 0]
    if not both:
        raise ValueError("no stratum has observations on both sides")
    above = pairs = variance = 0.0
    for baseline, current in both:
        n, m = int(baseline.sum()), int(current.sum())
        weight = 1 / (n + m + 1)
        above += weight * _u(baseline, current)
        pairs += weight * n * m
        variance += weight * weight * _variance(baseline, current)
    z = (above - pairs / 2) / math.sqrt(variance) if variance > 0 else 0.0
    superiority = above / pairs
    return StratifiedRankTest(z, two_sided(z), superiority, 2 * superiority - 1, len(both))


def _u(baseline: Ints, current: Ints) -> float:
    """Exact: whole numbers up to the last division, as long as there are fewer than 4e18 pairs."""
    below = np.cumsum(baseline) - baseline
    return int(current @ (2 * below + baseline)) / 2


def _variance(baseline: Ints, current: Ints) -> float:
    """Of U when both sides come from one distribution, given its ties."""
    n, m = int(baseline.sum()), int(current.sum())
    total = n + m
    tied = (baseline + current).astype(np.float64)
    ties = float((tied**3 - tied).sum()) / (total * (total - 1))
    return max(n * m / 12 * (total + 1 - ties), 0.0)


def _exact_p(pooled: Ints, m: int, u: float) -> float:
    """Twice the smaller tail of U over all choices of m of the pooled values.

    ways[j, r]: in how many ways j values were chosen, from the groups seen so far, with r as twice their rank sum.
    Ties share their mean rank, so twice a rank is a whole number. 40 choose 20 is far below 2^53: floats stay exact.
    """
    groups = [int(size) for size in pooled if size > 0]
    total = sum(groups)
    ways = np.zeros((m + 1, m * (2 * total - m + 1) + 1))
    ways[0, 0] = 1
    seen = 0
    for size in groups:
        twice_rank = 2 * seen + size + 1
        grown = ways.copy()
        for chosen in range(1, min(size, m) + 1):
            shift = chosen * twice_rank
            if shift < ways.shape[1]:
                grown[chosen:, shift:] += math.comb(size, chosen) * ways[:-chosen, : ways.shape[1] - shift]
        ways = grown
        seen += size
    distribution = ways[m]
    observed = round(2 * u) + m * (m + 1)
    tail = min(distribution[: observed + 1].sum(), distribution[observed:].sum())
    return min(1.0, 2 * float(tail / distribution.sum()))
