"""Reads figures: one command for the sums and one for those who still wait, whatever is asked."""

from collections.abc import AsyncIterator, Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from chassis.caller import Caller
from chassis.errors import Forbidden, InvalidInput
from services.metrics.event.domain import MANY_VALUED
from services.metrics.kpi.access import View, require_everything, view_of
from services.metrics.kpi.domain import Kpi
from services.metrics.kpi.employees import Employees
from services.metrics.kpi.periods import Days, Granularity, points
from services.metrics.kpi.question import Inquiry, Question
from services.metrics.kpi.results import Asked, Result, compute
from services.metrics.rollup import sketch
from services.metrics.rollup.customers import all_time, within
from services.metrics.rollup.distinct import Distinct
from services.metrics.rollup.domain import Group, OpenWaits, Parts, Query
from services.metrics.rollup.merging import all_waiting, merge_open, remaining, total
from services.metrics.rollup.repository import MongoRollupRepository

MOST_VALUES = 200


class Reader:
    def __init__(self, rollups: MongoRollupRepository, now: Callable[[], datetime], minimum: int) -> None:
        """minimum: of employees with fewer observations in a month others see nothing of that month."""
        self._rollups = rollups
        self._now = now
        self._employees = Employees(rollups, minimum, now)

    def admitted(self, caller: Caller, question: Question, by: Sequence[str] = ()) -> Question:
        """The question as it is answered, with the period that is used; raises what cannot be, before anything is read.

        by: whose values are shown.
        """
        view = _view(caller, question, by)
        return replace(question, days=Inquiry(question, view, tuple(by)).days) if view.protected else question

    async def results(self, caller: Caller, questions: Sequence[Question]) -> list[Result]:
        views = [_view(caller, question) for question in questions]
        plain = [(question, view) for question, view in zip(questions, views, strict=True) if not view.protected]
        inquiries = [Inquiry(question, view) for question, view in zip(questions, views, strict=True) if view.protected]
        known = iter(await self._results(caller, plain) if plain else ())
        shown = iter(await self._employees.shown(caller, inquiries) if inquiries else ())
        return [next(shown).total() if view.protected else next(known) for view in views]

    async def _results(self, caller: Caller, asked: Sequence[tuple[Question, View]]) -> list[Result]:
        now = self._now()
        questions = [question for question, _ in asked]
        queries = [_query(question, view) for question, view in asked]
        cells = await self._rollups.cells(caller, queries)
        waiting = await self._waiting(caller, questions, queries, now)
        return [
            compute(
                question.kpi,
                total(groups),
                all_waiting(open, groups),
                question.asked,
                _moment(question, now),
                different=_different(groups.values()),
            )
            for question, groups, open in zip(questions, cells, waiting, strict=True)
        ]

    async def series(self, caller: Caller, question: Question, granularity: Granularity) -> list[tuple[Days, Result]]:
        """Forbidden: as for results; and other employees day by day, or week by week."""
        wanted = points(question.days, granularity)
        whole = replace(question, days=Days(wanted[0].start, wanted[-1].end, question.days.zone))
        view = _view(caller, whole)
        if view.protected:
            if granularity in (Granularity.DAY, Granularity.WEEK):
                raise Forbidden("figures of other employees are shown by MONTH, QUARTER or YEAR", ("granularity",))
            (shown,) = await self._employees.shown(caller, [Inquiry(whole, view)])
            return [(point, shown.total(point)) for point in wanted]
        now = self._now()
        query = replace(_query(whole, view), days=True)
        (cells,) = await self._rollups.cells(caller, [query])
        (waiting,) = await self._waiting(caller, [whole], [query], now)
        result = []
        for point in wanted:
            open = OpenWaits()
            parts = _together([of_day for group in cells.values() for of_day in _within(group, point)])
            for group in cells.values():
                for start, waits in group.waiting.items():
                    if start is not None and point.start <= start < point.end:
                        merge_open(open, waits)
            for (_, start), waits in waiting.items():
                if start is not None and point.start <= start < point.end:
                    merge_open(open, waits)
            different = _different(cells.values(), point)
            moment = _moment(question, now)
            result.append((point, compute(question.kpi, parts, open, question.asked, moment, different=different)))
        return result

    async def breakdown(
        self, caller: Caller, question: Question, by: Sequence[str], first: int | None
    ) -> list[tuple[tuple[str, ...], Result]]:
        """Most received first; what is not known of a dimension is a row of its own, with an empty value."""
        if not by or len(set(by)) != len(by):
            raise InvalidInput("name each dimension to break down by once", ("by",))
        view = _view(caller, question, by)
        if view.protected:
            (shown,) = await self._employees.shown(caller, [Inquiry(question, view, tuple(by))])
            return shown.breakdown(first)
        now = self._now()
        fine = _query(question, view, by)
        coarse = _query(question, view) if MANY_VALUED.isdisjoint(by) else fine
        cells, totals = await self._rollups.cells(caller, [fine, coarse])
        pair = (question, question)
        waiting, everybody = await self._waiting(caller, pair, [fine, coarse], now)
        rows: dict[tuple[str, ...], tuple[Parts, OpenWaits]] = {}
        places = [fine.dimensions.index(dimension) for dimension in by]
        for values, group in cells.items():
            parts, open = rows.setdefault(_picked(values, places), (Parts(), OpenWaits()))
            parts.merge(group.parts)
            for waits in group.waiting.values():
                merge_open(open, waits)
        for (values, _), waits in waiting.items():
            key = _picked(values, places)
            if key in rows:
                merge_open(rows[key][1], waits)
        rest = total(totals).minus(parts for parts, _ in rows.values())
        # Who belongs to several is in several rows: they add up to nothing.
        if not rest.empty and MANY_VALUED.isdisjoint(by):
            known = [open for _, open in rows.values()]
            rows[("",) * len(by)] = (rest, remaining(all_waiting(everybody, totals), known))
        moment = _moment(question, now)
        results = []
        for key, (parts, open) in rows.items():
            if not parts.empty:
                different = _different(group for values, group in cells.items() if _picked(values, places) == key)
                result = compute(question.kpi, parts, open, question.asked, moment, different=different)
                results.append((key, parts.received, result))
        results.sort(key=lambda row: (-row[1], row[0]))
        return [(key, result) for key, _, result in results[:first]]

    async def of_values(
        self, caller: Caller, dimension: str, ids: Sequence[str], questions: Sequence[Question]
    ) -> dict[str, list[Result]]:
        """The figures of many touchpoints, or employees, at once. questions: each of the same ids."""
        if not questions:
            return {id: [] for id in ids}
        views = [_view(caller, question) for question in questions]
        if any(view.protected for view in views):
            inquiries = [Inquiry(question, view) for question, view in zip(questions, views, strict=True)]
            shown = await self._employees.shown(caller, inquiries)
            return {id: [one.of(id) for one in shown] for id in ids}
        now = self._now()
        queries = [_query(question, view) for question, view in zip(questions, views, strict=True)]
        cells = await self._rollups.cells(caller, queries)
        waiting = await self._waiting(caller, questions, queries, now)
        answers: dict[str, list[Result]] = {id: [] for id in ids}
        for question, query, groups, waits in zip(questions, queries, cells, waiting, strict=True):
            place = query.dimensions.index(dimension)
            of_ids: dict[str, dict[tuple[str, ...], Group]] = {id: {} for id in ids}
            open: dict[str, OpenWaits] = {id: OpenWaits() for id in ids}
            for values, group in groups.items():
                of_ids[values[place]][values] = group
            for (values, _), wait in waits.items():
                merge_open(open[values[place]], wait)
            for id, found in of_ids.items():
                different = _different(found.values())
                answers[id].append(
                    compute(question.kpi, total(found), open[id], question.asked, now, different=different)
                )
        return answers

    def _by_day(self, caller: Caller, question: Question, by: Sequence[str]) -> Query:
        view = _view(caller, question, by)
        if view.protected:
            raise Forbidden("figures of other employees are shown over whole months: neither by day, nor compared")
        return _query(question, view, by)

    async def kept(
        self, caller: Caller, question: Question, by: Sequence[str]
    ) -> AsyncIterator[tuple[tuple[str, ...], date, str, Mapping[str, Any]]]:
        """(values in the order of `by`, day, days until the end, parts) as they are kept."""
        query = self._by_day(caller, question, by)
        places = [query.dimensions.index(dimension) for dimension in by]
        async for values, day, later, parts in self._rollups.kept(caller, query):
            yield _picked(values, places), day, later, parts

    async def different_by_day(
        self, caller: Caller, question: Question, by: Sequence[str]
    ) -> dict[tuple[str, ...], dict[date, int]]:
        """How many different customers there were on each day; values in the order of `by`."""
        query = replace(self._by_day(caller, question, by), days=True)
        places = [query.dimensions.index(dimension) for dimension in by]
        (cells,) = await self._rollups.cells(caller, [query])
        unions: dict[tuple[str, ...], dict[date, Distinct]] = {}
        for values, group in cells.items():
            days = unions.setdefault(_picked(values, places), {})
            for day, customers in group.sets:
                days.setdefault(day, Distinct()).update(customers)
        return {key: {day: len(union) for day, union in days.items()} for key, days in unions.items()}

    async def of_customers(
        self, caller: Caller, ids: Sequence[str], kpis: Sequence[Kpi], days: Days | None, asked: Asked
    ) -> dict[str, list[Result | None]]:
        """None: the KPI is not kept per customer, or not so far back one by one."""
        require_everything(caller, "the figures of a customer")
        now = self._now()
        found = await self._rollups.of_customers(caller, ids, [kpi for kpi in kpis if kpi.durations])
        answers: dict[str, list[Result | None]] = {}
        for id in ids:
            answers[id] = []
            documents, waiting = found[id]
            for kpi in kpis:
                if not kpi.per_customer:
                    answers[id].append(None)
                    continue
                parts = all_time(documents, kpi) if days is None else within(documents, kpi, days)
                starts = [wait["started_at"] for wait in waiting if wait["k"] == kpi.cells]
                open = _of_starts(kpi, starts, days, now)
                answers[id].append(None if parts is None else compute(kpi, parts, open, asked, now))
        return answers

    async def _waiting(
        self, caller: Caller, questions: Sequence[Question], queries: Sequence[Query], now: datetime
    ) -> list[dict[tuple[tuple[str, ...], date | None], OpenWaits]]:
        """Who still waits, where that matters: for open waits and for what is not due yet."""
        needed = [
            place
            for place, question in enumerate(questions)
            if question.kpi.durations and (question.asked.open or question.kpi.target is not None)
        ]
        found: list[dict[tuple[tuple[str, ...], date | None], OpenWaits]] = [{} for _ in queries]
        if needed:
            waits = await self._rollups.open_waits(caller, [queries[place] for place in needed], now)
            for place, groups in zip(needed, waits, strict=True):
                found[place] = groups
        return found


