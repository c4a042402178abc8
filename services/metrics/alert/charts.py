"""Control charts of single days: between which limits a day lies as long as nothing but chance is at work.

W. A. Shewhart, Economic Control of Quality of Manufactured Product, 1931: limits at three sigma around the centre.
D. J. Wheeler and D. S. Chambers, Understanding Statistical Process Control, 2nd ed. 1992: single values, with sigma
from the ranges between one and the next, so that a slow drift does not widen the limits.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import Enum
from itertools import pairwise

LONGEST_BASELINE = 28
SHORTEST_BASELINE = 20
# With fewer observations than this a day says nothing.
FEWEST = 5
OUTSIDE = 3.0
INSIDE = 2.0

# The mean range of two values of a normal distribution, in sigma.
_RANGE_OF_TWO = 1.128
# Figures read from bins are known to one percent, and who looks at a chart does not ask for less than this either.
_SMALLEST_SIGMA = 0.005


class Scale(Enum):
    """What a day's value is: which chart it has."""

    VALUE = "VALUE"
    SHARE = "SHARE"
    COUNT = "COUNT"


@dataclass(frozen=True, slots=True)
class Figure:
    """value: of a day; n: of how many observations."""

    day: date
    n: int
    value: float


@dataclass(frozen=True, slots=True)
class Chart:
    """unit: one sigma of a day; of a share, of a single observation. days: of how many it was made."""

    scale: Scale
    centre: float
    unit: float
    days: int

    def limits(self, n: int, sigmas: float) -> tuple[float, float]:
        """Of a day with n observations.

        Shares and counts lean to one side, and all the more the rarer they are: their limits move by
        (z^2 - 1) / 6 of the skewness, so that a single case of something rare is no alarm. A. Winterbottom, Simple
        adjustments to improve control limits on attribute charts, Quality and Reliability Engineering International
        9, 1993. A limit that lies beyond what is possible is no limit, and is not moved.
        """
        if self.scale is Scale.VALUE:
            half = _reach(sigmas, self.days) * self.unit
            return self.centre - half, self.centre + half
        lean = (sigmas * sigmas - 1) / 6
        if self.scale is Scale.COUNT:
            lower, upper = self.centre - sigmas * self.unit, self.centre + sigmas * self.unit
            return max(lower + lean, 0.0) if lower > 0 else 0.0, upper + lean
        half = sigmas * self.unit / math.sqrt(n)
        lower, upper = self.centre - half, self.centre + half
        move = lean * (1 - 2 * self.centre) / n
        return max(lower + move, 0.0) if lower > 0 else 0.0, min(upper + move, 1.0) if upper < 1 else 1.0

    def holds(self, figure: Figure, sigmas: float) -> bool:
        lower, upper = self.limits(figure.n, sigmas)
        return lower <= figure.value <= upper

    def thin(self, figure: Figure) -> bool:
        """A count is never of few observations, but where few are expected its limits are none."""
        return self.centre < FEWEST if self.scale is Scale.COUNT else figure.n < FEWEST


def chart_of(scale: Scale, baseline: Sequence[Figure]) -> Chart | None:
    """baseline: days in their order. None: too few of them, or without any variation to go by."""
    if len(baseline) < SHORTEST_BASELINE:
        return None
    if scale is Scale.SHARE:
        return _of_shares(baseline)
    values = [figure.value for figure in baseline]
    centre = math.fsum(values) / len(values)
    if scale is Scale.COUNT:
        sigma = math.sqrt(centre)
        return (
            Chart(scale, centre, sigma * _spread([value / sigma for value in values]), len(values)) if sigma else None
        )
    sigma = max(_sigma(values), _SMALLEST_SIGMA * abs(centre))
    return Chart(scale, centre, sigma, len(values)) if sigma else None


def _of_shares(baseline: Sequence[Figure]) -> Chart:
    """As a p-chart, each day by its own n."""
    of = sum(figure.n for figure in baseline)
    hits = math.fsum(figure.n * figure.value for figure in baseline)
    centre = hits / of
    # Where nobody, or everybody, was hit so far, the next one may still be another (half a case, after H. Jeffreys).
    share = (hits + 0.5) / (of + 1)
    sigma = math.sqrt(share * (1 - share))
    return Chart(
        Scale.SHARE,
        centre,
        sigma * _spread([(figure.value - centre) * math.sqrt(figure.n) / sigma for figure in baseline]),
        len(baseline),
    )


def _reach(sigmas: float, days: int) -> float:
    """How many sigma of so few days chance alone leaves as seldom as this many of a sigma that is known.

    K. C. B. Roes, R. J. M. M. Does and Y. Schurink, Shewhart-type control charts for individual observations, Journal
    of Quality Technology 25, 1993. As they are, three sigma of 28 days raise a false alarm on 1.1 % of all days, not on
    0.27 %. Student's t by R. A. Fisher's expansion; the ranges of m days tell as much as 0.62 (m - 1) free ones.
    """
    z, free = sigmas, 0.62 * (days - 1)
    t = z + (z**3 + z) / (4 * free) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * free * free)
    return t * math.sqrt(1 + 1 / days)


def _spread(standardised: Sequence[float]) -> float:
    """How much more days differ among themselves than chance within a day explains.

    D. B. Laney, Improved control charts for attributes, Quality Engineering 14, 2002: the sigma of the standardised
    values. With many observations a day it matters most. Days that differ less than by chance do not narrow the limits.
    """
    return max(_sigma(standardised), 1.0)


def _sigma(values: Sequence[float]) -> float:
    ranges = [abs(after - before) for before, after in pairwise(values)]
    return math.fsum(ranges) / len(ranges) / _RANGE_OF_TWO
