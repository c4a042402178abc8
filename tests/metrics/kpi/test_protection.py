"""Nobody who sees all that is shown of employees can work out what is not, not even by all sums and linear algebra."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from itertools import product
from types import MappingProxyType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chassis.caller import Caller
from services.metrics.kpi.access import Where, view_of
from services.metrics.kpi.domain import Aggregation, Direction, Kpi
from services.metrics.kpi.periods import Days
from services.metrics.kpi.protection import TOTAL, Month, hidden, hidden_by
from services.metrics.kpi.question import Inquiry, Question
from services.metrics.kpi.results import Asked, Result
from services.metrics.kpi.shown import Table, shown
from services.metrics.rollup.domain import Parts, Query

MINIMUM = 3
NOW = datetime(2026, 6, 1, tzinfo=UTC)
MONTHS = (date(2026, 1, 1), date(2026, 2, 1))
UNKNOWN = ""
SETS = ((), ("employee",), ("touchpoint",), ("employee", "touchpoint"), ("employee", "channel"), ("channel",))
KPI = Kpi("k", "K", Aggregation.COUNT, "1", Direction.HIGHER_IS_BETTER, sets=SETS)
TEAMS = ((), ("employee",), ("team",), ("team", "employee"))
BY_TEAM = replace(KPI, sets=TEAMS)
# Each touchpoint belongs to one channel, and everybody knows to which.
CHANNEL = {"a": "web", "b": "web", "c": "phone", UNKNOWN: UNKNOWN}

ANYTHING: Where = MappingProxyType({})

# (employee, touchpoint, month) -> observations; nobody's employee is the empty one.
Unit = tuple[str, str, date]


def month_of(totals: Mapping[str, int], **columns: Mapping[str, int]) -> Month:
    month = Month()
    for column, row in ((TOTAL, totals), *((("team", name), row) for name, row in columns.items())):
        for employee, n in row.items():
            month.put(column, employee, n)
    return month


@pytest.mark.parametrize(
    ("totals", "employees"),
    [
        ({"ann": 9, "ben": 9}, set()),
        ({"ann": 2, "ben": 9, "cas": 8}, {"ann", "cas"}),
        ({"ann": 1, "ben": 1, "cas": 8, "dee": 9}, {"ann", "ben", "cas"}),
        ({"ann": 2, "ben": 1, "cas": 8}, {"ann", "ben"}),
        ({"ann": 0, "ben": 9, "cas": 9}, {"ann", "ben"}),
    ],
)
def test_few_are_hidden_and_as_many_more_as_it_takes(totals: dict[str, int], employees: set[str]) -> None:
    assert hidden(month_of(totals), MINIMUM).employees == employees


def test_alone_there_is_nobody_to_hide_behind() -> None:
    assert hidden(month_of({"ann": 2}), MINIMUM).uncovered == {TOTAL}


def test_who_is_in_which_team_is_no_secret() -> None:
    totals = {"ann": 2, "ben": 9, "cas": 3, "dee": 9}
    assert hidden(month_of(totals), MINIMUM).employees == {"ann", "cas"}
    teams = {"north": {"ann": 2, "ben": 9}, "south": {"cas": 3, "dee": 9}}
    assert hidden(month_of(totals, **teams), MINIMUM).employees == {"ann", "ben"}


def test_by_a_further_dimension_rows_are_hidden_whole() -> None:
    month = month_of({"ann": 9, "ben": 9, "cas": 9})
    for touchpoint, row in {"a": {"ann": 1, "ben": 5, "cas": 4}, "b": {"ann": 8, "ben": 4, "cas": 5}}.items():
        for employee, n in row.items():
            month.put(("touchpoint", touchpoint), employee, n)
    assert hidden(month, MINIMUM).employees == set()
    assert hidden_by(month, MINIMUM).employees == {"ann", "ben"}


def test_who_is_hidden_alone_is_hidden_by_every_further_dimension() -> None:
    month = month_of({"ann": 2, "ben": 4, "cas": 7})
    for touchpoint, row in {"a": {"ann": 2, "ben": 4, "cas": 3}, "b": {"cas": 4}}.items():
        for employee, n in row.items():
            month.put(("touchpoint", touchpoint), employee, n)
    assert hidden(month, MINIMUM).employees == {"ann", "ben"}
    assert hidden_by(month, MINIMUM).employees >= {"ann", "ben"}


@dataclass(frozen=True)
class World:
    """What happened, and what an observer who may see employees is shown of it. own: the observer, if an employee."""

    n: Mapping[Unit, int]
    own: str | None
    kpi: Kpi = KPI

    @property
    def employees(self) -> list[str]:
        return sorted({employee for employee, _, _ in self.n} - {""})

    def table(self, query: Query) -> Table:
        table = Table(query.dimensions)
        for (employee, touchpoint, month), n in self.n.items():
            values = tuple(value(employee, touchpoint, name) for name in query.dimensions)
            met = all(value(employee, touchpoint, name) in allowed for name, allowed in query.where)
            if n and met and all(values) and query.start <= month < query.end:
                table.put(values, month).parts.merge(Parts(n=n))
        return table

    def answer(
        self, *by: str, months: Sequence[date] = MONTHS, where: Where = ANYTHING
    ) -> dict[tuple[str, ...], Result]:
        """Of a breakdown; without one, of the sum."""
        caller = Caller("observer", frozenset({"metrics:read", "metrics:employees"}), employee=self.own)
        view = replace(view_of(caller, self.kpi, where, by), protected=True)
        inquiry = Inquiry(
            Question(self.kpi, Days(months[0], months[-1] + timedelta(days=1)).months, where, Asked()), view, by
        )
        tables = {key: self.table(query) for key, query in inquiry.queries().items()}
        found = shown(inquiry, self.own, tables, MINIMUM, NOW)
        return dict(found.breakdown(None)) if by else {(): found.total()}


def value(employee: str, touchpoint: str, dimension: str) -> str:
    return {"employee": employee, "touchpoint": touchpoint, "channel": CHANNEL[touchpoint], "team": touchpoint}[
        dimension
    ]


class Observer:
    """Writes down equations, and says which sums of units follow from them; no unit is below zero."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.units = [
            (employee, touchpoint, month)
            for employee, touchpoint, month in product([*world.employees, ""], CHANNEL, MONTHS)
        ]
        self._equations: list[tuple[frozenset[Unit], int]] = []

    def of(self, month: date, **conditions: str) -> frozenset[Unit]:
        return frozenset(
            unit
            for unit in self.units
            if unit[2] == month and all(value(unit[0], unit[1], name) == one for name, one in conditions.items())
        )

    def true(self, units: Iterable[Unit]) -> int:
        return sum(self.world.n.get(unit, 0) for unit in units)

    def learns(self, units: frozenset[Unit], n: int) -> None:
        assert n == self.true(units), "what is shown is true"
        self._equations.append((units, n))

    def known(self) -> dict[Unit, int]:
        """Those that follow one by one, as zero does where a sum is."""
        known: dict[Unit, int] = {}
        before = -1
        while before != len(known):
            before = len(known)
            for units, n in self._equations:
                open = units - known.keys()
                rest = n - sum(known[unit] for unit in units & known.keys())
                if rest == 0:
                    known |= dict.fromkeys(open, 0)
                elif len(open) == 1:
                    known |= dict.fromkeys(open, rest)
        return known

    def determined(self, wanted: Iterable[frozenset[Unit]]) -> list[frozenset[Unit]]:
        known = self.known()
        open = {unit: place for place, unit in enumerate(unit for unit in self.units if unit not in known)}

        def row(units: frozenset[Unit]) -> list[float]:
            return [float(unit in units) for unit in open]

        matrix = np.array([row(units) for units, _ in self._equations] or [[0.0] * len(open)])
        rank = np.linalg.matrix_rank(matrix)
        return [
            units
            for units in wanted
            if not units & open.keys() or np.linalg.matrix_rank(np.vstack([matrix, row(units)])) == rank
        ]


