"""Events as metrics understands them: what one fact contributed until now, and what it contributes from now on."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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

_NAME = re.compile(r"[a-z][a-z0-9_.]{0,79}")
_DIMENSION = re.compile(r"[a-z][a-z0-9_]{0,39}")
_REASON = re.compile(r"[A-Z][A-Z0-9_]{0,39}")


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
    position: int
    payload: bytes


class EventRepository(Protocol):
    async def add(self, caller: "Caller", arrivals: Sequence[Arrival], received_at: datetime) -> set[str]:
        """Store those not stored yet; answers the ids that were known."""

    async def unfolded(self, caller: "Caller") -> int:
        """How many stored events are not in the figures yet."""


def check(event: Event) -> None:
    """InvalidInput, with the field, when the event cannot be counted."""
    if not event.id or len(event.id) > LONGEST_ID:
        raise InvalidInput(f"an event needs an id of at most {LONGEST_ID} characters", ("id",))
    if not _NAME.fullmatch(event.name):
        raise InvalidInput(f"{event.name[:80]!r} is not the name of an event, such as wait.first", ("name",))
    if not event.subject_id or len(event.subject_id) > LONGEST_ID:
        raise InvalidInput(f"an event needs a subject of at most {LONGEST_ID} characters", ("subject_id",))
    if event.before is None and event.after is None:
        raise InvalidInput("an event needs before, after or both", ("after",))
    if len(event.source) > LONGEST_DIMENSION_VALUE:
        raise InvalidInput(f"a source has at most {LONGEST_DIMENSION_VALUE} characters", ("source",))
    for field, observation in (("before", event.before), ("after", event.after)):
        if observation is not None:
            _check_observation(observation, field)


def _check_observation(observation: Observation, field: str) -> None:
    value = observation.value
    if value is not None and not (math.isfinite(value) and abs(value) <= LARGEST_VALUE):
        raise InvalidInput(f"a value must be finite and at most {LARGEST_VALUE:.0e}", (field, "value"))
    for name, text in (observation.dimensions or {}).items():
        if not _DIMENSION.fullmatch(name):
            raise InvalidInput(f"{name[:40]!r} is not the name of a dimension", (field, "dimensions"))
        if len(text) > LONGEST_DIMENSION_VALUE:
            raise InvalidInput(
                f"a dimension's value has at most {LONGEST_DIMENSION_VALUE} characters", (field, "dimensions", name)
            )
    reason = observation.exclusion_reason
    if reason is not None and not _REASON.fullmatch(reason):
        raise InvalidInput("a reason is a word such as SPAM", (field, "exclusion_reason"))
    if observation.customer_id is not None and len(observation.customer_id) > LONGEST_ID:
        raise InvalidInput(f"a customer's id has at most {LONGEST_ID} characters", (field, "customer_id"))


def check_writer(caller: "Caller", event: Event) -> None:
    """A partner writes events of its own sources only."""
    if caller.sources is not None and event.source not in caller.sources:
        raise Forbidden(f"{caller.subject} may not write events of the source {event.source!r}", ("source",))
