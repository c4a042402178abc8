"""Events as metrics understands them: what one fact contributed until now, and what it contributes from now on."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Protocol

from chassis.errors import Forbidden, InvalidInput

if TYPE_CHECKING:
    from chassis.caller import Caller

# A duration of three hundred years is a mistake; beyond it sums of squares would leave 64 bits too early.
LARGEST_VALUE = 1e10
LONGEST_ID = 300
LONGEST_DIMENSION_VALUE = 256
LONGEST_TEXT = 1_000
MOST_DIMENSIONS = 16
MOST_ATTRIBUTES = 40

_NAME = re.compile(r"[a-z][a-z0-9_.]{0,79}")
_DIMENSION = re.compile(r"[a-z][a-z0-9_]{0,39}")
_REASON = re.compile(r"[A-Z][A-Z0-9_]{0,39}")


# What figures of every event can be kept by.
SYSTEM_DIMENSIONS = ("source", "touchpoint", "channel", "team", "employee", "category", "service", "campaign")
# Those with several values at once: over them nothing is ever summed.
MANY_VALUED = frozenset({"segment"})
# Not said by events: what the customer was when they began.
JOINED = ("segment", "stage")
# What expressions know of every event.
STANDARD_FACTS = ("value", "state", "started_at", "ended_at")


class AttributeKind(Enum):
    STRING = "STRING"
    NUMBER = "NUMBER"
    FLAG = "FLAG"


_PYTHON_KIND: Mapping[AttributeKind, type] = {
    AttributeKind.STRING: str,
    AttributeKind.NUMBER: float,
    AttributeKind.FLAG: bool,
}

AttributeValue = str | float | bool


@dataclass(frozen=True, slots=True)
class EventType:
    """What events of one name say.

    unit: of the value; None: it has none. waits: may have no end yet. producer: the service that can say all of them
    again from its own facts; None: the events themselves are the facts.
    """

    name: str
    description: str
    dimensions: tuple[str, ...] = ()
    attributes: Mapping[str, AttributeKind] = field(default_factory=dict)
    unit: str | None = None
    waits: bool = False
    built_in: bool = False
    producer: str | None = None

    @property
    def said_dimensions(self) -> tuple[str, ...]:
        return (*SYSTEM_DIMENSIONS, *self.dimensions)

    @property
    def all_dimensions(self) -> tuple[str, ...]:
        """Those that figures can be kept by: what the events say, and what their customers were at the time."""
        return (*self.said_dimensions, *(one for one in JOINED if one not in self.dimensions))


class UnknownEvent(InvalidInput):
    def __init__(self, name: str) -> None:
        super().__init__(f"there are no events named {name[:80]!r}", ("name",))


class State(Enum):
    COMPLETE = "COMPLETE"
    OPEN = "OPEN"
    CLOSED_UNANSWERED = "CLOSED_UNANSWERED"
    EXCLUDED = "EXCLUDED"
    NEGATIVE = "NEGATIVE"


@dataclass(frozen=True, slots=True)
class Observation:
    """The whole contribution of one fact. value: in the unit of the KPI, seconds for durations; None: only counted.

    dimensions: what is known of it (touchpoint, channel, team ...); an absent one is not known.
    """

    state: State
    started_at: datetime
    ended_at: datetime | None = None
    value: float | None = None
    dimensions: Mapping[str, str] | None = None
    customer_id: str | None = None
    source_record_id: str | None = None
    exclusion_reason: str | None = None
    attributes: Mapping[str, AttributeValue] | None = None

    @property
    def record(self) -> str | None:
        """What the figures of a customer are kept by: the source record, or the golden id where there is none."""
        return self.source_record_id or self.customer_id


@dataclass(frozen=True, slots=True)
class Event:
    """before: what the subject contributed under this name until now, taken back; after: what holds from now on."""

    id: str
    name: str
    subject_id: str
    source: str
    team_id: str | None = None
    owner_id: str | None = None
    before: Observation | None = None
    after: Observation | None = None

    @property
    def records(self) -> tuple[str, ...]:
        """The one it is about; two, where a correction gives it to another."""
        known = (one.record for one in (self.before, self.after) if one is not None)
        return tuple(dict.fromkeys(record for record in known if record is not None))


@dataclass(frozen=True, slots=True)
class Arrival:
    """An event as it is stored: its fields for rights and order, and the whole of it as it came in.

    recorded_at: when its producer recorded it, where the producer says so.
    """

    event: Event
    payload: bytes
    recorded_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Stored:
    """One stored event. position: its place in the order of commits of its partition."""

    id: str
    name: str
    position: int
    payload: bytes
    partition: int = 0


class EventRepository(Protocol):
    async def add(self, caller: "Caller", arrivals: Sequence[Arrival], received_at: datetime) -> set[str]:
        """Store those not stored yet; answers the ids that were known."""

    async def unfolded(self, caller: "Caller") -> int:
        """How many stored events are not in the figures yet."""


def check_type(type: EventType, known: EventType | None = None) -> None:
    """InvalidInput: it cannot be declared so. known: what was declared until now, of which nothing goes."""
    if not _NAME.fullmatch(type.name):
        raise InvalidInput(f"{type.name[:80]!r} is not the name of an event, such as machine.stopped", ("name",))
    taken = {*SYSTEM_DIMENSIONS, *JOINED, *STANDARD_FACTS}
    for place, names in (("dimensions", type.dimensions), ("attributes", tuple(type.attributes))):
        for name in names:
            if not _DIMENSION.fullmatch(name):
                raise InvalidInput(f"{name[:40]!r} is not a name such as product_line", (place,))
            if name in taken:
                raise InvalidInput(f"{name} comes twice, or every event has it", (place,))
            taken.add(name)
    if len(type.dimensions) > MOST_DIMENSIONS or len(type.attributes) > MOST_ATTRIBUTES:
        raise InvalidInput(f"at most {MOST_DIMENSIONS} dimensions and {MOST_ATTRIBUTES} attributes", ("attributes",))
    if known is None:
        return
    gone = {*known.dimensions, *known.attributes} - {*type.dimensions, *type.attributes}
    changed = {name for name, kind in known.attributes.items() if type.attributes.get(name, kind) is not kind}
    if gone or changed or (known.unit, known.waits) != (type.unit, type.waits):
        what = ", ".join(sorted(gone | changed)) or "unit and waits"
        raise InvalidInput(f"{what}: what stored events say can be added to, not changed", ("attributes",))


def check(event: Event, type: EventType) -> None:
    """InvalidInput, with the field, when the event cannot be counted."""
    if not event.id or len(event.id) > LONGEST_ID:
        raise InvalidInput(f"an event needs an id of at most {LONGEST_ID} characters", ("id",))
    if not event.subject_id or len(event.subject_id) > LONGEST_ID:
        raise InvalidInput(f"an event needs a subject of at most {LONGEST_ID} characters", ("subject_id",))
    if event.before is None and event.after is None:
        raise InvalidInput("an event needs before, after or both", ("after",))
    if len(event.source) > LONGEST_DIMENSION_VALUE:
        raise InvalidInput(f"a source has at most {LONGEST_DIMENSION_VALUE} characters", ("source",))
    for place, observation in (("before", event.before), ("after", event.after)):
        if observation is not None:
            _check_observation(observation, type, place)


def _check_observation(observation: Observation, type: EventType, place: str) -> None:
    value = observation.value
    if value is not None and not (math.isfinite(value) and abs(value) <= LARGEST_VALUE):
        raise InvalidInput(f"a value must be finite and at most {LARGEST_VALUE:.0e}", (place, "value"))
    for name, text in (observation.dimensions or {}).items():
        if name not in SYSTEM_DIMENSIONS and name not in type.dimensions:
            known = ", ".join(type.said_dimensions)
            raise InvalidInput(
                f"{name[:40]!r} is no dimension of {type.name}; its dimensions are {known}", (place, "dimensions")
            )
        if len(text) > LONGEST_DIMENSION_VALUE:
            raise InvalidInput(
                f"a dimension's value has at most {LONGEST_DIMENSION_VALUE} characters", (place, "dimensions", name)
            )
    for name, given in (observation.attributes or {}).items():
        kind = type.attributes.get(name)
        if kind is None:
            known = ", ".join(type.attributes) or "none"
            raise InvalidInput(
                f"{name[:40]!r} is no attribute of {type.name}; its attributes: {known}", (place, "attributes")
            )
        if not isinstance(given, _PYTHON_KIND[kind]) or (isinstance(given, str) and len(given) > LONGEST_TEXT):
            raise InvalidInput(f"{name} is a {kind.value}", (place, "attributes", name))
        if isinstance(given, float) and not math.isfinite(given):
            raise InvalidInput(f"{name} must be finite", (place, "attributes", name))
    reason = observation.exclusion_reason
    if reason is not None and not _REASON.fullmatch(reason):
        raise InvalidInput("a reason is a word such as SPAM", (place, "exclusion_reason"))
    if observation.customer_id is not None and len(observation.customer_id) > LONGEST_ID:
        raise InvalidInput(f"a customer's id has at most {LONGEST_ID} characters", (place, "customer_id"))


def check_writer(caller: "Caller", event: Event) -> None:
    """A partner writes events of its own sources only."""
    if caller.sources is not None and event.source not in caller.sources:
        raise Forbidden(f"{caller.subject} may not write events of the source {event.source!r}", ("source",))