def observed(world: World, *further: str) -> tuple[Observer, list[frozenset[Unit]]]:
    """Everything that can be asked; and what must not follow from it."""
    observer, secret = Observer(world), []
    for month in MONTHS:
        observer.learns(observer.of(month), observer.true(observer.of(month)))
        for employee in world.employees:
            if employee == world.own:
                for touchpoint in CHANNEL:
                    one = observer.of(month, employee=employee, touchpoint=touchpoint)
                    observer.learns(one, observer.true(one))
        rows = world.answer("employee", months=[month])
        for employee in [*world.employees, ""]:
            whole = observer.of(month, employee=employee)
            if employee == world.own or withheld(rows.get((employee,))):
                secret += [whole] if employee not in ("", world.own) else []
            else:
                observer.learns(whole, rows[employee,].n if (employee,) in rows else 0)
        for dimension in further:
            secret += list(by_further(world, observer, month, dimension))
    return observer, secret


def by_further(world: World, observer: Observer, month: date, dimension: str) -> Iterator[frozenset[Unit]]:
    cells = world.answer("employee", dimension, months=[month])
    values = {value("", touchpoint, dimension) for touchpoint in CHANNEL} - {UNKNOWN}
    others = [e for e in world.employees if e != world.own and observer.true(observer.of(month, employee=e))]
    for employee in world.employees:
        hides = withheld(cells.get((employee, UNKNOWN)))
        for one in {*values, UNKNOWN}:
            cell = observer.of(month, employee=employee, **{dimension: one})
            if not hides and one:
                observer.learns(cell, cells[employee, one].n if (employee, one) in cells else 0)
            if 0 < observer.true(cell) < MINIMUM and employee != world.own and len(others) > 1:
                # Of who is alone in a month every sum is their own: that nothing can hide.
                yield cell
    unknown = cells.get((UNKNOWN, UNKNOWN))
    if not withheld(unknown):
        of_nobody = observer.of(month, employee="")
        observer.learns(
            of_nobody.union(*(observer.of(month, employee=e, touchpoint="") for e in world.employees)),
            unknown.n if unknown else 0,
        )
    for one in values:
        column = observer.of(month, **{dimension: one})
        observer.learns(column, observer.true(column))
        rest = world.answer("employee", months=[month], where={dimension: (one,)}).get((UNKNOWN,))
        if not withheld(rest):
            observer.learns(observer.of(month, employee="", **{dimension: one}), rest.n if rest else 0)


