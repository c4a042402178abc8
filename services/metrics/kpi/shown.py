"""From what is kept by employee to what is shown of it: the months that are not hidden, put together."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from services.metrics.kpi.access import EMPLOYEE
from services.metrics.kpi.domain import DimensionSet
from services.metrics.kpi.periods import Days
from services.metrics.kpi.protection import TOTAL, Hidden, Month, hidden, hidden_by
from services.metrics.kpi.question import EVERYBODY, Inquiry, Key
from services.metrics.kpi.results import NOTHING, Result, Withheld, compute
from services.metrics.rollup.distinct import Distinct
from services.metrics.rollup.domain import OpenWaits, Parts
from services.metrics.rollup.merging import merge_open, remaining

Values = tuple[str, ...]


@dataclass
class Sum:
    """Of one row over one month, or several."""

    parts: Parts = field(default_factory=Parts)
    waits: OpenWaits = field(default_factory=OpenWaits)
    customers: Distinct = field(default_factory=Distinct)

    def merge(self, other: "Sum") -> None:
        self.parts.merge(other.parts)
        merge_open(self.waits, other.waits)
        self.customers.update(other.customers)

    def minus(self, other: "Sum") -> "Sum":
        """How many different customers are left is not known: they may be the same ones."""
        return Sum(self.parts.minus([other.parts]), remaining(self.waits, [other.waits]))


# The first day of each month -> its sum.
Months = Mapping[date, Sum]


@dataclass
class Table:
    """All that is kept by one set of dimensions."""

    dimensions: DimensionSet
    rows: dict[Values, dict[date, Sum]] = field(default_factory=dict)

    def put(self, values: Values, day: date) -> Sum:
        """The sum to which that day of the row belongs."""
        return self.rows.setdefault(values, {}).setdefault(day.replace(day=1), Sum())

    def value(self, values: Values, dimension: str) -> str:
        return values[self.dimensions.index(dimension)]

    def meeting(self, where: Mapping[str, Collection[str]]) -> "Table":
        """The rows that meet the conditions."""
        return Table(
            self.dimensions,
            {
                values: months
                for values, months in self.rows.items()
                if all(self.value(values, name) in allowed for name, allowed in where.items())
            },
        )


def month_tables(alone: Table, tables: Mapping[str, Table], own: str | None) -> dict[date, Month]:
    """Of everybody but oneself. tables: by employee and one more dimension, by that one; "" is passed over."""
    found: dict[date, Month] = {}
    sizes: dict[tuple[str, date], tuple[int, int]] = {}
    for _, employee, month, parts in _others(alone, own):
        sizes[employee, month] = parts.n, _size(parts)
        found.setdefault(month, Month()).put(TOTAL, employee, parts.n)
    for dimension, table in tables.items():
        if not dimension:
            continue
        unknown = dict(sizes)
        for values, employee, month, parts in _others(table, own):
            found.setdefault(month, Month()).put((dimension, table.value(values, dimension)), employee, parts.n)
            n, size = unknown.get((employee, month), (0, 0))
            unknown[employee, month] = n - parts.n, size - _size(parts)
        for (employee, month), (n, size) in unknown.items():
            if size:
                # What is not known of the dimension follows from the row's sum: it is a column like the others.
                found[month].put((dimension, ""), employee, n)
    return found


def _others(table: Table, own: str | None) -> Iterable[tuple[Values, str, date, Parts]]:
    for values, months in table.rows.items():
        employee = table.value(values, EMPLOYEE)
        if employee != own:
            for month, sum in months.items():
                if not sum.parts.empty:
                    yield values, employee, month, sum.parts


def _size(parts: Parts) -> int:
    return parts.received + sum(parts.excluded.values())


def hidden_in(months: Iterable[Mapping[date, Month]], minimum: int, *, further: bool) -> dict[date, Hidden]:
    """months: of each KPI whose figures are put together; what is hidden in one of them is hidden in all."""
    found: dict[date, Hidden] = {}
    for tables in months:
        for month, table in tables.items():
            one = hidden_by(table, minimum) if further else hidden(table, minimum)
            other = found.get(month, Hidden())
            found[month] = Hidden(one.employees | other.employees, one.uncovered | other.uncovered)
    return found


def shown(inquiry: Inquiry, own: str | None, tables: Mapping[Key, Table], minimum: int, now: datetime) -> "Shown":
    """own: the employee who asks. tables: the answers to the queries of the inquiry."""
    of_kpis: dict[str, dict[str, Table]] = {}
    for (cells, further), table in tables.items():
        if further != EVERYBODY:
            of_kpis.setdefault(cells, {})[further] = table
    months = [month_tables(by[""], by, own) for by in of_kpis.values()]
    cells = inquiry.question.kpi.cells
    return Shown(
        inquiry,
        alone=tables[cells, ""],
        table=tables[cells, inquiry.further],
        everybody=tables.get((cells, EVERYBODY)),
        hidden=hidden_in(months, minimum, further=bool(inquiry.further)),
        minimum=minimum,
        now=now,
    )


class Shown:
    """What may be shown of one question.

    alone: by employee. table: by what is asked for, which is the same where it is the employee alone. everybody:
    without the employee, where those whom nobody is known to have answered are shown too. hidden: who is, in which
    month; never who asks.
    """

    def __init__(
        self,
        inquiry: Inquiry,
        alone: Table,
        table: Table,
        everybody: Table | None,
        hidden: Mapping[date, Hidden],
        minimum: int,
        now: datetime,
    ) -> None:
        where = inquiry.view.where
        self._inquiry = inquiry
        self._everybody = everybody
        self._hidden = hidden
        self._minimum = minimum
        self._now = now
        self._all = table.meeting({name: values for name, values in where.items() if name != EMPLOYEE})
        self._table = self._visible(table.meeting(where))
        asked = {name: where[name] for name in where if name in alone.dimensions}
        self._alone = alone.meeting(asked)
        # Of whom something is left out, and in which months.
        self._left_out: dict[str, set[date]] = {}
        for values, months in self._alone.rows.items():
            employee = alone.value(values, EMPLOYEE)
            left = {month for month, sum in months.items() if not sum.parts.empty and self._hides(employee, month)}
            if left:
                self._left_out.setdefault(employee, set()).update(left)

    def _hides(self, employee: str, month: date) -> bool:
        return employee in self._hidden.get(month, Hidden()).employees

    def _visible(self, table: Table) -> Table:
        shown = Table(table.dimensions)
        for values, months in table.rows.items():
            employee = table.value(values, EMPLOYEE)
            kept = {month: sum for month, sum in months.items() if not self._hides(employee, month)}
            if kept:
                shown.rows[values] = kept
        return shown

    def total(self, days: Days | None = None) -> Result:
        """Of all that is asked for; days: in these whole months of it alone."""
        return self._result(_sum(self._table, days), self._missing(self._left_out), days)

    def of(self, employee: str) -> Result:
        return self._result(_sum(self._table.meeting({EMPLOYEE: (employee,)})), self._missing([employee]))

    def breakdown(self, first: int | None) -> list[tuple[Values, Result]]:
        """Most received first; then, without numbers, those of whom nothing is shown at all."""
        by = self._inquiry.by
        rows: dict[Values, Sum] = {}
        for values, months in self._table.rows.items():
            key = tuple(self._table.value(values, name) for name in by)
            for sum in months.values():
                rows.setdefault(key, Sum()).merge(sum)
        found: dict[Values, tuple[Sum, set[date]]] = {}
        for key, sum in rows.items():
            if not sum.parts.empty:
                found[key] = sum, self._missing(self._employees_of(key))
        rest, left = self._rest()
        if left or not rest.parts.empty:
            found[("",) * len(by)] = rest, left
        shown = {employee for key in found for employee in self._employees_of(key)}
        for employee in self._left_out.keys() - shown:
            # In which of the further values there is something is not said.
            key = tuple(employee if name == EMPLOYEE else self._forced(name) for name in by)
            found.setdefault(key, (Sum(), self._missing([employee] if EMPLOYEE in by else self._left_out)))
        ranked = sorted(found, key=lambda key: (-found[key][0].parts.received, key))
        return [(key, self._result(*found[key])) for key in ranked[:first]]

    def _employees_of(self, key: Values) -> Sequence[str]:
        by = self._inquiry.by
        return [key[by.index(EMPLOYEE)]] if EMPLOYEE in by else list(self._left_out)

    def _forced(self, name: str) -> str:
        return next(iter(self._inquiry.view.forced.get(name, ())), "")

    def _rest(self) -> tuple[Sum, set[date]]:
        """What is not known of a dimension that is shown, and the months in which it would tell of those hidden."""
        further = self._inquiry.further
        chosen = self._inquiry.view.where.get(further)
        if self._everybody is None:
            if chosen is not None or not further:
                return Sum(), set()
            rest = _sum(self._visible(self._alone)).minus(_sum(self._table))
            return rest, set() if rest.parts.empty else self._missing(self._left_out)
        rest, left, known = Sum(), set[date](), _by_month(self._all)
        for month, sum in _by_month(self._everybody).items():
            uncovered = self._hidden.get(month, Hidden()).uncovered
            if any(chosen is None or column in {(further, value) for value in chosen} for column in uncovered):
                # Also where there is nothing: else it would tell that what is hidden is all there is.
                left.add(month)
            else:
                rest.merge(sum.minus(known.get(month, Sum())))
        return rest, left

    def _missing(self, employees: Iterable[str]) -> set[date]:
        return {month for employee in employees for month in self._left_out.get(employee, ())}

    def _result(self, sum: Sum, left_out: set[date], days: Days | None = None) -> Result:
        left = [month for month in left_out if days is None or days.start <= month < days.end]
        withheld = Withheld(len(left), self._minimum) if left else None
        if withheld is not None and sum.parts.empty:
            return replace(NOTHING, withheld=withheld)
        question = self._inquiry.question
        result = compute(question.kpi, sum.parts, sum.waits, question.asked, self._now, different=len(sum.customers))
        return replace(result, withheld=withheld)


def _sum(table: Table, days: Days | None = None) -> Sum:
    whole = Sum()
    for months in table.rows.values():
        for month, one in months.items():
            if days is None or days.start <= month < days.end:
                whole.merge(one)
    return whole


def _by_month(table: Table) -> dict[date, Sum]:
    found: dict[date, Sum] = {}
    for months in table.rows.values():
        for month, one in months.items():
            found.setdefault(month, Sum()).merge(one)
    return found
