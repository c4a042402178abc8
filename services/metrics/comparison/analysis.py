"""From days of a figure to a comparison: everything that statistics can say, then the verdict. Pure; no database."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from services.metrics.comparison.daily import Daily, Values, Waits, WaitShares
from services.metrics.comparison.domain import (
    RELEVANT,
    Comparison,
    Evidence,
    Finding,
    Measure,
    OpenAware,
    Placebo,
    Stratum,
    TrendBefore,
    decide,
    is_trend,
)
from services.metrics.comparison.effects import STATISTIC, Resampled, closed_deltas, resampled
from services.metrics.comparison.placebo import LONGEST_FOLLOW_UP, Windows, effect_at, placebo
from services.metrics.evidence import hazards, ranks, shift
from services.metrics.evidence.normal import two_sided, z_of
from services.metrics.evidence.resampling import means, medians, percentiles, ratios
from services.metrics.evidence.sample import Floats, Ints
from services.metrics.evidence.shares import ShareTest, compare_shares
from services.metrics.evidence.strata import holm, reweighted
from services.metrics.evidence.trend import mann_kendall
from services.metrics.kpi.domain import Direction
from services.metrics.kpi.results import Interval, Share, wilson

_YEAR = 365
_HORIZON = 28 * 86_400.0
_STRATUM_DRAWS = 200
_POWER = 0.8


@dataclass(frozen=True, slots=True)
class Asked:
    """quantile: which one the KPI's value is; None: the mean. target: in the KPI's unit."""

    measure: Measure
    direction: Direction
    windows: Windows
    seed: int
    quantile: float | None = 0.5
    target: float | None = None


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
        self._strata = strata or {}
        self._control = control
        # What the verdict looks at has at most so much follow-up, so that other dates can have as much.
        self._follow_up = min(self._windows.follow_up, LONGEST_FOLLOW_UP)

    def run(self, n_baseline: int, n_current: int) -> Comparison:
        """n: observations with a value of each side, as the results of the KPI show them."""
        asked, windows = self._asked, self._windows
        before, after = windows.days(self._daily, self._follow_up)
        found = self._evidence(n_baseline, n_current)
        plain = Comparison(*decide(found), [], asked.measure, n_baseline, n_current)
        if not before.sum() or not after.sum():
            return plain
        effect = resampled(STATISTIC[asked.measure], before, after, asked.seed)
        said = self._said(effect)
        open_aware = self._open_aware(effect) if isinstance(self._daily, Waits) else None
        closed = self._closed(before, after) if isinstance(self._daily, Waits) else None
        strata = self._of_strata()
        within = self._within_strata() if len(self._strata) > 1 else None
        evidence = replace(
            found,
            effect=effect.interval,
            closed=closed,
            share=self._share_test(),
            placebo=placebo(self._daily, asked.measure, windows),
            season=self._season(),
            trend=self._trend(before),
            within_strata=within,
            control=self._difference_in_differences(effect),
        )
        verdict, because = decide(evidence)
        mix = self._mix_shift() if len(self._strata) > 1 else None
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
            open_aware=open_aware,
            placebo=evidence.placebo,
            season=evidence.season,
            trend=evidence.trend,
            strata=strata,
            mix_shift=mix,
            within_strata=within,
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
            values, before, after = self._counts(self._daily)
            if not before.sum() or not after.sum():
                return Said(None, None, None, None, "MANN_WHITNEY")
            test = ranks.mann_whitney(before, after)
            difference = shift.hodges_lehmann(values, before, after)
            return Said(difference, test.delta, test.u, test.p, "MANN_WHITNEY", effect.interval)
        before, after = (side.sum(axis=0) for side in self._windows.days(self._daily, self._follow_up))
        if measure is Measure.SHARE:
            test_of = compare_shares(_hits(before), _hits(after))
            return Said(test_of.difference, test_of.h, test_of.z, test_of.p, "TWO_PROPORTIONS")
        if measure is Measure.LOG_RATE:
            return self._rates(before, after)
        draws = effect.draws[~np.isnan(effect.draws)]
        side = min(int((draws <= 0).sum()), int((draws >= 0).sum()))
        p = min(1.0, 2 * (side + 1) / (len(draws) + 1)) if len(draws) else None
        size = effect.interval.value / effect.deviation if effect.deviation else None
        return Said(effect.interval, size, None, p, "DAY_BLOCK_BOOTSTRAP")

    def _counts(self, daily: Daily) -> tuple[Floats, Ints, Ints]:
        """Values that ended until now, of both sides on one axis."""
        windows = self._windows
        sides = [daily.total(start, end, windows.as_of) for start, end in (windows.baseline, windows.current)]
        if isinstance(daily, Waits):
            values = daily.values(windows.as_of)
            sides = [side[: len(values)] for side in sides]
        elif isinstance(daily, Values):
            values = daily.values
        else:
            raise TypeError(type(daily).__name__)
        before, after = (side.astype(np.int64) for side in sides)
        return values, before, after

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

    def _open_aware(self, effect: Resampled) -> OpenAware:
        windows = self._windows
        before, after = windows.sides(self._daily, windows.follow_up)
        sides = [self._as_waits(side) for side in (before, after)]
        horizon = min(_HORIZON, self._followed(before), self._followed(after))
        try:
            mean = hazards.restricted_mean_difference(sides[0], sides[1], horizon)
        except ValueError:
            # Nobody was followed so long.
            mean = None
        shares = self._shares()
        test = self._share_test()
        return OpenAware(
            follow_up_days=windows.follow_up,
            effect=effect.interval,
            log_rank=hazards.log_rank([(sides[0], sides[1])]),
            restricted_mean=mean,
            horizon_seconds=horizon,
            baseline=shares[0] if shares else None,
            current=shares[1] if shares else None,
            share_difference=test.difference if test is not None else None,
        )

    def _as_waits(self, side: Floats) -> hazards.Waits:
        half = len(side) // 2
        keys = self._daily.keys(self._windows.as_of) if isinstance(self._daily, Waits) else []
        ended, left = (
            {key: int(count) for key, count in zip(keys, counts, strict=False) if count}
            for counts in (side[:half], side[half:])
        )
        return hazards.Waits(ended, left)

    def _followed(self, side: Floats) -> float:
        """The longest wait that was seen, ended or not."""
        half = len(side) // 2
        seen = np.nonzero(side[:half] + side[half:])[0]
        values: Floats = self._daily.values(self._windows.as_of) if isinstance(self._daily, Waits) else np.zeros(0)
        return float(values[min(seen[-1], len(values) - 1)]) if len(seen) else 0.0

    def _hits_of_waits(self) -> tuple[tuple[int, int], tuple[int, int]] | None:
        if not isinstance(self._daily, Waits) or self._daily.target is None:
            return None
        before, after = self._windows.sides(WaitShares(self._daily), self._windows.follow_up)
        found = _hits(before), _hits(after)
        return found if found[0][1] and found[1][1] else None

    def _share_test(self) -> ShareTest | None:
        hits = self._hits_of_waits()
        return compare_shares(*hits) if hits is not None else None

    def _shares(self) -> tuple[Share, Share] | None:
        hits = self._hits_of_waits()
        if hits is None or not isinstance(self._daily, Waits):
            return None
        windows = self._windows
        found = []
        for (hit, due), (start, end) in zip(hits, (windows.baseline, windows.current), strict=True):
            everybody = int(self._daily.total(start, end, end + windows.follow_up).sum())
            interval = wilson(hit, due)
            found.append(Share(hit, due - hit, everybody - due, interval.value, interval))
        return found[0], found[1]

    # ------------------------------------------------------------- what else it could have been

    def _season(self) -> float | None:
        """The effect of the same windows a year before; None: not known so far back."""
        windows = self._windows
        if windows.first - _YEAR < self._daily.first or windows.last - windows.first > 2 * _YEAR:
            return None
        found = effect_at(self._daily, self._asked.measure, windows, self._follow_up, -_YEAR)
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

    def _of_strata(self) -> list[Stratum]:
        """Largest first; p-values adjusted over those that have one."""
        found = []
        for values, daily in self._strata.items():
            counts = self._counts(daily)[1:] if isinstance(daily, (Waits, Values)) else None
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
        axis = self._counts(daily)[0]
        test = ranks.mann_whitney(before, after)
        difference = shift.hodges_lehmann(axis, before, after)
        return Stratum(values, n_before, n_after, test.delta, difference, test.p, open_effect=opened)

    def _of_sums(self, values: tuple[str, ...], daily: Daily) -> Stratum:
        before, after = self._windows.days(daily, self._follow_up)
        sides = before.sum(axis=0), after.sum(axis=0)
        if self._asked.measure is Measure.SHARE:
            hits = _hits(sides[0]), _hits(sides[1])
            sizes = hits[0][1], hits[1][1]
            if not all(sizes):
                return Stratum(values, *sizes, None, None, None)
            test = compare_shares(*hits)
            return Stratum(values, *sizes, test.difference.value, test.difference, test.p)
        sizes = int(sides[0][0]), int(sides[1][0])
        if not before.any() or not after.any():
            return Stratum(values, *sizes, None, None, None)
        found = resampled(STATISTIC[self._asked.measure], before, after, self._asked.seed + 3, _STRATUM_DRAWS)
        p = two_sided(found.interval.value / found.deviation) if found.deviation else None
        effect = None if math.isnan(found.interval.value) else found.interval.value
        return Stratum(values, *sizes, effect, found.interval if effect is not None else None, p)

    def _within_strata(self) -> Interval | None:
        """The effect if the mix had not changed: mean over strata, weighted by n m / (N + 1) (van Elteren 1960)."""
        value = weights = 0.0
        draws = np.zeros(_STRATUM_DRAWS)
        for place, daily in enumerate(self._strata.values()):
            before, after = self._windows.days(daily, self._follow_up)
            if not before.sum() or not after.sum():
                continue
            n, m = float(before.sum()), float(after.sum())
            weight = n * m / (n + m + 1)
            statistic = STATISTIC[self._asked.measure]
            one = resampled(statistic, before, after, self._asked.seed + 10 + place, _STRATUM_DRAWS)
            if math.isnan(one.interval.value):
                continue
            value += weight * one.interval.value
            draws += weight * np.where(np.isnan(one.draws), one.interval.value, one.draws)
            weights += weight
        if not weights:
            return None
        return Interval(value / weights, *percentiles(draws / weights, 0.95))

    def _mix_shift(self) -> Interval | None:
        """The KPI's value with today's mix and the behaviour of before, less the value of before (Kitagawa 1955)."""
        if not all(isinstance(daily, (Waits, Values)) for daily in self._strata.values()):
            return None
        sides = [(values, before, after) for values, before, after in map(self._counts, self._strata.values())]
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


def _redrawn(rng: np.random.Generator, counts: Floats) -> Floats:
    """The counts themselves, then as many rows of counts drawn again."""
    n = int(counts.sum())
    if not n:
        return np.zeros((1 + _STRATUM_DRAWS, len(counts)))
    drawn = rng.multinomial(n, counts / n, _STRATUM_DRAWS)
    return np.vstack([counts[np.newaxis, :], drawn]).astype(np.float64)


def _on_axis(axis: Floats, values: Floats, counts: Ints) -> Floats:
    found = np.zeros(len(axis))
    found[np.searchsorted(axis, values)] = counts
    return found


def _hits(side: Floats) -> tuple[int, int]:
    return int(side[0]), int(side.sum())


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
    if closed is not None and closed.value * effect.value < 0:
        found.append(Finding("OPEN_WAITS_DISAGREE", {"effect": effect.value, "effectSize": closed.value}))
    if is_trend(evidence.trend, effect.value) and evidence.trend is not None:
        found.append(Finding("TREND_BEFORE", {"tau": evidence.trend.tau, "trendPValue": evidence.trend.p}))
    season = evidence.season
    if season is not None and season * effect.value > 0 and abs(season) >= abs(effect.value) / 2:
        found.append(Finding("SEASON", {"effect": effect.value, "season": season}))
    if mix is not None and mix.lower is not None and mix.upper is not None and not mix.lower <= 0 <= mix.upper:
        found.append(Finding("MIX_SHIFT", {"mixShift": mix.value}))
    within = evidence.within_strata
    relevant = RELEVANT["delta"] / 10
    if within is not None and within.value * effect.value < 0 and abs(within.value) > relevant:
        found.append(Finding("SIMPSON", {"effect": effect.value, "withinStrata": within.value}))
    return found
