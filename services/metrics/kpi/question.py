"""What is asked of a KPI, and what of it shows other employees."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from chassis.errors import Forbidden
from services.metrics.kpi.access import EMPLOYEE, View, Where
from services.metrics.kpi.domain import DimensionSet, Kpi
from services.metrics.kpi.periods import Days
from services.metrics.kpi.protection import TEAM
from services.metrics.kpi.results import Asked
from services.metrics.rollup.domain import Query

# (cells of a KPI, dimension beside the employee); empty: none.
Key = tuple[str, str]
# In the place of that dimension: without the employee, so that those of whom none is known are there too.
EVERYBODY = "*"


@dataclass(frozen=True, slots=True)
class Question:
    """One KPI over one period, for the facts that meet the conditions. as_of: as things stood when that day began.

    beside: all KPIs whose figures are put together with this one's: what is hidden in one of them is hidden in each.
    """

    kpi: Kpi
    days: Days
    where: Where
    asked: Asked
    as_of: date | None = None
    beside: tuple[Kpi, ...] = ()


@dataclass(frozen=True, slots=True)
class Inquiry:
    """A question whose answer shows other employees, as the caller may see it. by: whose values are shown.

    Forbidden: it asks for more than is shown of others.
    """

    question: Question
    view: View
    by: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.question.as_of is not None:
            raise Forbidden("figures of other employees are shown as things stand now: two days tell of one case")
        if len(self._beside_the_employee) > 1:
            raise Forbidden("figures of other employees are shown by at most one further dimension")

    @property
    def _beside_the_employee(self) -> set[str]:
        return {*self.view.where, *self.by} - {EMPLOYEE, *self.view.forced}

    @property
    def further(self) -> str:
        """The one dimension beside the employee; empty: there is none."""
        return next(iter(self._beside_the_employee), "")

    @property
    def days(self) -> Days:
        return self.question.days.months

    def queries(self) -> dict[Key, Query]:
        """All that decides what is hidden and all that is shown: the same, whoever is asked for."""
        kpis = (self.question.kpi, *self.question.beside)
        found = {(kpi.cells, name): query for kpi in kpis for name, query in self._tables(kpi)}
        if EMPLOYEE in self.by and EMPLOYEE not in self.view.where:
            kpi = self.question.kpi
            found[kpi.cells, EVERYBODY] = self._query(kpi, kpi.set_of(self.view.where), self.view.where)
        return found

    def waits(self, query: Query) -> bool:
        """Does it matter who still waits?"""
        kpi, asked = self.question.kpi, self.question.asked
        return query.kpi == kpi and kpi.durations and (asked.open or kpi.target is not None)

    def _tables(self, kpi: Kpi) -> Iterator[tuple[str, Query]]:
        """By employee alone, and by each further dimension; of these only the team matters where none is asked for."""
        base = {EMPLOYEE, *self.view.forced}
        for dimensions in kpi.sets:
            beside = set(dimensions) - base
            if not base <= set(dimensions) or len(beside) > 1:
                continue
            if not beside or self.further or beside == {TEAM}:
                yield next(iter(beside), ""), self._query(kpi, dimensions, self.view.forced)

    def _query(self, kpi: Kpi, dimensions: DimensionSet, where: Where) -> Query:
        days = self.days
        return Query(kpi, dimensions, tuple(where.items()), days.start, days.end, days=True, zone=days.zone)
