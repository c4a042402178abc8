"""Which employees' figures stay hidden in a month, so that none of them follows from what is shown beside it.

Cell suppression as in statistical disclosure control: A. Hundepool et al., Statistical Disclosure Control, Wiley 2012,
chapter 4. The unit is one employee in one calendar month. Primary: a row with fewer observations than the minimum is
hidden. Complementary: the sum over hidden rows follows from the total, so it must never be the sum of one alone, nor of
fewer than the minimum. Who asks knows their own figures: their row is left out of the table before it comes here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

# (dimension, value); the total is a column too. An empty value: what is not known of the dimension.
Column = tuple[str, str]
TOTAL: Column = ("", "")

# Which team somebody belongs to is no secret: who knows it could take the others of the team from its sum.
TEAM = "team"


@dataclass
class Month:
    """Who has anything in which column: column -> employee -> observations with a value.

    Zero observations are few as well: they stand for waits that are open, or for what was left out.
    """

    columns: dict[Column, dict[str, int]] = field(default_factory=dict)

    def put(self, column: Column, employee: str, n: int) -> None:
        self.columns.setdefault(column, {})[employee] = n

    @property
    def total(self) -> Mapping[str, int]:
        return self.columns.get(TOTAL, {})


@dataclass(frozen=True, slots=True)
class Hidden:
    """uncovered: columns in which nobody is left to hide behind; their sum is that of too few."""

    employees: frozenset[str] = frozenset()
    uncovered: frozenset[Column] = frozenset()


def hidden(month: Month, minimum: int) -> Hidden:
    """By employee alone."""
    few = {employee for employee, n in month.total.items() if n < minimum}
    return _covered(month, few, [column for column in month.columns if column[0] in (TOTAL[0], TEAM)], minimum)


def hidden_by(month: Month, minimum: int) -> Hidden:
    """By employee and any one further dimension.

    The same rows for each of these: they would tell on one another, as touchpoints tell of channels. A row is shown
    whole or not at all, since the rest of a row would follow from its sum.
    """
    few = {employee for row in month.columns.values() for employee, n in row.items() if n < minimum}
    return _covered(month, few | hidden(month, minimum).employees, list(month.columns), minimum)


def _covered(month: Month, few: set[str], columns: list[Column], minimum: int) -> Hidden:
    """With as many more as it takes, always the smallest, until every column holds.

    Only the data decides, never what was asked for: so asking for less, or for others, shows nothing else.
    """
    employees = set(few)
    # The total comes last: it often holds where its parts do.
    waiting = sorted(columns)
    uncovered = set()
    while waiting:
        column = waiting.pop()
        rows = month.columns[column]
        covered = [n for employee, n in rows.items() if employee in employees]
        if not covered or (len(covered) > 1 and sum(covered) >= minimum):
            continue
        shown = [(n, employee) for employee, n in rows.items() if employee not in employees]
        if shown:
            employees.add(min(shown)[1])
            waiting = sorted(columns)
        else:
            uncovered.add(column)
    return Hidden(frozenset(employees), frozenset(uncovered))
