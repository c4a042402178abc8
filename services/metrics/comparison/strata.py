"""The parts of what is compared, each for itself and with the mix held constant."""

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from services.metrics.comparison.daily import Daily, Values, Waits
from services.metrics.comparison.domain import Measure, Stratum
from services.metrics.comparison.effects import STATISTIC, Resampled, effect_of, resampled
from services.metrics.comparison.placebo import aligned, effect_at
from services.metrics.comparison.question import Asked, counts_of, hits_of
from services.metrics.evidence import ranks, shift
from services.metrics.evidence.normal import two_sided
from services.metrics.evidence.resampling import means, percentiles
from services.metrics.evidence.sample import Floats, Ints
from services.metrics.evidence.shares import compare_shares
from services.metrics.evidence.strata import holm, reweighted
from services.metrics.kpi.results import Interval

_DRAWS = 200


class Strata:
    """By their dimension values."""

    def __init__(self, asked: Asked, strata: Mapping[tuple[str, ...], Daily]) -> None:
        self._asked = asked
        self._windows = asked.windows
        self._follow_up = asked.follow_up
        self._strata = strata
        several = [daily for daily in strata.values() if isinstance(daily, Waits)]
        self._together = Waits.together(several) if several else None

    def __len__(self) -> int:
        return len(self._strata)

    def effect_at(self, shift: int) -> float:
        """The effect with the mix held constant, both windows moved by so many days; NaN: no stratum has both sides."""
        if self._together is not None:
            together, of = self._together, len(self._strata)
            before, after = aligned(
                *(
                    together.totals(start + shift, end + shift, end + shift + self._follow_up, of)
                    for start, end in (self._windows.baseline, self._windows.current)
                )
            )
            return _mean(STATISTIC[self._asked.measure](before, after), _sizes(self._asked.measure, before, after))
        sides = [self._windows.sides(daily, self._follow_up, shift) for daily in self._strata.values()]
        effects = [effect_of(self._asked.measure, *pair) for pair in sides]
        weights = [_sizes(self._asked.measure, one[np.newaxis], other[np.newaxis])[0] for one, other in sides]
        return _mean(np.array(effects), np.array(weights))

    def each(self) -> list[Stratum]:
        """Largest first; p-values adjusted over those that have one."""
        found = []
        for values, daily in self._strata.items():
            counts = counts_of(self._windows, daily)[1:] if isinstance(daily, (Waits, Values)) else None
            if counts is not None:
                found.append(self._of_values(values, daily, *counts))
            else:
                found.append(self._of_sums(values, daily))
        found.sort(key=lambda one: (-(one.n_baseline + one.n_current), one.values))
        tested = [place for place, one in enumerate(found) if one.p is not None]
        adjusted = holm([found[place].p or 0.0 for place in tested])
        for place, p in zip(tested, adjusted, strict=True):
            found[place] = replace(found[place], p_holm=p)
        return found

    def _of_values(self, values: tuple[str, ...], daily: Daily, before: Ints, after: Ints) -> Stratum:
        n_before, n_after = int(before.sum()), int(after.sum())
        effect = effect_at(daily, self._asked.measure, self._windows, self._follow_up)
        opened = None if math.isnan(effect) or self._asked.measure is not Measure.OPEN_DELTA else effect
        if not n_before or not n_after:
            return Stratum(values, n_before, n_after, None, None, None, open_effect=opened)
        axis = counts_of(self._windows, daily)[0]
        test = ranks.mann_whitney(before, after)
        difference = shift.hodges_lehmann(axis, before, after)
        return Stratum(values, n_before, n_after, test.delta, difference, test.p, open_effect=opened)

    def _of_sums(self, values: tuple[str, ...], daily: Daily) -> Stratum:
        before, after = self._windows.days(daily, self._follow_up)
        sides = before.sum(axis=0), after.sum(axis=0)
        if self._asked.measure is Measure.SHARE:
            hits = hits_of(sides[0]), hits_of(sides[1])
            sizes = hits[0][1], hits[1][1]
            if not all(sizes):
                return Stratum(values, *sizes, None, None, None)
            test = compare_shares(*hits)
            return Stratum(values, *sizes, test.difference.value, test.difference, test.p)
        sizes = int(sides[0][0]), int(sides[1][0])
        if not before.any() or not after.any():
            return Stratum(values, *sizes, None, None, None)
        found = resampled(STATISTIC[self._asked.measure], before, after, self._asked.seed + 3, _DRAWS)
        p = two_sided(found.interval.value / found.deviation) if found.deviation else None
        effect = None if math.isnan(found.interval.value) else found.interval.value
        return Stratum(values, *sizes, effect, found.interval if effect is not None else None, p)

    def within(self) -> Resampled | None:
        """The effect if the mix had not changed: mean over strata, weighted by n m / (N + 1) (van Elteren 1960).

        One seed for all: a day that is drawn is drawn in every stratum, since what happens on it happens in all.
        """
        measure = self._asked.measure
        value = weights = 0.0
        draws = np.zeros(_DRAWS)
        for daily in self._strata.values():
            before, after = self._windows.days(daily, self._follow_up)
            if not before.sum() or not after.sum():
                continue
            weight = float(_sizes(measure, *(side.sum(axis=0)[np.newaxis] for side in (before, after)))[0])
            one = resampled(STATISTIC[measure], before, after, self._asked.seed + 10, _DRAWS)
            if math.isnan(one.interval.value) or not weight:
                continue
            value += weight * one.interval.value
            draws += weight * np.where(np.isnan(one.draws), one.interval.value, one.draws)
            weights += weight
        if not weights:
            return None
        draws /= weights
        return Resampled(Interval(value / weights, *percentiles(draws, 0.95)), float(draws.std()), draws)

    def mix_shift(self) -> Interval | None:
        """The KPI's value with today's mix and the behaviour of before, less the value of before (Kitagawa 1955)."""
        if not all(isinstance(daily, (Waits, Values)) for daily in self._strata.values()):
            return None
        sides = [counts_of(self._windows, daily) for daily in self._strata.values()]
        axis = np.unique(np.concatenate([values for values, _, _ in sides]))
        before = [_on_axis(axis, values, counts) for values, counts, _ in sides]
        after = [_on_axis(axis, values, counts) for values, _, counts in sides]
        rng = np.random.default_rng(self._asked.seed + 4)
        # Rows of one stratum are drawn again as often as it has rows: enough for a difference within one side.
        rows_before = [_redrawn(rng, counts) for counts in before]
        rows_after = [_redrawn(rng, counts) for counts in after]
        sizes = np.stack([rows.sum(axis=1) for rows in rows_after], axis=1)
        whole = sizes.sum(axis=1, keepdims=True)
        if not whole.all() or not sum(float(rows.sum()) for rows in rows_before):
            return None
        old = self._value_of(np.sum(rows_before, axis=0), axis)
        new = self._value_of(reweighted(rows_before, sizes / whole), axis)
        moved = new - old
        return Interval(float(moved[0]), *percentiles(moved[1:], 0.95))

    def _value_of(self, rows: Floats, axis: Floats) -> Floats:
        if self._asked.quantile is None:
            return means(rows, axis)
        running = np.cumsum(rows, axis=1)
        ranks_of = self._asked.quantile * running[:, -1:]
        place = (running < ranks_of * (1 - 1e-9)).sum(axis=1)
        found: Floats = np.append(axis, np.nan)[place]
        return found


def _sizes(measure: Measure, before: Floats, after: Floats) -> Floats:
    """n m / (N + 1) of each row; what n is depends on what the columns are."""
    column = {Measure.LOG_RATE: 0, Measure.DIFFERENCE: 1}.get(measure)
    n, m = (side.sum(axis=1) if column is None else np.abs(side[:, column]) for side in (before, after))
    sizes: Floats = n * m / (n + m + 1)
    return sizes


def _mean(effects: Floats, weights: Floats) -> float:
    weights = np.where(np.isnan(effects), 0.0, weights)
    whole = float(weights.sum())
    return float((np.nan_to_num(effects) * weights).sum() / whole) if whole else math.nan


def _redrawn(rng: np.random.Generator, counts: Floats) -> Floats:
    """The counts themselves, then as many rows of counts drawn again."""
    n = int(counts.sum())
    if not n:
        return np.zeros((1 + _DRAWS, len(counts)))
    drawn = rng.multinomial(n, counts / n, _DRAWS)
    return np.vstack([counts[np.newaxis, :], drawn]).astype(np.float64)


def _on_axis(axis: Floats, values: Floats, counts: Ints) -> Floats:
    found = np.zeros(len(axis))
    found[np.searchsorted(axis, values)] = counts
    return found
