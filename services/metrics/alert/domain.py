"""When an alert opens and closes: days are judged once, in their order, and the same days give the same alerts."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import Enum
from typing import TYPE_CHECKING

from chassis.errors import Forbidden, NotFound
from services.metrics.alert.charts import FEWEST, INSIDE, LONGEST_BASELINE, OUTSIDE, Chart, Figure, Scale, chart_of
from services.metrics.kpi.domain import Direction, Target

if TYPE_CHECKING:
    from chassis.caller import Caller

PREFIX = "alt"
# So far back the days of a baseline are looked for: enough for weekdays alone, and for a long breach among them.
LOOK_BACK = timedelta(days=90)
# So many days back inside close a breach.
BACK_INSIDE_DAYS = 2
# After so many judged days outside, outside is where the figure is: those days are the next baseline.
NEW_LEVEL_DAYS = LONGEST_BASELINE

_DAY = timedelta(days=1)


class Kind(Enum):
    """TARGET: the day misses the target meant for it. CONTROL_LIMITS: chance alone does not explain the day."""

    TARGET = "TARGET"
    CONTROL_LIMITS = "CONTROL_LIMITS"


class Ending(Enum):
    """NEW_LEVEL: it stayed outside for so long that this is how it is now.

    REDEFINED: the KPI was archived, or its figures are made otherwise than before.
    """

    BACK_INSIDE = "BACK_INSIDE"
    NEW_LEVEL = "NEW_LEVEL"
    REDEFINED = "REDEFINED"


class AlertNotFound(NotFound):
    def __init__(self, id: str) -> None:
        super().__init__(f"there is no alert {id[:80]}", ("id",))


@dataclass(frozen=True, slots=True)
class Watched:
    """What of a KPI decides over its days."""

    scale: Scale
    direction: Direction
    goal: Target | None = None

    def meant(self, day: date) -> Target | None:
        """The target that is meant for the day."""
        goal = self.goal
        if goal is None or (goal.since is not None and day < goal.since):
            return None
        return goal if goal.until is None or day <= goal.until else None


@dataclass(frozen=True, slots=True)
class Breach:
    """One that is open. day: the first. judged, inside: days since, and the last of them that were back inside.

    chart: as it was when it opened, of CONTROL_LIMITS.
    """

    kind: Kind
    day: date
    judged: int = 1
    inside: int = 0
    chart: Chart | None = None


@dataclass(frozen=True, slots=True)
class State:
    """judged: the last day. left_out: days of breaches, which no baseline takes in. since: a new level began then."""

    judged: date | None = None
    breaches: tuple[Breach, ...] = ()
    left_out: frozenset[date] = frozenset()
    since: date | None = None

    def of(self, kind: Kind) -> Breach | None:
        return next((breach for breach in self.breaches if breach.kind is kind), None)

    def put(self, kind: Kind, breach: Breach | None) -> "State":
        others = tuple(one for one in self.breaches if one.kind is not kind)
        return replace(self, breaches=others if breach is None else (*others, breach))


@dataclass(frozen=True, slots=True)
class Opened:
    """lower, upper: between which the value should have been; None: no such limit. centre: of CONTROL_LIMITS."""

    kind: Kind
    figure: Figure
    lower: float | None
    upper: float | None
    centre: float | None = None


@dataclass(frozen=True, slots=True)
class Closed:
    kind: Kind
    day: date
    ending: Ending


Happening = Opened | Closed


@dataclass(frozen=True, slots=True)
class Alert:
    """sequence: of what happened to it last, of all alerts; opened_sequence: of its opening."""

    id: str
    kpi: str
    opened: Opened
    opened_at: datetime
    opened_sequence: int
    sequence: int
    closed: Closed | None = None
    closed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which alerts are asked for; what is empty does not limit them. after: what happened after this sequence."""

    kpis: tuple[str, ...] = ()
    open_only: bool = False
    after: int | None = None


def judge(
    watched: Watched, state: State, figures: Mapping[date, Figure], day: date
) -> tuple[State, tuple[Happening, ...]]:
    """figures: those there are, of the day and of LOOK_BACK before it. day: the one after the last judged."""
    window = _window(watched, figures, day)
    figure = window.get(day)
    after = replace(state, judged=day, left_out=frozenset(one for one in state.left_out if one >= day - LOOK_BACK))
    if figure is None:
        return after, ()
    after, of_target = _by_target(watched, after, figure)
    after, of_chart = _by_chart(watched, after, window, figure)
    return after, (*of_target, *of_chart)


