"""From days of a figure to a comparison: everything that statistics can say, then the verdict. Pure; no database."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from services.metrics.comparison.daily import Daily, Values, Waits
from services.metrics.comparison.domain import (
    Comparison,
    Evidence,
    Finding,
    Measure,
    Placebo,
    TrendBefore,
    decide,
    is_trend,
)
from services.metrics.comparison.effects import STATISTIC, Resampled, closed_deltas, resampled
from services.metrics.comparison.open_waits import OpenWaits
from services.metrics.comparison.placebo import effect_at, placebo
from services.metrics.comparison.question import Asked, counts_of, hits_of
from services.metrics.comparison.strata import Strata
from services.metrics.evidence import ranks, shift
from services.metrics.evidence.normal import two_sided, z_of
from services.metrics.evidence.resampling import medians, percentiles, ratios
from services.metrics.evidence.sample import Floats
from services.metrics.evidence.shares import compare_shares
from services.metrics.evidence.trend import mann_kendall
from services.metrics.kpi.results import Interval

_YEAR = 365
_HORIZON = 28 * 86_400.0
_STRATUM_DRAWS = 200
_POWER = 0.8
_NOTABLE = 0.015


@dataclass(frozen=True, slots=True)
class Said:
    """What a test of values says: difference, effect size with its interval, statistic, p, and its name."""

    difference: Interval | None
    effect_size: float | None
    statistic: float | None
    p: float | None
    test: str
    interval: Interval | None = None


class Analysis:
    """daily: of all that is compared; strata: of each part of it, by its dimension values; control: of what is not."""

    def __init__(
        self,
        asked: Asked,
        daily: Daily,
        strata: Mapping[tuple[str, ...], Daily] | None = None,
        control: Daily | None = None,
    ) -> None:
        self._asked = asked
        self._windows = asked.windows
        self._daily = daily
        self._strata = Strata(asked, strata or {})
        self._open = OpenWaits(asked.windows, daily) if isinstance(daily, Waits) else None
        self._control = control
        self._follow_up = asked.follow_up

    def run(self, n_baseline: int, n_current: int) -> Comparison:
        """n: observations with a value of each side, as the results of the KPI show them."""
        asked, windows = self._asked, self._windows
        before, after = windows.days(self._daily, self._follow_up)
        found = self._evidence(n_baseline, n_current)
        plain = Comparison(*decide(found), [], asked.measure, n_baseline, n_current)
        if not before.sum() or not after.sum():
            return plain
        overall = resampled(STATISTIC[asked.measure], before, after, asked.seed)
        said = self._said(overall)
        closed = self._closed(before, after) if isinstance(self._daily, Waits) else None
        several = len(self._strata) > 1
        within = self._strata.within() if several else None
        # Most of what a figure moves by itself is its mix: with the mix held constant, small effects can be seen.
        effect = within or overall
        moved = self._strata.effect_at if within is not None else self._effect_at
        mix = self._strata.mix_shift() if several else None
        evidence = replace(
            found,
            effect=effect.interval,
            overall=overall.interval,
            closed=closed,
            share=self._open.share_test() if self._open is not None else None,
            placebo=placebo(self._daily, windows, moved),
            season=self._season(moved),
            trend=self._trend(before),
            control=self._difference_in_differences(overall),
        )
        verdict, because = decide(evidence)
        return Comparison(
            verdict=verdict,
            because=because,
            warnings=list(_warnings(evidence, closed, mix)),
            measure=asked.measure,
            n_baseline=n_baseline,
            n_current=n_current,
            effect=effect.interval,
            difference=said.difference,
            effect_size=said.effect_size,
            effect_size_interval=closed if closed is not None else said.interval,
            statistic=said.statistic,
            p=said.p,
            test=said.test,
            open_aware=self._open.aware(overall) if self._open is not None else None,
            placebo=evidence.placebo,
            season=evidence.season,
            trend=evidence.trend,
            strata=self._strata.each(),
            mix_shift=mix,
            within_strata=within.interval if within is not None else None,
            control=evidence.control,
            minimum_detectable=_detectable(effect, evidence.placebo),
        )

    def _evidence(self, n_baseline: int, n_current: int) -> Evidence:
        windows = self._windows
        days = (windows.baseline[1] - windows.baseline[0], windows.current[1] - windows.current[0])
        return Evidence(self._asked.measure, self._asked.direction, n_baseline, n_current, *days)

    # ------------------------------------------------------------------- values that are there

    def _said(self, effect: Resampled) -> Said:
        """All that is known by now, whenever it ended."""
        measure = self._asked.measure
        if measure in (Measure.OPEN_DELTA, Measure.DELTA):
            values, before, after = counts_of(self._windows, self._daily)
            if not before.sum() or not after.sum():
                return Said(None, None, None, None, "MANN_WHITNEY")
            test = ranks.mann_whitney(before, after)
            difference = shift.hodges_lehmann(values, before, after)
            return Said(difference, test.delta, test.u, test.p, "MANN_WHITNEY", effect.interval)
        before, after = (side.sum(axis=0) for side in self._windows.days(self._daily, self._follow_up))
        if measure is Measure.SHARE:
            test_of = compare_shares(hits_of(before), hits_of(after))
            return Said(test_of.difference, test_of.h, test_of.z, test_of.p, "TWO_PROPORTIONS")
        if measure is Measure.LOG_RATE:
            return self._rates(before, after)
        draws = effect.draws[~np.isnan(effect.draws)]
        side = min(int((draws <= 0).sum()), int((draws >= 0).sum()))
        p = min(1.0, 2 * (side + 1) / (len(draws) + 1)) if len(draws) else None
        size = effect.interval.value / effect.deviation if effect.deviation else None
        return Said(effect.interval, size, None, p, "DAY_BLOCK_BOOTSTRAP")

    def _rates(self, before: Floats, after: Floats) -> Said:
        """Ratio of counts a day; the variance of a count grows with how much days differ (quasi-Poisson)."""
        (count_before, days_before), (count_after, days_after) = before, after
        if count_before <= 0 or count_after <= 0:
            return Said(None, None, None, None, "QUASI_POISSON")
        log_ratio = math.log((count_after / days_after) / (count_before / days_before))
        spread, freedom = 0.0, 0
        for side in self._windows.days(self._daily, self._follow_up):
            expected = side[:, 0].mean()
            spread += float(((side[:, 0] - expected) ** 2).sum() / expected)
            freedom += len(side) - 1
        error = math.sqrt(max(spread / max(freedom, 1), 1.0) * (1 / count_before + 1 / count_after))
        z, half = log_ratio / error, z_of(0.95) * error
        ratio = Interval(math.exp(log_ratio), math.exp(log_ratio - half), math.exp(log_ratio + half))
        return Said(ratio, log_ratio, z, two_sided(z), "QUASI_POISSON")

    def _closed(self, before: Floats, after: Floats) -> Interval | None:
        half = before.shape[1] // 2
        if not before[:, :half].sum() or not after[:, :half].sum():
            return None
        return resampled(closed_deltas, before, after, self._asked.seed + 1).interval

    # --------------------------------------------------------------------- open waits counted

    def _effect_at(self, shift: int) -> float:
        return effect_at(self._daily, self._asked.measure, self._windows, self._follow_up, shift)

    def _season(self, moved: Callable[[int], float]) -> float | None:
        """The effect of the same windows a year before; None: not known so far back."""
        windows = self._windows
        if windows.first - _YEAR < self._daily.first or windows.last - windows.first > 2 * _YEAR:
            return None
        found = moved(-_YEAR)
        return None if math.isnan(found) else found

    def _trend(self, before: Floats) -> TrendBefore | None:
        if isinstance(self._daily, Waits):
            ended = before[:, : before.shape[1] // 2]
            by_day = medians(ended, self._daily.values(self._windows.as_of)[: ended.shape[1]])
        elif isinstance(self._daily, Values):
            by_day = medians(before, self._daily.values)
        elif self._asked.measure is Measure.SHARE:
            by_day = ratios(np.stack([before[:, 0], before.sum(axis=1)], axis=1))
        else:
            by_day = ratios(before)
        trend = mann_kendall(by_day.tolist())
        return TrendBefore(trend.tau, trend.slope, trend.p) if trend is not None else None

    def _difference_in_differences(self, effect: Resampled) -> Interval | None:
        """How much more it moved than where nothing was changed."""
        if self._control is None:
            return None
        before, after = self._windows.days(self._control, self._follow_up)
        if not before.sum() or not after.sum():
            return None
        other = resampled(STATISTIC[self._asked.measure], before, after, self._asked.seed + 2)
        value = effect.interval.value - other.interval.value
        return Interval(value, *percentiles(effect.draws - other.draws, 0.95))

    # -------------------------------------------------------------------------------- strata


def _detectable(effect: Resampled, found: Placebo | None) -> float | None:
    """The smallest effect that would be found in four of five cases: beyond the interval, and beyond other dates."""
    if effect.deviation is None:
        return None
    beyond = z_of(2 * _POWER - 1) * effect.deviation
    needed = found.needed if found is not None and found.needed is not None else 0.0
    return max(z_of(0.95) * effect.deviation, needed) + beyond


def _warnings(evidence: Evidence, closed: Interval | None, mix: Interval | None) -> Sequence[Finding]:
    found: list[Finding] = []
    effect = evidence.effect
    if effect is None:
        return found
    smaller = min(evidence.n_baseline, evidence.n_current)
    if smaller < 5 * 20:
        found.append(Finding("SMALL_SAMPLE", {"nBaseline": evidence.n_baseline, "nCurrent": evidence.n_current}))
    overall = evidence.overall or effect
    if closed is not None and closed.value * overall.value < 0:
        found.append(Finding("OPEN_WAITS_DISAGREE", {"openEffect": overall.value, "effectSize": closed.value}))
    if is_trend(evidence.trend, effect.value) and evidence.trend is not None:
        found.append(Finding("TREND_BEFORE", {"tau": evidence.trend.tau, "trendPValue": evidence.trend.p}))
    season = evidence.season
    if season is not None and season * effect.value > 0 and abs(season) >= abs(effect.value) / 2:
        found.append(Finding("SEASON", {"effect": effect.value, "season": season}))
    if mix is not None and mix.lower is not None and mix.upper is not None and not mix.lower <= 0 <= mix.upper:
        found.append(Finding("MIX_SHIFT", {"mixShift": mix.value}))
    if overall.value * effect.value < 0 and abs(effect.value) > _NOTABLE:
        found.append(Finding("SIMPSON", {"overall": overall.value, "effect": effect.value}))
    return found
