"""By how much values moved: the Hodges-Lehmann shift, by selection among all pairwise differences."""

import math

import numpy as np

from services.metrics.evidence.normal import z_of
from services.metrics.evidence.sample import Floats, Ints, Sample, present, refuse_empty
from services.metrics.kpi.results import Interval

_MAGNITUDE = np.int64(0x7FFFFFFFFFFFFFFF)


def hodges_lehmann(values: Floats, baseline: Ints, current: Ints, confidence: float = 0.95) -> Interval:
    """The median of all differences current - baseline, in the unit of the values; above zero: values rose.

    J. L. Hodges and E. L. Lehmann, Annals of Mathematical Statistics 1963. With an even number of pairs the mean of
    the two in the middle, so that swapping the sides flips the sign. The interval holds the differences of the ranks
    n m / 2 -+ z sqrt(n m (N + 1) / 12) (M. Hollander and D. A. Wolfe, Nonparametric Statistical Methods 1973); too few
    pairs for the confidence leave it open. It takes observations as independent: over days resampling is wider.
    """
    before, after = present(values, baseline), present(values, current)
    n, m = before.n, after.n
    refuse_empty(n, m)
    pairs = n * m
    rank = math.floor(pairs / 2 - z_of(confidence) * math.sqrt(pairs * (n + m + 1) / 12))
    ranks = [(pairs + 1) // 2, pairs // 2 + 1]
    if rank >= 1:
        ranks += [rank, pairs + 1 - rank]
    found = _differences(before, after, np.array(ranks, dtype=np.int64))
    lower, upper = (float(found[2]), float(found[3])) if rank >= 1 else (None, None)
    return Interval(float(found[0]) / 2 + float(found[1]) / 2, lower, upper)


def _differences(before: Sample, after: Sample, ranks: Ints) -> Floats:
    """The differences of these ranks, counted from 1 in ascending order.

    A bisection over the numbers themselves: floats are ordered like whole numbers of their bits, so 64 steps end at
    the smallest float with at least `rank` differences at or below it, and that is one of the differences.
    """
    lower = np.repeat(_order(after.values[:1] - before.values[-1:]), len(ranks))
    upper = np.repeat(_order(after.values[-1:] - before.values[:1]), len(ranks))
    while np.any(lower < upper):
        middle = (lower & upper) + ((lower ^ upper) >> 1)  # their mean, which cannot overflow
        enough = _at_or_below(before, after, _number(middle)) >= ranks
        upper = np.where(enough, middle, upper)
        lower = np.where(enough, lower, middle + 1)
    return _number(lower) + 0.0  # -0.0 becomes 0.0


def _at_or_below(before: Sample, after: Sample, shifts: Floats) -> Ints:
    """How many pairs differ by at most each of the shifts, judged on the rounded differences themselves."""
    shift, value = shifts[:, np.newaxis], before.values[np.newaxis, :]
    place = np.searchsorted(after.values, value + shift, side="right")
    # value + shift is rounded too: where that moves a place, it is searched for again on the differences.
    padded = np.concatenate(([-np.inf], after.values, [np.inf]))
    if np.any(padded[place] - value > shift) or np.any(padded[place + 1] - value <= shift):
        place = _places(after.values, value, shift)
    running = np.concatenate(([0], np.cumsum(after.counts)))
    counted: Ints = running[place] @ before.counts
    return counted


def _places(ascending: Floats, value: Floats, shift: Floats) -> Ints:
    """How many of the ascending numbers, less the value, are at most the shift: a bisection for all at once."""
    lower = np.zeros(np.broadcast_shapes(value.shape, shift.shape), dtype=np.int64)
    upper = np.full_like(lower, len(ascending))
    while np.any(lower < upper):
        middle = (lower + upper) // 2
        within = ascending[np.minimum(middle, len(ascending) - 1)] - value <= shift
        active = lower < upper
        lower = np.where(active & within, middle + 1, lower)
        upper = np.where(active & ~within, middle, upper)
    return lower


def _order(numbers: Floats) -> Ints:
    """Whole numbers in the order of these floats."""
    bits = numbers.view(np.int64)
    return np.where(bits < 0, bits ^ _MAGNITUDE, bits)


def _number(order: Ints) -> Floats:
    """The floats with these places in the order."""
    return np.where(order < 0, order ^ _MAGNITUDE, order).view(np.float64)
