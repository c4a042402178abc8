"""Answers questions about KPIs that are derived from others: asks for those, then puts them together."""

from collections.abc import Sequence
from dataclasses import replace

from chassis.caller import Caller
from services.metrics.kpi.access import EMPLOYEE, view_of
from services.metrics.kpi.catalogue import Catalogue
from services.metrics.kpi.domain import Kpi
from services.metrics.kpi.periods import Days, Granularity
from services.metrics.kpi.question import Question
from services.metrics.kpi.reader import Reader
from services.metrics.kpi.results import NOTHING, Asked, Result, derived

Row = tuple[tuple[str, ...], Result]


class Deriving:
    """As the reader, over one catalogue, for KPIs of both kinds."""

    def __init__(self, reader: Reader, catalogue: Catalogue) -> None:
        self._reader = reader
        self._catalogue = catalogue

    def _parts(self, caller: Caller, question: Question, by: Sequence[str] = ()) -> list[Question]:
        kpi = question.kpi
        if not kpi.of:
            return [question]
        operands = self._catalogue.operands(kpi)
        # What cannot be asked of it is said of it, not of what it is derived from.
        view_of(caller, replace(kpi, sets=self._catalogue.sets_of(kpi)), question.where, by)
        beside = operands if len(operands) > 1 else ()
        return [replace(question, kpi=operand, beside=beside) for operand in operands]

    def admitted(self, caller: Caller, question: Question, by: Sequence[str] = ()) -> Question:
        """As of the reader."""
        parts = [self._reader.admitted(caller, part, by) for part in self._parts(caller, question, by)]
        return replace(question, days=parts[0].days)

    async def results(self, caller: Caller, questions: Sequence[Question]) -> list[Result]:
        parts = [self._parts(caller, question) for question in questions]
        found = iter(await self._reader.results(caller, [part for those in parts for part in those]))
        answers = []
        for question, those in zip(questions, parts, strict=True):
            results = [next(found) for _ in those]
            answers.append(derived(question.kpi, results) if question.kpi.of else results[0])
        return answers

    async def series(self, caller: Caller, question: Question, granularity: Granularity) -> list[tuple[Days, Result]]:
        found = [await self._reader.series(caller, part, granularity) for part in self._parts(caller, question)]
        if not question.kpi.of:
            return found[0]
        return [
            (points[0][0], derived(question.kpi, [result for _, result in points]))
            for points in zip(*found, strict=True)
        ]

    async def breakdown(self, caller: Caller, question: Question, by: Sequence[str], first: int | None) -> list[Row]:
        if not question.kpi.of:
            return await self._reader.breakdown(caller, question, by, first)
        rows: dict[tuple[str, ...], list[Result]] = {}
        parts = self._parts(caller, question, by)
        for place, part in enumerate(parts):
            for key, result in await self._reader.breakdown(caller, part, by, None):
                rows.setdefault(key, [NOTHING] * len(parts))[place] = result
        found = [(key, derived(question.kpi, results)) for key, results in rows.items()]
        found.sort(key=lambda row: (-row[1].n, row[0]))
        return found[:first]

    async def of_values(
        self, caller: Caller, dimension: str, ids: Sequence[str], kpis: Sequence[Kpi], days: Days, asked: Asked
    ) -> dict[str, list[Result]]:
        """The figures of many touchpoints, or employees, at once."""
        where = {dimension: tuple(ids)}
        of_kpis = [self._parts(caller, Question(kpi, days, where, asked)) for kpi in kpis]
        if dimension != EMPLOYEE:
            # Nothing is hidden: what several are derived from is read once.
            of_kpis = [[replace(part, beside=()) for part in parts] for parts in of_kpis]
        needed = {_key(part): part for parts in of_kpis for part in parts}
        found = await self._reader.of_values(caller, dimension, ids, list(needed.values()))
        answers = {}
        for id, results in found.items():
            known = dict(zip(needed, results, strict=True))
            answers[id] = [
                derived(kpi, [known[_key(part)] for part in parts]) if kpi.of else known[_key(parts[0])]
                for kpi, parts in zip(kpis, of_kpis, strict=True)
            ]
        return answers

    async def of_customers(
        self, caller: Caller, ids: Sequence[str], kpis: Sequence[Kpi], days: Days | None, asked: Asked
    ) -> dict[str, list[Result | None]]:
        """None: not kept per customer, or not so far back."""
        return await self._reader.of_customers(caller, ids, kpis, days, asked)


def _key(part: Question) -> tuple[str, ...]:
    return part.kpi.cells, *(kpi.cells for kpi in part.beside)