def _view(caller: Caller, question: Question, by: Collection[str] = ()) -> View:
    view = view_of(caller, question.kpi, question.where, by)
    for many in MANY_VALUED.intersection(view.where).difference(by):
        if len(view.where[many]) > 1:
            raise InvalidInput(f"who belongs to several would count several times: break down by {many}", ("where",))
    if any(len(values) > MOST_VALUES for values in view.where.values()):
        raise InvalidInput(f"a condition has at most {MOST_VALUES} values", ("where",))
    return view


def _query(question: Question, view: View, by: Collection[str] = ()) -> Query:
    dimensions = question.kpi.set_of((*view.where, *by))
    days, as_of = question.days, question.as_of
    end = days.end if as_of is None else max(min(days.end, as_of), days.start)
    return Query(question.kpi, dimensions, tuple(view.where.items()), days.start, end, as_of=as_of, zone=days.zone)


def _within(group: Group, point: Days) -> Iterator[Parts]:
    if (point.end - point.start).days == 1:
        # A day of its own is looked up, not looked for.
        if point.start in group.days:
            yield group.days[point.start]
        return
    for day, parts in group.days.items():
        if point.start <= day < point.end:
            yield parts


def _together(several: Sequence[Parts]) -> Parts:
    if len(several) == 1:
        return several[0]
    parts = Parts()
    for one in several:
        parts.merge(one)
    return parts


def _moment(question: Question, now: datetime) -> datetime:
    """At which those who wait have waited so long."""
    as_of = question.as_of
    return now if as_of is None else question.days.zone.midnight(as_of)


def _different(groups: Iterable[Group], days: Days | None = None) -> int:
    """How many different customers there were in all of them, on these days."""
    union = Distinct()
    for group in groups:
        for day, customers in group.sets:
            if days is None or days.start <= day < days.end:
                union.update(customers)
    return len(union)


def _picked(values: tuple[str, ...], places: Sequence[int]) -> tuple[str, ...]:
    return tuple(values[place] for place in places)


def _of_starts(kpi: Kpi, starts: Iterable[datetime], days: Days | None, now: datetime) -> OpenWaits:
    waits = OpenWaits()
    for start in starts:
        if days is None or days.start <= days.zone.day(start) < days.end:
            elapsed = (now - start).total_seconds()
            due_later = int(kpi.target is not None and elapsed <= kpi.target)
            waits.add(sketch.key_of(max(elapsed, 0.0)), 1, due_later, start)
    return waits
