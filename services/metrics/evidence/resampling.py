"""Intervals that respect days: whole days are drawn again, not single rows, since one day's values belong together.

B. Efron, Annals of Statistics 1979; blocks of days after H. R. Künsch, Annals of Statistics 1989, closed to a circle
by D. N. Politis and J. P. Romano, 1992. Per side a matrix of days x columns; the columns are bins, or sums.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.metrics.evidence.sample import Floats

Matrix = NDArray[np.int64] | NDArray[np.float64]
# From draws x columns of the baseline and of the current side to one number for each draw.
Statistic = Callable[[Floats, Floats], Floats]

_CHUNK = 100
_MOST_WITHOUT_VALUE = 0.05


@dataclass(frozen=True, slots=True)
class Bootstrap:
    """value: of all days as they were; lower, upper: the percentiles of the draws, None where too few have a value."""

    value: float
    lower: float | None
    upper: float | None
    draws: Floats


def bootstrap(
    baseline: Matrix,
    current: Matrix,
    statistic: Statistic,
    *,
    seed: int,
    draws: int = 1000,
    block: int = 1,
    confidence: float = 0.95,
) -> Bootstrap:
    """Draws the days of each side with replacement, in blocks of so many consecutive days, and takes percentiles.

    The same seed gives the same answer. block: 1 for days that do not depend on each other, 7 keeps weeks together.
    A draw in which the statistic has no value (NaN) is left out; with more than 5 % of them there is no interval.
    """
    if draws < 1 or not 0 < confidence < 1:
        raise ValueError(f"{draws} draws with confidence {confidence} make no interval")
    rng = np.random.default_rng(seed)
    days = [day_weights(len(side), draws, block, rng) for side in (baseline, current)]
    sides = [np.asarray(side, dtype=np.float64) for side in (baseline, current)]
    # A few draws at a time, so that draws x bins never lies in memory as a whole.
    parts = [
        statistic(*(weights[i : i + _CHUNK] @ side for weights, side in zip(days, sides, strict=True)))
        for i in range(0, draws, _CHUNK)
    ]
    found = np.concatenate(parts)
    value = float(statistic(*(side.sum(axis=0, keepdims=True) for side in sides))[0])
    lower, upper = percentiles(found, confidence)
    return Bootstrap(value, lower, upper, found)


def day_weights(days: int, draws: int, block: int, rng: np.random.Generator) -> Floats:
    """draws x days: how often each day was drawn; every draw has as many days as there are.

    Blocks run over the end to the beginning, so that each day is as likely as any other; the last one is cut.
    """
    if not 1 <= block <= days:
        raise ValueError(f"{days} days have no blocks of {block}")
    starts = rng.integers(0, days, (draws, math.ceil(days / block), 1))
    drawn = ((starts + np.arange(block)) % days).reshape(draws, -1)[:, :days]
    places = drawn + days * np.arange(draws)[:, np.newaxis]
    weights: Floats = np.bincount(places.ravel(), minlength=draws * days).reshape(draws, days).astype(np.float64)
    return weights


def percentiles(draws: Floats, confidence: float) -> tuple[float, float] | tuple[None, None]:
    """Between which the middle share of the draws lies, interpolated (Efron 1979)."""
    valued = draws[~np.isnan(draws)]
    if not len(valued) or len(valued) < (1 - _MOST_WITHOUT_VALUE) * len(draws):
        return None, None
    lower, upper = np.quantile(valued, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(lower), float(upper)


def quantiles(counts: Floats, values: Floats, p: float) -> Floats:
    """The nearest-rank quantile of each row, in the unit of the values; NaN for a row without observations."""
    running = np.cumsum(counts, axis=1)
    total = counts.sum(axis=1)
    ranks = np.maximum(1, np.ceil(np.round(p * total, 9)))
    place = (running < ranks[:, np.newaxis]).sum(axis=1)
    found: Floats = np.append(values, np.nan)[place]
    return found


def medians(counts: Floats, values: Floats) -> Floats:
    """The nearest-rank median of each row, in the unit of the values; NaN for a row without observations."""
    return quantiles(counts, values, 0.5)


def means(counts: Floats, values: Floats) -> Floats:
    """The mean of each row; with the logarithms of the values the log of the geometric mean. NaN for an empty row."""
    return _divided(counts @ values, counts.sum(axis=1))


def cliffs_deltas(baseline: Floats, current: Floats) -> Floats:
    """Cliff's delta (1993) of each row of current against the same row of baseline; above zero: values rose."""
    below = np.cumsum(baseline, axis=1) - baseline
    above = (current * (below + baseline / 2)).sum(axis=1)
    return 2 * _divided(above, baseline.sum(axis=1) * current.sum(axis=1)) - 1


def shares(counts: Floats) -> Floats:
    """The share of the first column (hits) in all columns of each row; NaN for a row without observations."""
    return _divided(counts[:, 0], counts.sum(axis=1))


def ratios(sums: Floats) -> Floats:
    """The first column by the second one of each row; NaN where that is zero."""
    return _divided(sums[:, 0], sums[:, 1])


def _divided(numerator: Floats, denominator: Floats) -> Floats:
    quotient: Floats = np.divide(numerator, denominator, out=np.full(len(numerator), np.nan), where=denominator != 0)
    return quotient
