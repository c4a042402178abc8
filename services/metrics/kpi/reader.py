"""Reads figures: one command for the sums and one for those who still wait, whatever is asked."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

from chassis.caller import Caller
from chassis.errors import Forbidden, InvalidInput
from services.metrics.kpi.domain import Kpi
from services.metrics.kpi.periods import Days, Granularity, points
from services.metrics.kpi.results import Asked, Result, compute
from services.metrics.rollup import sketch
from services.metrics.rollup.customers import all_time, within
from services.metrics.rollup.domain import Group, OpenWaits, Parts, Query
from services.metrics.rollup.repository import MongoRollupRepository, name_of

Where = Mapping[str, tuple[str, ...]]

MOST_VALUES = 200
EMPLOYEES = "metrics:employees"


@dataclass(frozen=True, slots=True)
class Question:
    """One KPI over one period, for the facts that meet the conditions. as_of: as things stood when that day began."""

    kpi: Kpi
    days: Days
    where: Where
    asked: Asked
    as_of: date | None = None


class Reader:
    def __init__(self, rollups: MongoRollupRepository, now: Callable[[], datetime]) -> None:
        self._rollups = rollups
        self._now = now

    def check(self, caller: Caller, question: Question) -> None:
        """What cannot be answered, before anything is read."""
        _query(caller, question)

    async def results(self, caller: Caller, questions: Sequence[Question]) -> list[Result]:
        if not questions:
            return []
        now = self._now()
        queries = [_query(caller, question) for question in questions]
        cells = await self._rollups.cells(caller, queries)
        waiting = await self._waiting(caller, questions, queries, now)
        return [
            compute(question.kpi, _total(groups), _all(open, groups), question.asked, _moment(question, now))
            for question, groups, open in zip(questions, cells, waiting, strict=True)
        ]

    async def series(self, caller: Caller, question: Question, granularity: Granularity) -> list[tuple[Days, Result]]:
        now = self._now()
        wanted = points(question.days, granularity)
        whole = replace(question, days=Days(wanted[0].start, wanted[-1].end))
        query = replace(_query(caller, whole), days=True)
        (cells,) = await self._rollups.cells(caller, [query])
        (waiting,) = await self._waiting(caller, [whole], [query], now)
        result = []
        for point in wanted:
            parts, open = Parts(), OpenWaits()
            for group in cells.values():
                for day, of_day in group.days.items():
                    if point.start <= day < point.end:
                        _merge(parts, of_day)
                for start, waits in group.waiting.items():
                    if start is not None and point.start <= start < point.end:
                        _merge_open(open, waits)
            for (_, start), waits in waiting.items():
                if start is not None and point.start <= start < point.end:
                    _merge_open(open, waits)
            result.append((point, compute(question.kpi, parts, open, question.asked, _moment(question, now))))
        return result

    async def breakdown(
        self, caller: Caller, question: Question, by: Sequence[str], first: int | None
    ) -> list[tuple[tuple[str, ...], Result]]:
        """Most received first; what is not known of a dimension is a row of its own, with an empty value."""
        if not by or len(set(by)) != len(by):
            raise InvalidInput("name each dimension to break down by once", ("by",))
        now = self._now()
        fine = _query(caller, question, by)
        coarse = _query(caller, question)
        cells, totals = await self._rollups.cells(caller, [fine, coarse])
        pair = (question, question)
        waiting, all_waiting = await self._waiting(caller, pair, [fine, coarse], now)
        rows: dict[tuple[str, ...], tuple[Parts, OpenWaits]] = {}
        places = [fine.dimensions.index(dimension) for dimension in by]
        for values, group in cells.items():
            parts, open = rows.setdefault(_picked(values, places), (Parts(), OpenWaits()))
            _merge(parts, group.parts)
            for waits in group.waiting.values():
                _merge_open(open, waits)
        for (values, _), waits in waiting.items():
            key = _picked(values, places)
            if key in rows:
                _merge_open(rows[key][1], waits)
        rest = _total(totals).minus(parts for parts, _ in rows.values())
        if not rest.empty:
            known = [open for _, open in rows.values()]
            rows[("",) * len(by)] = (rest, _remaining(_all(all_waiting, totals), known))
        results = [
            (key, parts.received, compute(question.kpi, parts, open, question.asked, _moment(question, now)))
            for key, (parts, open) in rows.items()
            if not parts.empty
        ]
        results.sort(key=lambda row: (-row[1], row[0]))
        return [(key, result) for key, _, result in results[:first]]

    async def of_touchpoints(
        self, caller: Caller, ids: Sequence[str], kpis: Sequence[Kpi], days: Days, asked: Asked
    ) -> dict[str, list[Result]]:
        now = self._now()
        questions = [Question(kpi, days, {"touchpoint": tuple(ids)}, asked) for kpi in kpis]
        queries = [_query(caller, question) for question in questions]
        cells = await self._rollups.cells(caller, queries)
        waiting = await self._waiting(caller, questions, queries, now)
        return {
            id: [
                compute(kpi, groups.get((id,), Group()).parts, open.get(((id,), None)), asked, now)
                for kpi, groups, open in zip(kpis, cells, waiting, strict=True)
            ]
            for id in ids
        }

    async def of_customers(
        self, caller: Caller, ids: Sequence[str], kpis: Sequence[Kpi], days: Days | None, asked: Asked
    ) -> dict[str, list[Result | None]]:
        """None: the period reaches back beyond what is kept of a single customer."""
        if caller.sources is not None:
            raise Forbidden("the figures of a customer are not kept by source")
        now = self._now()
        found = await self._rollups.of_customers(caller, ids, [kpi for kpi in kpis if kpi.durations])
        answers: dict[str, list[Result | None]] = {}
        for id in ids:
            answers[id] = []
            documents, waiting = found[id]
            for kpi in kpis:
                parts = all_time(documents, kpi) if days is None else within(documents, kpi, days.start, days.end)
                starts = [wait["started_at"] for wait in waiting if wait["k"] == name_of(kpi)]
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


def _query(caller: Caller, question: Question, by: Iterable[str] = ()) -> Query:
    where = dict(question.where)
    if caller.sources is not None:
        allowed = tuple(sorted(caller.sources))
        where["source"] = tuple(v for v in where["source"] if v in allowed) if "source" in where else allowed
    dimensions = question.kpi.set_of((*where, *by))
    if "employee" in dimensions and not caller.may(EMPLOYEES):
        own = (caller.employee,) if caller.employee else ()
        if not own or where.get("employee") != own:
            raise Forbidden(f"figures by employee need the scope {EMPLOYEES}")
    if any(len(values) > MOST_VALUES for values in where.values()):
        raise InvalidInput(f"a condition has at most {MOST_VALUES} values", ("where",))
    days, as_of = question.days, question.as_of
    end = days.end if as_of is None else max(min(days.end, as_of), days.start)
    return Query(question.kpi, dimensions, tuple(where.items()), days.start, end, as_of=as_of)


def _moment(question: Question, now: datetime) -> datetime:
    """At which those who wait have waited so long."""
    as_of = question.as_of
    return now if as_of is None else datetime(as_of.year, as_of.month, as_of.day, tzinfo=UTC)


def _picked(values: tuple[str, ...], places: Sequence[int]) -> tuple[str, ...]:
    return tuple(values[place] for place in places)


def _total(groups: Mapping[tuple[str, ...], Group]) -> Parts:
    parts = Parts()
    for group in groups.values():
        _merge(parts, group.parts)
    return parts


def _merge(into: Parts, other: Parts) -> None:
    into.n += other.n
    into.sum += other.sum
    into.squares += other.squares
    into.hit += other.hit
    into.open += other.open
    into.unanswered += other.unanswered
    for mine, theirs in (
        (into.bins, other.bins),
        (into.censored, other.censored),
        (into.excluded, other.excluded),
    ):
        for key, count in theirs.items():
            mine[key] = mine.get(key, 0) + count


def _all(
    waiting: Mapping[tuple[tuple[str, ...], date | None], OpenWaits], groups: Mapping[tuple[str, ...], Group]
) -> OpenWaits:
    """Those who wait still, and those who did as of the past day asked for."""
    total = OpenWaits()
    for waits in waiting.values():
        _merge_open(total, waits)
    for group in groups.values():
        for waits in group.waiting.values():
            _merge_open(total, waits)
    return total


def _merge_open(into: OpenWaits, other: OpenWaits) -> None:
    for key, count in other.bins.items():
        into.bins[key] = into.bins.get(key, 0) + count
    into.due_later += other.due_later
    if other.oldest is not None:
        into.oldest = other.oldest if into.oldest is None else min(into.oldest, other.oldest)


def _remaining(all: OpenWaits, known: Iterable[OpenWaits]) -> OpenWaits:
    rest = OpenWaits(dict(all.bins), all.due_later, None)
    for waits in known:
        for key, count in waits.bins.items():
            rest.bins[key] = rest.bins.get(key, 0) - count
        rest.due_later -= waits.due_later
    # Which of them is the oldest is known only where there are any.
    rest.oldest = all.oldest if any(count > 0 for count in rest.bins.values()) else None
    return rest


def _of_starts(kpi: Kpi, starts: Iterable[datetime], days: Days | None, now: datetime) -> OpenWaits:
    waits = OpenWaits()
    for start in starts:
        if days is None or days.start <= start.date() < days.end:
            elapsed = (now - start).total_seconds()
            due_later = int(kpi.target is not None and elapsed <= kpi.target)
            waits.add(sketch.key_of(max(elapsed, 0.0)), 1, due_later, start)
    return waits
