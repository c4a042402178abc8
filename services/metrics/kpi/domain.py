"""What a KPI is, and those that every company has."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum

from chassis.errors import InvalidInput, NotFound

# Without U, I, L, O, as in every id.
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

DimensionSet = tuple[str, ...]

# Each may be asked for alone, touchpoint and category also together; () is the total.
STANDARD_SETS: tuple[DimensionSet, ...] = (
    (),
    ("source",),
    ("touchpoint",),
    ("channel",),
    ("team",),
    ("employee",),
    ("category",),
    ("service",),
    ("touchpoint", "category"),
)


class Aggregation(Enum):
    COUNT = "COUNT"
    SUM = "SUM"
    MEAN = "MEAN"
    QUANTILE = "QUANTILE"


class Direction(Enum):
    HIGHER_IS_BETTER = "HIGHER_IS_BETTER"
    LOWER_IS_BETTER = "LOWER_IS_BETTER"


class KpiNotFound(NotFound):
    def __init__(self, asked: str) -> None:
        super().__init__(f"there is no KPI {asked}", ("kpi",))


@dataclass(frozen=True, slots=True)
class Kpi:
    """event: the name of the events it is computed from. target: inclusive, in `unit`."""

    key: str
    name: str
    event: str
    aggregation: Aggregation
    unit: str
    direction: Direction
    description: str
    quantile: float | None = None
    target: float | None = None
    sets: tuple[DimensionSet, ...] = STANDARD_SETS
    version: int = 1

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
    def durations(self) -> bool:
        """Does it measure waits, which may be open?"""
        return self.unit == "s"

    def set_of(self, dimensions: Iterable[str]) -> DimensionSet:
        """The declared set of exactly these dimensions. InvalidInput lists those that are declared."""
        wanted = frozenset(dimensions)
        for declared in self.sets:
            if frozenset(declared) == wanted:
                return declared
        known = "; ".join(", ".join(declared) for declared in self.sets if declared)
        asked = ", ".join(sorted(wanted))
        raise InvalidInput(f"{self.key} is not kept by {asked}. It is kept by: {known}", ("where",))


def _duration(key: str, name: str, event: str, description: str, target: float | None = None) -> Kpi:
    return Kpi(
        key=key,
        name=name,
        event=event,
        aggregation=Aggregation.QUANTILE,
        quantile=0.5,
        unit="s",
        direction=Direction.LOWER_IS_BETTER,
        description=description,
        target=target,
    )


BUILT_IN = (
    _duration(
        "first_response_time",
        "First response time",
        "wait.first",
        "From the customer's first message to the first public answer by a human; the median.",
        86_400,
    ),
    _duration(
        "next_response_time",
        "Next response time",
        "wait.next",
        "From the earliest unanswered message of the customer to the next public answer by a human; the median.",
        86_400,
    ),
    _duration(
        "first_resolution_time",
        "First resolution time",
        "resolution.first",
        "From opening to the first resolution; the median.",
    ),
    _duration(
        "total_resolution_time",
        "Total resolution time",
        "resolution.total",
        "The time in which it was not resolved, over all reopenings; the median.",
    ),
    Kpi(
        key="enquiries",
        name="Enquiries",
        event="enquiry.opened",
        aggregation=Aggregation.COUNT,
        unit="1",
        direction=Direction.HIGHER_IS_BETTER,
        description="How many enquiries were opened; spam and duplicates are not counted.",
    ),
)


class Catalogue:
    """The KPIs of this deployment, by key, by id and by the event they are computed from."""

    def __init__(self, kpis: Iterable[Kpi] = BUILT_IN) -> None:
        self.all = tuple(sorted(kpis, key=lambda kpi: kpi.key))
        self._known: Mapping[str, Kpi] = {name: kpi for kpi in self.all for name in (kpi.key, kpi.id)}
        by_event: dict[str, list[Kpi]] = {}
        for kpi in self.all:
            by_event.setdefault(kpi.event, []).append(kpi)
        self._by_event = by_event

    def get(self, asked: str) -> Kpi:
        """By key or id."""
        try:
            return self._known[asked]
        except KeyError:
            raise KpiNotFound(asked) from None

    def of_event(self, name: str) -> Iterable[Kpi]:
        return self._by_event.get(name, ())
