"""What a cell holds: only parts that can be added and taken back, so that corrections and merges are exact."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from services.metrics.event.domain import Observation, State
from services.metrics.kpi.domain import Aggregation, Kpi
from services.metrics.kpi.periods import UTC_DAYS, Zone
from services.metrics.rollup.distinct import Distinct
from services.metrics.rollup.sketch import Bins, key_of

MICRO = 1_000_000

# Names of the parts, short because each is stored in every cell:
# n complete, s sum and q sum of squares (in micro-units), h hit the target or true, o open, u closed unanswered,
# b.<bin> complete by value, c.<bin> closed unanswered by how long they waited, x.<reason> left out.
Flat = dict[str, int]


def parts_of(kpi: Kpi, observation: Observation) -> Flat:
    """The contribution of one observation, as its definition sees it."""
    state = observation.state
    if state is State.COMPLETE:
        if observation.value is None:
            return {"n": 1}
        if kpi.aggregation is Aggregation.RATE:
            return {"n": 1, "h": 1} if observation.value else {"n": 1}
        micro = round(observation.value * MICRO)
        flat = {"n": 1, "s": micro, "q": micro * micro, f"b.{key_of(observation.value)}": 1}
        if kpi.meets_target(observation.value):
            flat["h"] = 1
        return flat
    if state is State.OPEN:
        return {"o": 1}
    if state is State.CLOSED_UNANSWERED:
        ended = observation.ended_at or observation.started_at
        return {"u": 1, f"c.{key_of((ended - observation.started_at).total_seconds())}": 1}
    return {f"x.{observation.exclusion_reason or state.value}": 1}


# Which day of its month a wait began on, and how many days later it ended; NO_END: it did not, or has no length.
Place = tuple[int, str]
NO_END = "-"
_ENDED = (State.COMPLETE, State.CLOSED_UNANSWERED)


def place_of(kpi: Kpi, observation: Observation, zone: Zone) -> Place:
    """Where in its month a contribution is kept: so that any past day's end can be asked for."""
    started, ended = observation.started_at, observation.ended_at
    if not kpi.durations or ended is None or observation.state not in _ENDED:
        return zone.day(started).day, NO_END
    day = zone.day(started)
    return day.day, str(max((zone.day(ended) - day).days, 0))


def add(into: Flat, flat: Mapping[str, int], sign: int = 1) -> None:
    for name, value in flat.items():
        if name in into:
            into[name] += sign * value
        else:
            into[name] = sign * value


@dataclass
class Parts:
    """The sum over cells."""

    n: int = 0
    sum: int = 0
    squares: int = 0
    hit: int = 0
    open: int = 0
    unanswered: int = 0
    bins: Bins = field(default_factory=Bins)
    censored: Bins = field(default_factory=Bins)
    excluded: Flat = field(default_factory=dict)

    def add(self, stored: Mapping[str, Any], sign: int = 1) -> None:
        """Add the parts of a cell: bins and reasons nested, sums as whole numbers. sign: -1 takes them away."""
        for name, value in stored.items():
            if name == "b":
                self.bins.add(value, sign)
            elif name == "c":
                self.censored.add(value, sign)
            elif name == "x":
                add(self.excluded, value, sign)
            else:
                attribute = _ATTRIBUTE[name]
                setattr(self, attribute, getattr(self, attribute) + sign * value)

    def merge(self, other: "Parts", sign: int = 1) -> None:
        for name in _ATTRIBUTE.values():
            setattr(self, name, getattr(self, name) + sign * getattr(other, name))
        self.bins.add(other.bins, sign)
        self.censored.add(other.censored, sign)
        add(self.excluded, other.excluded, sign)

    def minus(self, others: Iterable["Parts"]) -> "Parts":
        """What remains of this without the others."""
        rest = Parts()
        rest.merge(self)
        for other in others:
            rest.merge(other, -1)
        return rest

    @property
    def received(self) -> int:
        return self.n + self.open + self.unanswered

    @property
    def empty(self) -> bool:
        return not self.received and not any(self.excluded.values())


_ATTRIBUTE = {"n": "n", "s": "sum", "q": "squares", "h": "hit", "o": "open", "u": "unanswered"}


def month_of(at: date) -> str:
    return f"{at.year:04}-{at.month:02}"


@dataclass(frozen=True, slots=True)
class Query:
    """Cells of one KPI. dimensions: a declared set; where: conditions on some of them; half-open days.

    days: is each day wanted on its own? as_of: as things stood when this day began; None: as they stand now.
    """

    kpi: Kpi
    dimensions: tuple[str, ...]
    where: tuple[tuple[str, tuple[str, ...]], ...]
    start: date
    end: date
    days: bool = False
    as_of: date | None = None
    zone: Zone = UTC_DAYS


@dataclass
class Group:
    """What was found for one combination of dimension values: the sum, or per day where days are wanted.

    waiting: who waited as of the past day asked for and has ended since, by start day where days are wanted.
    sets: of each day, the different customers, where they are what is counted.
    """

    parts: Parts = field(default_factory=Parts)
    days: dict[date, Parts] = field(default_factory=dict)
    waiting: "dict[date | None, OpenWaits]" = field(default_factory=dict)
    sets: list[tuple[date, Distinct]] = field(default_factory=list)


@dataclass
class OpenWaits:
    """Those that still wait, at one moment. bins: by how long; due_later: not over the target yet."""

    bins: Flat = field(default_factory=dict)
    due_later: int = 0
    oldest: datetime | None = None

    def add(self, key: str, count: int, due_later: int, oldest: datetime) -> None:
        self.bins[key] = self.bins.get(key, 0) + count
        self.due_later += due_later
        self.oldest = oldest if self.oldest is None else min(self.oldest, oldest)
