"""A KPI's value day by day as it is judged: of every day what was known so many days after it.

Else a day of waits that just ended would be measured against days whose long waits have ended as well. Who waits still
belongs to the day: else a day on which nobody is answered any more would look like a day of few.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from chassis.caller import Caller
from services.metrics.alert.charts import Figure, Scale
from services.metrics.alert.domain import Watched
from services.metrics.comparison.daily import Waits
from services.metrics.kpi.catalogue import Catalogue
from services.metrics.kpi.domain import Aggregation, Kpi, Phase
from services.metrics.kpi.periods import Days
from services.metrics.kpi.question import Question
from services.metrics.kpi.reader import Reader
from services.metrics.kpi.results import Asked, Result, compute, derived
from services.metrics.rollup import sketch
from services.metrics.rollup.decimals import from_stored
from services.metrics.rollup.domain import NO_END, Parts

Kept = list[tuple[date, str, Mapping[str, Any]]]

_DAY_SECONDS = 86_400.0
_COUNTS = (Aggregation.COUNT, Aggregation.DISTINCT_CUSTOMERS)


def watched(kpi: Kpi) -> Watched:
    scale = Scale.VALUE
    if kpi.aggregation is Aggregation.RATE:
        scale = Scale.SHARE
    elif kpi.aggregation in _COUNTS:
        scale = Scale.COUNT
    return Watched(scale, kpi.direction, kpi.goal)


def complete(catalogue: Catalogue, kpi: Kpi) -> bool:
    """Has it counted everything, so that its days are what they are?"""
    counted = catalogue.operands(kpi) if kpi.of else (kpi,)
    return all(one.phase is Phase.COMPLETE for one in counted)


def made_of(catalogue: Catalogue, kpi: Kpi) -> str:
    """All that its days' values depend on; another target alone makes no other values of its own."""
    counted = catalogue.operands(kpi) if kpi.of else ()
    parts = [kpi.event, kpi.filter, kpi.value, kpi.of, kpi.aggregation.value, kpi.quantile]
    return repr([*parts, *(_of_operand(one) for one in counted)])


def _of_operand(kpi: Kpi) -> object:
    return kpi.event, kpi.filter, kpi.value, kpi.aggregation.value, kpi.quantile, kpi.target, kpi.direction.value


@dataclass(frozen=True, slots=True)
class DailyFigures:
    """lag: how many days after a day it is looked at, at least."""

    reader: Reader
    lag: int

    def lag_of(self, catalogue: Catalogue, kpi: Kpi) -> int:
        """What is measured against a target in time is looked at when all of it is due."""
        of = catalogue.operands(kpi)[0] if kpi.of and kpi.aggregation is Aggregation.RATE else kpi
        if not of.durations or of.target is None:
            return self.lag
        return max(self.lag, math.ceil(of.target / _DAY_SECONDS))

    async def of(self, caller: Caller, catalogue: Catalogue, kpi: Kpi, days: Days, now: datetime) -> dict[date, Figure]:
        """Of days without anything there is none."""
        lag = self.lag_of(catalogue, kpi)
        if kpi.of and kpi.aggregation is Aggregation.RATE:
            return await self._within_target(caller, catalogue.operands(kpi)[0], days, lag)
        if kpi.of:
            above, below = [await self._results(caller, one, days, lag, now) for one in catalogue.operands(kpi)]
            results = {day: derived(kpi, (above[day], below[day])) for day in above.keys() & below.keys()}
        else:
            results = await self._results(caller, kpi, days, lag, now)
        return {day: Figure(day, result.n, result.value) for day, result in results.items() if result.value is not None}

    async def _results(self, caller: Caller, kpi: Kpi, days: Days, lag: int, now: datetime) -> dict[date, Result]:
        question = Question(kpi, days, {}, Asked())
        if kpi.aggregation is Aggregation.DISTINCT_CUSTOMERS:
            different = (await self.reader.different_by_day(caller, question, ())).get((), {})
            return {
                day: Result(count, float(count), None, None, None, None, None)
                for day, count in different.items()
                if count
            }
        found: dict[date, Parts] = {}
        for day, later, stored in await self._kept(caller, question):
            parts = found.setdefault(day, Parts())
            if later == NO_END or int(later) <= lag:
                parts.add(from_stored(dict(stored)))
            else:
                parts.open += stored.get("n", 0) + stored.get("u", 0)
        if kpi.durations and kpi.aggregation is Aggregation.QUANTILE:
            return {day: _counting_open(kpi, parts, lag) for day, parts in found.items()}
        return {day: compute(kpi, parts, None, Asked(), now) for day, parts in found.items() if parts.n}

    async def _within_target(self, caller: Caller, kpi: Kpi, days: Days, lag: int) -> dict[date, Figure]:
        """Of those that were due by then."""
        if not kpi.durations:
            found = _hits(await self._kept(caller, Question(kpi, days, {}, Asked())))
        else:
            waits = Waits(await self._kept(caller, Question(kpi, days, {}, Asked())), kpi.target)
            found = {}
            for day in range(waits.first, waits.end):
                hit, missed = waits.shares(day, day + 1, day + 1 + lag)[0]
                found[date.fromordinal(day)] = (int(hit), int(hit + missed))
        return {day: Figure(day, of, hit / of) for day, (hit, of) in found.items() if of}

    async def _kept(self, caller: Caller, question: Question) -> Kept:
        return [(day, later, parts) async for _, day, later, parts in self.reader.kept(caller, question, ())]


def _counting_open(kpi: Kpi, parts: Parts, lag: int) -> Result:
    """The quantile of all that began on the day; who waits still waits longer than whoever does not.

    Where it falls among those who wait still, it is their age, which the target was below: that much is known.
    """
    n = parts.n + parts.open
    rank = max(math.ceil(round((kpi.quantile or 0.5) * n, 9)), 1)
    value = None
    if rank <= parts.n:
        value = sketch.Ordered(parts.bins).at_rank(rank)
    elif n and kpi.target is not None:
        value = (lag + 0.5) * _DAY_SECONDS
    return Result(n, value, None, None, None, None, None)


def _hits(kept: Iterable[tuple[date, str, Mapping[str, Any]]]) -> dict[date, tuple[int, int]]:
    found: dict[date, tuple[int, int]] = {}
    for day, _, stored in kept:
        parts = from_stored(dict(stored))
        hit, of = found.get(day, (0, 0))
        found[day] = (hit + int(parts.get("h", 0)), of + int(parts.get("n", 0)))
    return found
