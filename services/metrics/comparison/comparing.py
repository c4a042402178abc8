"""Reads what a comparison needs from the cells, and has it analysed."""

import asyncio
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from chassis.caller import Caller
from chassis.errors import InvalidInput
from services.metrics.comparison.analysis import Analysis
from services.metrics.comparison.daily import Daily, Sums, Values, Waits, WaitShares, parts_by_day
from services.metrics.comparison.domain import Comparison, Measure, PeriodsOverlap
from services.metrics.comparison.placebo import Windows
from services.metrics.comparison.question import Asked as AskedOf
from services.metrics.kpi.catalogue import Catalogue
from services.metrics.kpi.deriving import Deriving
from services.metrics.kpi.domain import Aggregation, Kpi
from services.metrics.kpi.periods import Days
from services.metrics.kpi.question import Question
from services.metrics.kpi.reader import Reader
from services.metrics.kpi.results import Asked, Result

# So far back other dates are looked at.
_HISTORY = timedelta(days=6 * 366)
_MOST_STRATA = 100
_EVERYTHING: tuple[str, ...] = ()

Kept = list[tuple[date, str, Mapping[str, Any]]]


@dataclass(frozen=True, slots=True)
class Wanted:
    """kpi: compared between two periods of days, for the facts that meet the conditions.

    as_of: as things stood when that day began; None: when today began. selections: what of each result is wanted.
    """

    kpi: Kpi
    baseline: Days
    current: Days
    where: Mapping[str, tuple[str, ...]]
    stratify_by: tuple[str, ...] = ()
    as_of: date | None = None
    selections: tuple[Asked, Asked] = (Asked(), Asked())


@dataclass(frozen=True, slots=True)
class Compared:
    baseline: Result
    current: Result
    comparison: Comparison


def apart(
    baseline: tuple[datetime, datetime], current: tuple[datetime, datetime], days: tuple[Days, Days]
) -> tuple[Days, Days]:
    """The days of both periods. A day that both share only because days are whole belongs to neither.

    PeriodsOverlap: they share more than that.
    """
    one, other = days
    if one.end <= other.start or other.end <= one.start:
        return days
    earlier, later = (one, other) if one.start <= other.start else (other, one)
    touching = max(baseline[0], current[0]) >= min(baseline[1], current[1])
    if not touching or earlier.end - timedelta(days=1) != later.start:
        raise PeriodsOverlap
    shorter = replace(earlier, end=later.start), replace(later, start=earlier.end)
    if shorter[0].start >= shorter[0].end or shorter[1].start >= shorter[1].end:
        raise PeriodsOverlap
    return shorter if earlier is one else (shorter[1], shorter[0])


def measure_of(kpi: Kpi) -> Measure:
    if kpi.aggregation is Aggregation.RATE:
        return Measure.SHARE
    if kpi.aggregation in (Aggregation.COUNT, Aggregation.DISTINCT_CUSTOMERS):
        return Measure.LOG_RATE
    if kpi.durations:
        return Measure.OPEN_DELTA
    return Measure.DELTA if kpi.aggregation is Aggregation.QUANTILE else Measure.DIFFERENCE


