"""Reads figures of other employees: whole tables, from which what is hidden is left out before anything is shown."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime

from chassis.caller import Caller
from services.metrics.kpi.periods import Days, Granularity, points
from services.metrics.kpi.question import Inquiry
from services.metrics.kpi.shown import Shown, Table, shown
from services.metrics.rollup.domain import Group, OpenWaits, Query
from services.metrics.rollup.merging import merge_open
from services.metrics.rollup.repository import MongoRollupRepository

# So many pipelines are one command.
MOST_PARTS = 120

Waiting = Mapping[tuple[tuple[str, ...], date | None], OpenWaits]


class Employees:
    """minimum: of an employee with fewer observations in a month nothing is shown of that month."""

    def __init__(self, rollups: MongoRollupRepository, minimum: int, now: Callable[[], datetime]) -> None:
        self._rollups = rollups
        self._minimum = minimum
        self._now = now

    async def shown(self, caller: Caller, inquiries: Sequence[Inquiry]) -> list[Shown]:
        """One command for the sums of all and one for those who wait, however many employees are asked for."""
        now = self._now()
        asked = [(inquiry, inquiry.queries()) for inquiry in inquiries]
        # Questions about several employees stand on the same tables.
        queries: dict[Query, bool] = {}
        for inquiry, keyed in asked:
            for query in keyed.values():
                queries[query] = queries.get(query, False) or inquiry.waits(query)
        tables = await self._tables(caller, queries, now)
        return [
            shown(inquiry, caller.employee, {key: tables[keyed[key]] for key in keyed}, self._minimum, now)
            for inquiry, keyed in asked
        ]

    async def _tables(self, caller: Caller, queries: Mapping[Query, bool], now: datetime) -> dict[Query, Table]:
        """queries: with whether it matters who still waits."""
        parts = [(part, query) for query in queries for part in _parts(query, len(queries))]
        groups = await self._rollups.cells(caller, [part for part, _ in parts])
        wanted = [part for part, query in parts if queries[query]]
        waiting = dict(zip(wanted, await self._rollups.open_waits(caller, wanted, now), strict=True)) if wanted else {}
        tables = {query: Table(query.dimensions) for query in queries}
        for (part, query), found in zip(parts, groups, strict=True):
            _put(tables[query], part, found, waiting.get(part, {}))
        return tables


def _parts(query: Query, several: int) -> list[Query]:
    """Each month on its own, which reads one sum of it; all days at once, where that would be too many questions."""
    count = 12 * (query.end.year - query.start.year) + query.end.month - query.start.month
    if several * count > MOST_PARTS:
        return [query]
    months = points(Days(query.start, query.end, query.zone), Granularity.MONTH)
    return [replace(query, start=month.start, end=month.end, days=False) for month in months]


def _put(table: Table, part: Query, groups: Mapping[tuple[str, ...], Group], waiting: Waiting) -> None:
    for values, group in groups.items():
        for day, parts in group.days.items() if part.days else ((part.start, group.parts),):
            table.put(values, day).parts.merge(parts)
        for day, customers in group.sets:
            table.put(values, day).customers.update(customers)
    for (values, began), waits in waiting.items():
        # Who waits without a value of some dimension is in no row.
        if values in groups:
            merge_open(table.put(values, began or part.start).waits, waits)
