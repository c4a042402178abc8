"""Whether something was moving already: Mann-Kendall's test, widened for autocorrelation, and the Theil-Sen slope."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from services.metrics.evidence.normal import two_sided, z_of
from services.metrics.evidence.sample import Floats

_SHORTEST = 8


@dataclass(frozen=True, slots=True)
class Trend:
    """tau: from -1, always falling, to 1; slope: per step, in the unit of the values; p: two-sided."""

    tau: float
    slope: float
    z: float
    p: float


def mann_kendall(values: Sequence[float]) -> Trend | None:
    """The trend of equally spaced values; gaps are NaN. None: fewer than eight values.

    H. B. Mann, Econometrica 1945; M. G. Kendall 1975, with ties; variance widened for significant autocorrelation of
    the ranks after K. H. Hamed and A. R. Rao, Journal of Hydrology 1998; slope: P. K. Sen, JASA 1968.
    """
    places = np.array([place for place, value in enumerate(values) if not math.isnan(value)])
    x = np.array([value for value in values if not math.isnan(value)], dtype=np.float64)
    n = len(x)
    if n < _SHORTEST:
        return None
    first, second = np.triu_indices(n, 1)
    rises = x[second] - x[first]
    s = float(np.sign(rises).sum())
    slope = float(np.median(rises / (places[second] - places[first])))
    _, ties = np.unique(x, return_counts=True)
    tied = float((ties * (ties - 1) * (2 * ties + 5)).sum())
    variance = (n * (n - 1) * (2 * n + 5) - tied) / 18 * _widening(x - slope * places)
    z = math.copysign(max(abs(s) - 1, 0.0), s) / math.sqrt(variance) if variance > 0 else 0.0
    return Trend(s / (n * (n - 1) / 2), slope, z, two_sided(z))


def _widening(detrended: Floats) -> float:
    """By how much the variance of S grows since neighbours are alike; never below one."""
    n = len(detrended)
    # What differs by rounding alone is the same; equal values share their mean rank.
    size = float(np.abs(detrended).max()) or 1.0
    _, place, counts = np.unique(np.round(detrended / size, 9), return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[place]
    ranks -= ranks.mean()
    total = float(ranks @ ranks)
    if total == 0:
        return 1.0
    bound = z_of(0.95) / math.sqrt(n)
    more = 0.0
    for lag in range(1, n - 1):
        correlation = float(ranks[:-lag] @ ranks[lag:]) / total
        if abs(correlation) > bound:
            more += (n - lag) * (n - lag - 1) * (n - lag - 2) * correlation
    return max(1.0, 1 + 2 * more / (n * (n - 1) * (n - 2)))
