"""Whether people wait longer, counting those who still wait: log-rank test and restricted mean waiting time on bins.

Within one bin the answered come first, as in survival.curve. An effect above zero means that waits became *longer*.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from services.metrics.evidence.normal import two_sided, z_of
from services.metrics.evidence.sample import Bins, Floats, Ints, common, refuse_empty
from services.metrics.kpi.results import Interval
from services.metrics.rollup.sketch import ACCURACY
from services.metrics.rollup.survival import curve


@dataclass(frozen=True, slots=True)
class Waits:
    """ended: waits that were answered, by bin; censored: those that left unanswered or still wait."""

    ended: Bins
    censored: Bins


@dataclass(frozen=True, slots=True)
class LogRank:
    """observed, expected: ends of current waits, and how many there would be if both sides were alike."""

    z: float
    p: float
    observed: int
    expected: float
    variance: float


@dataclass(frozen=True, slots=True)
class RestrictedMean:
    """value: mean wait up to the horizon, in the unit of the bins; variance: of this estimate."""

    value: float
    variance: float


@dataclass(frozen=True, slots=True)
class RestrictedMeanDifference:
    """difference: current - baseline, in the unit of the bins."""

    baseline: RestrictedMean
    current: RestrictedMean
    difference: Interval
    z: float
    p: float


def log_rank(strata: Sequence[tuple[Waits, Waits]]) -> LogRank:
    """Two-sided test of equal hazards over strata of (baseline, current); one stratum is the plain test.

    N. Mantel, Cancer Chemotherapy Reports 1966: ends of current waits against those expected, summed over bins and
    strata, hypergeometric variance. z above zero: fewer ends than expected, so current waits are longer. A stratum
    that has only one side adds nothing. No ends while both sides wait: nothing is seen, p = 1.
    """
    both = [pair for pair in strata if all(any(count > 0 for count in _all(waits)) for waits in pair)]
    if not both:
        raise ValueError("no stratum has waits on both sides")
    observed, expected, variance = (sum(column) for column in zip(*[_of_stratum(*pair) for pair in both], strict=True))
    z = (expected - observed) / math.sqrt(variance) if variance > 0 else 0.0
    return LogRank(z, two_sided(z), int(observed), expected, variance)


def restricted_mean(waits: Waits, horizon: float) -> RestrictedMean:
    """The mean of min(wait, horizon): the area below the Kaplan-Meier curve up to the horizon.

    J. O. Irwin, Journal of Hygiene 1949; P. Royston and M. K. B. Parmar, Statistics in Medicine 2011; variance after
    Greenwood's sum, each end weighted by the squared area that remains behind it. A horizon that nobody was followed
    to is refused: what happens there was never seen. One bin's width is forgiven.
    """
    if horizon <= 0:
        raise ValueError(f"a horizon lies above zero: {horizon}")
    steps = curve(waits.ended, waits.censored).steps()
    table = common([waits.ended, waits.censored])
    refuse_empty(table.counts.sum())
    if table.values[-1] < horizon * (1 - 2 * ACCURACY) and (not steps or steps[-1].waiting > 0):
        raise ValueError(f"nobody was followed up to {horizon:g}, only to {table.values[-1]:g}")
    within = [step for step in steps if 0 < step.seconds < horizon]
    at_once = [step.waiting for step in steps if step.seconds <= 0]
    waiting = np.array([at_once[-1] if at_once else 1.0] + [step.waiting for step in within])
    ends = np.diff([0.0, *(step.seconds for step in within), horizon]) * waiting
    before, after = waiting[:-1], waiting[1:]
    at_risk = np.array([step.at_risk for step in within], dtype=np.float64)
    # The share that ends, d / Y, is 1 - after / before, so Greenwood's d / (Y (Y - d)) needs no counts of its own.
    going = after > 0
    hazard = (before[going] - after[going]) / (after[going] * at_risk[going])
    behind = np.cumsum(ends[::-1])[::-1]
    variance = float((behind[1:][going] ** 2 * hazard).sum())
    return RestrictedMean(float(behind[0]), variance)


def restricted_mean_difference(
    baseline: Waits, current: Waits, horizon: float, confidence: float = 0.95
) -> RestrictedMeanDifference:
    """Current - baseline, normal approximation (Royston and Parmar 2011); above zero: waits became longer."""
    before, after = restricted_mean(baseline, horizon), restricted_mean(current, horizon)
    difference = after.value - before.value
    error = math.sqrt(before.variance + after.variance)
    half = z_of(confidence) * error
    z = difference / error if error > 0 else 0.0
    bounds = (difference - half, difference + half) if error > 0 else (None, None)
    return RestrictedMeanDifference(before, after, Interval(difference, *bounds), z, two_sided(z))


def restricted_means(ended: Floats, censored: Floats, values: Floats, horizon: float) -> Floats:
    """The restricted mean of each row of counts, for resampling; a row without waits has none (NaN).

    Beyond its last wait a row keeps its level: a resampled side may have lost its longest wait.
    """
    leaving = ended + censored
    total = leaving.sum(axis=1, keepdims=True)
    at_risk = total - np.cumsum(leaving, axis=1) + leaving
    share = np.divide(ended, at_risk, out=np.zeros_like(at_risk, dtype=np.float64), where=at_risk > 0)
    waiting = np.cumprod(1 - share, axis=1)
    edges = np.clip(values, 0, horizon)
    areas: Floats = edges[0] + waiting @ np.diff(np.append(edges, horizon)) if len(values) else np.zeros(len(ended))
    return np.where(total[:, 0] > 0, areas, np.nan)


def _all(waits: Waits) -> list[int]:
    return [*waits.ended.values(), *waits.censored.values()]


def _of_stratum(baseline: Waits, current: Waits) -> tuple[float, float, float]:
    """Observed and expected ends of current waits, and the variance of their difference."""
    counts = common([baseline.ended, baseline.censored, current.ended, current.censored]).counts
    risk_baseline, risk_current = _at_risk(counts[0] + counts[1]), _at_risk(counts[2] + counts[3])
    risk = (risk_baseline + risk_current).astype(np.float64)
    ended = (counts[0] + counts[2]).astype(np.float64)
    share = risk_current / risk
    spread = np.divide(risk - ended, risk - 1, out=np.zeros_like(risk), where=risk > 1)
    variance = ended * share * (1 - share) * spread
    return float(counts[2].sum()), float((ended * share).sum()), float(variance.sum())


def _at_risk(leaving: Ints) -> Ints:
    """Who waited until the bin, from how many leave in each."""
    remaining: Ints = np.cumsum(leaving[::-1])[::-1]
    return remaining
