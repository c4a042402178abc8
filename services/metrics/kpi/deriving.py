"""Answers questions about KPIs that are derived from others: asks for those, then puts them together."""

from collections.abc import Sequence
from dataclasses import replace

from chassis.caller import Caller
from services.metrics.kpi.catalogue import Catalogue
from services.metrics.kpi.domain import Kpi
from services.metrics.kpi.periods import Days, Granularity
from services.metrics.kpi.reader import Question, Reader
from services.metrics.kpi.results import Asked, Result, derived

Row = tuple[tuple[str, ...], Result]


class Deriving:
    """As the reader, over one catalogue, for KPIs of both kinds."""

    def __init__(self, reader: Reader, catalogue: Catalogue) -> None:
        self._reader = reader
        self._catalogue = catalogue

    def _parts(self, question: Question) -> list[Question]:
        kpi = question.kpi
        if not kpi.of:
            return [question]
        wanted = frozenset(question.where)
        sets = self._catalogue.sets_of(kpi)
        if wanted not in map(frozenset, sets):
            replace(kpi, sets=sets).set_of(wanted)
        return [replace(question, kpi=operand) for operand in self._catalogue.operands(kpi)]

    def check(self, caller: Caller, question: Question) -> None:
        """What cannot be answered, before anything is read."""
        for part in self._parts(question):
            self._reader.check(caller, part)

    async def results(self, caller: Caller, questions: Sequence[Question]) -> list[Result]:
        parts = [self._parts(question) for question in questions]
        found = iter(await self._reader.results(caller, [part for those in parts for part in those]))
        answers = []
        for question, those in zip(questions, parts, strict=True):
            results = [next(found) for _ in those]
            answers.append(derived(question.kpi, results) if question.kpi.of else results[0])
        return answers

    async def series(self, caller: Caller, question: Question, granularity: Granularity) -> list[tuple[Days, Result]]:
        found = [await self._reader.series(caller, part, granularity) for part in self._parts(question)]
        if not question.kpi.of:
            return found[0]
        return [
            (points[0][0], derived(question.kpi, [result for _, result in points]))
            for points in zip(*found, strict=True)
        ]

    async def breakdown(self, caller: Caller, question: Question, by: Sequence[str], first: int | None) -> list[Row]:
        if not question.kpi.of:
            return await self._reader.breakdown(caller, question, by, first)
        rows: dict[tuple[str, ...], list[Result | None]] = {}
        parts = self._parts(replace(question, where={**dict.fromkeys(by, ()), **question.where}))
        for place, part in enumerate(parts):
            asked = replace(part, where=question.where)
            for key, result in await self._reader.breakdown(caller, asked, by, None):
                rows.setdefault(key, [None] * len(parts))[place] = result
        nothing = Result(0, None, None, None, None, None, None)
        found = [
            (key, derived(question.kpi, [result or nothing for result in results])) for key, results in rows.items()
        ]
        found.sort(key=lambda row: (-row[1].n, row[0]))
        return found[:first]

    async def of_values(
        self, caller: Caller, dimension: str, ids: Sequence[str], kpis: Sequence[Kpi], days: Days, asked: Asked
    ) -> dict[str, list[Result]]:
        """The figures of many touchpoints, or employees, at once."""
        needed = {part.cells: part for kpi in kpis for part in (self._catalogue.operands(kpi) if kpi.of else (kpi,))}
        found = await self._reader.of_values(caller, dimension, ids, list(needed.values()), days, asked)
        answers = {}
        for id, results in found.items():
            by_cells = dict(zip(needed, results, strict=True))
            answers[id] = [
                derived(kpi, [by_cells[one.cells] for one in self._catalogue.operands(kpi)])
                if kpi.of
                else by_cells[kpi.cells]
                for kpi in kpis
            ]
        return answers

    async def of_customers(
        self, caller: Caller, ids: Sequence[str], kpis: Sequence[Kpi], days: Days | None, asked: Asked
    ) -> dict[str, list[Result | None]]:
        """None: not kept per customer, or not so far back."""
        return await self._reader.of_customers(caller, ids, kpis, days, asked)
