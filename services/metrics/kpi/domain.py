"""What a KPI is."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum

from chassis.errors import Conflict, InvalidInput, NotFound

# Without U, I, L, O, as in every id.
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

DimensionSet = tuple[str, ...]
TOTAL: DimensionSet = ()


class Aggregation(Enum):
    """RATE: the share of those whose value is true; or, `of` another KPI, of those within its target."""

    COUNT = "COUNT"
    SUM = "SUM"
    MEAN = "MEAN"
    QUANTILE = "QUANTILE"
    RATE = "RATE"
    DISTINCT_CUSTOMERS = "DISTINCT_CUSTOMERS"
    RATIO = "RATIO"


class Direction(Enum):
    HIGHER_IS_BETTER = "HIGHER_IS_BETTER"
    LOWER_IS_BETTER = "LOWER_IS_BETTER"


class Phase(Enum):
    """Of a version. WAITING: the folder has not seen it yet. FILLING: counts what comes in; stored events follow.

    RETIRED: another version has taken over, or it was archived.
    """

    WAITING = "WAITING"
    FILLING = "FILLING"
    COMPLETE = "COMPLETE"
    RETIRED = "RETIRED"


class KpiNotFound(NotFound):
    def __init__(self, asked: str) -> None:
        super().__init__(f"there is no KPI {asked[:80]}", ("kpi",))


class StaleVersion(Conflict):
    def __init__(self, key: str, newest: int) -> None:
        super().__init__(f"the newest version of {key} is {newest}", ("version",))


@dataclass(frozen=True, slots=True)
class Target:
    """value: inclusive, in the KPI's unit. since, until: for when it is meant, and by when it shall be reached."""

    value: float
    since: date | None = None
    until: date | None = None


@dataclass(frozen=True, slots=True)
class BackFill:
    """How far the counting of stored events has come; total: of all partitions."""

    job: str
    total: int = 0
    done: int = 0
    started_at: datetime | None = None
    finished_at: datetime | None = None

    def forecast(self, now: datetime) -> datetime | None:
        """When it will be done at the pace it had so far; None: it is, or nothing can be said yet."""
        if self.finished_at is not None or self.started_at is None or not self.done:
            return None
        return now + (now - self.started_at) * ((self.total - self.done) / self.done)


@dataclass(frozen=True, slots=True)
class Kpi:
    """One version of a definition.

    event: the name of the events it is computed from; filter, value: CEL over them. of: keys of the KPIs it is derived
    from; then it has no events. waits: its events have a start and an end. counted: the version whose cells hold its
    figures, since not every change makes other figures. counted_from: what began before is in no figure of it.
    """

    key: str
    name: str
    aggregation: Aggregation
    unit: str
    direction: Direction
    description: str = ""
    event: str = ""
    filter: str | None = None
    value: str | None = None
    quantile: float | None = None
    of: tuple[str, ...] = ()
    goal: Target | None = None
    sets: tuple[DimensionSet, ...] = (TOTAL,)
    per_customer: bool = False
    owner: str | None = None
    waits: bool = False
    version: int = 1
    counted: int = 1
    phase: Phase = Phase.COMPLETE
    back_fill: BackFill | None = None
    counted_from: datetime | None = None
    archived_at: datetime | None = None
    built_in: bool = False

    @property
    def id(self) -> str:
        """Made from the key: the same in every deployment."""
        number = int.from_bytes(hashlib.sha256(self.key.encode()).digest()[:16], "big")
        letters = []
        for _ in range(26):
            number, rest = divmod(number, 32)
            letters.append(_ALPHABET[rest])
        return "kpi_" + "".join(reversed(letters))

    @property
    def cells(self) -> str:
        """The name its figures are kept under."""
        return f"{self.key}/{self.counted}"

    @property
    def target(self) -> float | None:
        return self.goal.value if self.goal is not None else None

    @property
    def durations(self) -> bool:
        """Does it measure waits, which may be open?"""
        return self.waits and self.value is None and self.aggregation in (Aggregation.MEAN, Aggregation.QUANTILE)

    def meets_target(self, value: float) -> bool:
        if self.goal is None:
            return False
        if self.direction is Direction.LOWER_IS_BETTER:
            return value <= self.goal.value
        return value >= self.goal.value

    def set_of(self, dimensions: Iterable[str]) -> DimensionSet:
        """The declared set of exactly these dimensions. InvalidInput lists those that are declared."""
        wanted = frozenset(dimensions)
        for declared in self.sets:
            if frozenset(declared) == wanted:
                return declared
        known = "; ".join(", ".join(declared) for declared in self.sets if declared)
        asked = ", ".join(sorted(wanted))
        said = f"It is kept by: {known}" if known else "It is kept in total alone"
        raise InvalidInput(f"{self.key} is not kept by {asked}. {said}", ("where",))

    @property
    def counting(self) -> tuple[object, ...]:
        """All that its figures depend on: where this is the same, so are they."""
        return (
            self.event,
            self.filter,
            self.value,
            self.of,
            _FIGURES_OF[self.aggregation],
            frozenset(self.sets),
            (self.target, self.direction) if self.target is not None else None,
            self.per_customer,
        )


# Aggregations that read the same parts differently.
_FIGURES_OF = {kind: kind.value for kind in Aggregation} | dict.fromkeys(
    (Aggregation.SUM, Aggregation.MEAN, Aggregation.QUANTILE), "values"
)