def started(
    watched: Watched, figures: Mapping[date, Figure], first: date, last: date
) -> tuple[State, tuple[Happening, ...]]:
    """Of a KPI that was never judged: of all that would have been alerts, those that are open after the last day."""
    state, openings = State(), dict[Kind, Happening]()
    day = first
    while day <= last:
        state, happenings = judge(watched, state, figures, day)
        openings |= {one.kind: one for one in happenings if isinstance(one, Opened)}
        day += _DAY
    return state, tuple(openings[breach.kind] for breach in state.breaches)


def abandoned(state: State) -> tuple[Happening, ...]:
    """What ends because the KPI is not what it was."""
    return tuple(Closed(breach.kind, state.judged or breach.day, Ending.REDEFINED) for breach in state.breaches)


def check_company(caller: "Caller") -> None:
    """Forbidden: alerts are about all sources together, and a partner sees its own alone."""
    if caller.sources is not None:
        raise Forbidden("partners do not see the alerts of the company")


def _window(watched: Watched, figures: Mapping[date, Figure], day: date) -> dict[date, Figure]:
    """LOOK_BACK and the day itself. A day without anything to count counts zero, once anything was counted."""
    window = {one: figure for one, figure in figures.items() if day - LOOK_BACK <= one <= day}
    if watched.scale is Scale.COUNT and window:
        one = min(window)
        while one <= day:
            window.setdefault(one, Figure(one, 0, 0.0))
            one += _DAY
    return window


def _by_target(watched: Watched, state: State, figure: Figure) -> tuple[State, tuple[Happening, ...]]:
    if watched.scale is not Scale.COUNT and figure.n < FEWEST:
        return state, ()
    goal = watched.meant(figure.day)
    at_least = watched.direction is Direction.HIGHER_IS_BETTER
    met = goal is None or (figure.value >= goal.value if at_least else figure.value <= goal.value)
    breach = state.of(Kind.TARGET)
    if breach is not None:
        return _go_on(state, breach, figure, met)
    if met or goal is None:
        return state, ()
    lower, upper = (goal.value, None) if at_least else (None, goal.value)
    return state.put(Kind.TARGET, Breach(Kind.TARGET, figure.day)), (Opened(Kind.TARGET, figure, lower, upper),)


def _by_chart(
    watched: Watched, state: State, window: Mapping[date, Figure], figure: Figure
) -> tuple[State, tuple[Happening, ...]]:
    breach = state.of(Kind.CONTROL_LIMITS)
    chart = breach.chart if breach is not None else chart_of(watched.scale, _baseline(watched, state, window, figure))
    if chart is None or chart.thin(figure):
        return state, ()
    inside = chart.holds(figure, OUTSIDE if breach is None else INSIDE)
    if not inside:
        state = replace(state, left_out=state.left_out | {figure.day})
    if breach is not None:
        return _go_on(state, breach, figure, inside)
    if inside:
        return state, ()
    lower, upper = chart.limits(figure.n, OUTSIDE)
    opened = Opened(Kind.CONTROL_LIMITS, figure, lower, upper, chart.centre)
    return state.put(Kind.CONTROL_LIMITS, Breach(Kind.CONTROL_LIMITS, figure.day, chart=chart)), (opened,)


def _go_on(state: State, before: Breach, figure: Figure, inside: bool) -> tuple[State, tuple[Happening, ...]]:
    """One more day of a breach that is open."""
    breach = replace(before, judged=before.judged + 1, inside=before.inside + 1 if inside else 0)
    if breach.inside == BACK_INSIDE_DAYS:
        return state.put(breach.kind, None), (Closed(breach.kind, figure.day, Ending.BACK_INSIDE),)
    if breach.kind is Kind.CONTROL_LIMITS and breach.judged >= NEW_LEVEL_DAYS:
        state = replace(state.put(breach.kind, None), since=breach.day, left_out=frozenset())
        return state, (Closed(breach.kind, figure.day, Ending.NEW_LEVEL),)
    return state.put(breach.kind, breach), ()


def _baseline(watched: Watched, state: State, window: Mapping[date, Figure], figure: Figure) -> list[Figure]:
    """The days before it that were as they should be, oldest first."""
    earliest = state.since or date.min
    found = [
        before
        for day, before in sorted(window.items())
        if earliest <= day < figure.day
        and day not in state.left_out
        and (watched.scale is Scale.COUNT or before.n >= FEWEST)
    ]
    return found[-LONGEST_BASELINE:]