def withheld(result: Result | None) -> bool:
    if result is None or result.withheld is None:
        return False
    assert (result.n, result.value, result.mean, result.excluded) == (0, None, None, {})
    return True


def worlds(*, touchpoints: Sequence[str], one_each: bool = False) -> st.SearchStrategy[World]:
    names = ["ann", "ben", "cas", "dee", "eve"]
    counts = st.sampled_from([0, 0, 1, 2, 3, 4, 7])

    @st.composite
    def world(draw: st.DrawFn) -> World:
        employees = names[: draw(st.integers(1, 5))]
        n: dict[Unit, int] = {}
        for employee in employees:
            here = [draw(st.sampled_from(touchpoints))] if one_each else touchpoints
            n |= {(employee, touchpoint, month): draw(counts) for touchpoint, month in product(here, MONTHS)}
        if draw(st.booleans()):
            n |= {("", touchpoint, month): draw(counts) for touchpoint, month in product(touchpoints, MONTHS)}
        return World(n, draw(st.sampled_from([None, "ann"])), BY_TEAM if one_each else KPI)

    return world()


@given(worlds(touchpoints=["a"]))
def test_by_employee_nothing_hidden_follows(world: World) -> None:
    observer, secret = observed(world)
    assert observer.determined(secret) == []


@given(worlds(touchpoints=["a", "b", "c", UNKNOWN]))
@settings(max_examples=200)
def test_by_a_further_dimension_nothing_hidden_follows(world: World) -> None:
    observer, secret = observed(world, "touchpoint", "channel")
    assert observer.determined(secret) == []


@given(worlds(touchpoints=["a", "b", "c"], one_each=True))
def test_nothing_hidden_follows_from_teams_whose_members_are_known(world: World) -> None:
    observer, secret = observed(world, "team")
    for employee in world.employees:
        (team,) = {touchpoint for name, touchpoint, _ in world.n if name == employee}
        for month, other in product(MONTHS, CHANNEL):
            if other != team:
                observer.learns(observer.of(month, employee=employee, touchpoint=other), 0)
    assert observer.determined(secret) == []


@given(worlds(touchpoints=["a", "b", UNKNOWN]), st.data())
def test_every_answer_is_made_of_what_is_shown_of_single_months(world: World, data: st.DataObject) -> None:
    """So periods, subsets and their differences say nothing more."""
    some = data.draw(st.lists(st.sampled_from(world.employees), unique=True, min_size=1))
    points = data.draw(st.lists(st.sampled_from(["a", "b"]), unique=True, min_size=1))
    for where, by in (
        ({}, ()),
        ({"touchpoint": tuple(points)}, ()),
        ({}, ("touchpoint",)),
        ({"touchpoint": tuple(points)}, ("employee",)),
    ):
        expected, hides = 0, False
        for employee, month in product(some, MONTHS):
            single = (
                world.answer("employee", "touchpoint", months=[month])
                if where or by
                else world.answer("employee", months=[month])
            )
            keys = {key for key in single if key[0] == employee}
            own = employee == world.own
            if any(withheld(single[key]) for key in keys) and not own:
                hides = True
                continue
            chosen = points if where else ["a", "b", UNKNOWN]
            expected += sum(world.n.get((employee, one, month), 0) for one in chosen)
        answers = world.answer(*by, where={"employee": tuple(some), **where})
        assert sum(one.n for one in answers.values()) == expected
        assert any(one.withheld for one in answers.values()) == hides
