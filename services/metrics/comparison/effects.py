"""The one number that says how far two sides are apart, for each kind of figure, row by row of resampled counts."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from services.metrics.comparison.domain import Measure
from services.metrics.evidence.opens import open_deltas
from services.metrics.evidence.resampling import Bootstrap, bootstrap, cliffs_deltas, ratios, shares
from services.metrics.evidence.sample import Floats
from services.metrics.kpi.results import Interval

DRAWS = 600
BLOCK = 7

Statistic = Callable[[Floats, Floats], Floats]


def log_rates(baseline: Floats, current: Floats) -> Floats:
    """Logarithm of the ratio of (count by days) of each row; NaN where a side has none."""
    before, after = ratios(baseline), ratios(current)
    found = np.full(len(before), np.nan)
    some = (before > 0) & (after > 0)
    found[some] = np.log(after[some] / before[some])
    return found


def closed_deltas(baseline: Floats, current: Floats) -> Floats:
    """Cliff's delta among the waits that ended, of rows that hold open ones too."""
    bins = baseline.shape[1] // 2
    return cliffs_deltas(baseline[:, :bins], current[:, :bins])


STATISTIC: dict[Measure, Statistic] = {
    Measure.OPEN_DELTA: open_deltas,
    Measure.DELTA: cliffs_deltas,
    Measure.SHARE: lambda baseline, current: shares(current) - shares(baseline),
    Measure.LOG_RATE: log_rates,
    Measure.DIFFERENCE: lambda baseline, current: ratios(current) - ratios(baseline),
}


@dataclass(frozen=True, slots=True)
class Resampled:
    interval: Interval
    deviation: float | None
    draws: Floats


def effect_of(measure: Measure, baseline: Floats, current: Floats) -> float:
    """Of the whole sides, as sums of their days."""
    return float(STATISTIC[measure](baseline[np.newaxis, :], current[np.newaxis, :])[0])


def resampled(statistic: Statistic, baseline: Floats, current: Floats, seed: int, draws: int = DRAWS) -> Resampled:
    """With the interval that whole weeks drawn again give; days x columns on each side."""
    kept = (baseline.sum(axis=0) + current.sum(axis=0)) > 0
    if statistic in (open_deltas, closed_deltas):
        half = len(kept) // 2
        kept = np.tile(kept[:half] | kept[half:], 2)
    elif baseline.shape[1] == 2:
        kept = np.ones(2, dtype=bool)
    block = max(1, min(BLOCK, len(baseline) // 2, len(current) // 2))
    found: Bootstrap = bootstrap(baseline[:, kept], current[:, kept], statistic, seed=seed, draws=draws, block=block)
    valued = found.draws[~np.isnan(found.draws)]
    deviation = float(valued.std()) if len(valued) > 1 else None
    return Resampled(Interval(found.value, found.lower, found.upper), deviation, found.draws)