class Comparing:
    def __init__(self, reader: Reader, now: Callable[[], datetime]) -> None:
        self._reader = reader
        self._now = now

    async def compare(self, caller: Caller, catalogue: Catalogue, wanted: Wanted) -> Compared:
        """InvalidInput: what the KPI is not kept by, or what does not add up. Forbidden: as for results."""
        kpi, where = wanted.kpi, wanted.where
        questions = [
            Question(kpi, days, where, asked, wanted.as_of)
            for days, asked in zip((wanted.baseline, wanted.current), wanted.selections, strict=True)
        ]
        before, after = await Deriving(self._reader, catalogue).results(caller, questions)
        windows = self._windows(catalogue, wanted)
        question = AskedOf(
            measure=measure_of(kpi),
            direction=kpi.direction,
            windows=windows,
            seed=zlib.crc32(repr((kpi.key, windows, sorted(where.items()))).encode()),
            quantile=(kpi.quantile or 0.5) if kpi.aggregation is Aggregation.QUANTILE else None,
            target=kpi.target,
        )
        span = Days(
            date.fromordinal(windows.first), date.fromordinal(max(windows.last, windows.first + 1)), catalogue.zone
        )
        known = Days(span.start - _HISTORY, date.fromordinal(windows.as_of), catalogue.zone)
        if known.end <= known.start:
            known = replace(known, end=span.end)
        daily = await self._daily(caller, catalogue, Question(kpi, known, where, Asked()), _EVERYTHING)
        strata: Mapping[tuple[str, ...], Daily] = {}
        if wanted.stratify_by:
            strata = await self._daily(caller, catalogue, Question(kpi, known, where, Asked()), wanted.stratify_by)
            if len(strata) > _MOST_STRATA:
                raise InvalidInput(f"there are {len(strata)} strata: at most {_MOST_STRATA}", ("stratify_by",))
        control = await self._control(caller, catalogue, Question(kpi, span, where, Asked()))
        work = Analysis(question, daily.get((), Sums({})), strata, control)
        # It takes some tenths of a second, within which others are answered.
        comparison = await asyncio.to_thread(work.run, before.n, after.n)
        return Compared(before, after, comparison)

    def _windows(self, catalogue: Catalogue, wanted: Wanted) -> Windows:
        """What today has brought so far is left out: it would only show short waits."""
        moment = wanted.as_of or catalogue.zone.day(self._now())
        sides = [
            (days.start.toordinal(), max(min(days.end, moment), days.start).toordinal())
            for days in (wanted.baseline, wanted.current)
        ]
        return Windows(sides[0], sides[1], max(moment.toordinal(), sides[0][1], sides[1][1]))

    async def _control(self, caller: Caller, catalogue: Catalogue, question: Question) -> Daily | None:
        """The other touchpoints, where only some are compared."""
        touchpoints = question.where.get("touchpoint")
        if touchpoints is None:
            return None
        others = {name: values for name, values in question.where.items() if name != "touchpoint"}
        found = await self._daily(
            caller, catalogue, replace(question, where=others), ("touchpoint",), besides=frozenset(touchpoints)
        )
        return found.get(())

    async def _daily(
        self,
        caller: Caller,
        catalogue: Catalogue,
        question: Question,
        by: Sequence[str],
        besides: frozenset[str] | None = None,
    ) -> dict[tuple[str, ...], Daily]:
        """By the values of the dimensions; besides: all but those with these values, as one."""
        kpi = question.kpi
        if kpi.of:
            return await self._derived(caller, catalogue, question, by, besides)
        if kpi.aggregation is Aggregation.DISTINCT_CUSTOMERS:
            amounts = await self._amounts(caller, question, by, besides)
            return {key: _a_day(those, question.days) for key, those in amounts.items()}
        found: dict[tuple[str, ...], Daily] = {}
        for key, kept in (await self._kept(caller, question, by, besides)).items():
            if kpi.durations:
                found[key] = Waits(kept, kpi.target)
            elif kpi.aggregation is Aggregation.QUANTILE:
                found[key] = Values(kept)
            elif kpi.aggregation is Aggregation.RATE:
                found[key] = Sums({day: (n["h"], n["n"] - n["h"]) for day, n in parts_by_day(kept).items()})
            elif kpi.aggregation is Aggregation.MEAN:
                found[key] = Sums({day: (n["s"], n["n"]) for day, n in parts_by_day(kept).items()})
            else:
                found[key] = _a_day(_amounts_of(kpi, kept), question.days)
        return found

    async def _derived(
        self,
        caller: Caller,
        catalogue: Catalogue,
        question: Question,
        by: Sequence[str],
        besides: frozenset[str] | None,
    ) -> dict[tuple[str, ...], Daily]:
        operands = catalogue.operands(question.kpi)
        if question.kpi.aggregation is Aggregation.RATE:
            # The share of another one's observations that are within its target.
            of = replace(question, kpi=operands[0])
            found: dict[tuple[str, ...], Daily] = {}
            for key, kept in (await self._kept(caller, of, by, besides)).items():
                if operands[0].durations:
                    found[key] = WaitShares(Waits(kept, operands[0].target))
                else:
                    found[key] = Sums({day: (n["h"], n["n"] - n["h"]) for day, n in parts_by_day(kept).items()})
            return found
        above, below = [
            await self._amounts(caller, replace(question, kpi=operand), by, besides) for operand in operands
        ]
        return {
            key: Sums(
                {
                    day: (above.get(key, {}).get(day, 0.0), below.get(key, {}).get(day, 0.0))
                    for day in {*above.get(key, {}), *below.get(key, {})}
                }
            )
            for key in {*above, *below}
        }

    async def _amounts(
        self, caller: Caller, question: Question, by: Sequence[str], besides: frozenset[str] | None
    ) -> dict[tuple[str, ...], dict[int, float]]:
        """What adds up, of each day. InvalidInput: the figure does not."""
        kpi = question.kpi
        if kpi.aggregation is Aggregation.DISTINCT_CUSTOMERS:
            found: dict[tuple[str, ...], dict[int, float]] = {}
            for key, days in (await self._reader.different_by_day(caller, question, by)).items():
                if besides is not None and key[0] in besides:
                    continue
                into = found.setdefault(key if besides is None else (), {})
                for day, count in days.items():
                    into[day.toordinal()] = into.get(day.toordinal(), 0.0) + count
            return found
        if kpi.of or kpi.aggregation not in (Aggregation.COUNT, Aggregation.SUM, Aggregation.RATE):
            raise InvalidInput(f"{kpi.key} does not add up over days, so a ratio of it cannot be compared", ("kpi",))
        kept = await self._kept(caller, question, by, besides)
        return {key: _amounts_of(kpi, those) for key, those in kept.items()}

    async def _kept(
        self, caller: Caller, question: Question, by: Sequence[str], besides: frozenset[str] | None
    ) -> dict[tuple[str, ...], Kept]:
        found: dict[tuple[str, ...], Kept] = {}
        async for values, day, later, parts in self._reader.kept(caller, question, by):
            if besides is None or values[0] not in besides:
                found.setdefault(values if besides is None else (), []).append((day, later, parts))
        return found


def _amounts_of(kpi: Kpi, kept: Kept) -> dict[int, float]:
    name = {Aggregation.SUM: "s", Aggregation.RATE: "h"}.get(kpi.aggregation, "n")
    return {day: parts[name] for day, parts in parts_by_day(kept).items()}


def _a_day(amounts: Mapping[int, float], days: Days) -> Sums:
    """Each day counts, also one with nothing, from the first of which anything is known."""
    if not amounts:
        return Sums({})
    first = min(amounts)
    return Sums({day: (amounts.get(day, 0.0), 1.0) for day in range(first, max(days.end.toordinal(), first + 1))})
