"""What a change is: something the company did at a moment, and since when its figures may be others."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING

from chassis.errors import Forbidden, InvalidInput, NotFound
from chassis.ids import prefix_of, with_prefix

if TYPE_CHECKING:
    from chassis.caller import Caller

PREFIX = "chg"
MEASURE = "mea"
LONGEST_NAME = 200
LONGEST_DESCRIPTION = 2_000
MOST_TOUCHPOINTS = 100


class ChangeKind(Enum):
    TOOL = "TOOL"
    PROCESS = "PROCESS"
    PRICE = "PRICE"
    OFFER = "OFFER"
    BUSINESS_MODEL = "BUSINESS_MODEL"
    STAFFING = "STAFFING"
    PRODUCT = "PRODUCT"
    SERVICE = "SERVICE"
    COMMUNICATION = "COMMUNICATION"


class ChangeNotFound(NotFound):
    def __init__(self, id: str) -> None:
        super().__init__(f"there is no change {id[:80]}", ("id",))


class NoAim(NotFound):
    def __init__(self, id: str) -> None:
        super().__init__(f"{id} aims at no KPI", ("aims_at",))


@dataclass(frozen=True, slots=True)
class Change:
    """InvalidInput: what cannot be recorded, with the field.

    introduced_at: may lie ahead, since what is planned can be recorded. touchpoints: where; none: everywhere.
    recorded_by: the subject of the caller. measure: that was introduced by it, at that version; aims_at: the key of the
    KPI that it is to move.
    """

    id: str
    name: str
    kind: ChangeKind
    introduced_at: datetime
    recorded_at: datetime
    recorded_by: str
    touchpoints: tuple[str, ...] = ()
    description: str | None = None
    team: str | None = None
    owner: str | None = None
    measure: str | None = None
    measure_version: int | None = None
    aims_at: str | None = None

    def __post_init__(self) -> None:
        if not self.name.strip() or len(self.name) > LONGEST_NAME:
            raise InvalidInput(f"a name has 1 to {LONGEST_NAME} characters", ("name",))
        if self.description is not None and len(self.description) > LONGEST_DESCRIPTION:
            raise InvalidInput(f"a description has at most {LONGEST_DESCRIPTION} characters", ("description",))
        object.__setattr__(self, "touchpoints", each_once(self.touchpoints))


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which changes are asked for; what is empty does not limit them.

    touchpoints: what changed at any of them; what changed everywhere did so there too. period: from, and before.
    """

    kinds: frozenset[ChangeKind] = frozenset()
    touchpoints: tuple[str, ...] = ()
    period: tuple[datetime, datetime] | None = None


def change_of(id: str) -> str:
    """The id of the change that a measure is, once it was introduced; of a change its own."""
    return with_prefix(PREFIX, id) if prefix_of(id) == MEASURE else id


def each_once(touchpoints: Sequence[str]) -> tuple[str, ...]:
    """In their order. InvalidInput: too many, or what is not the id of a touchpoint."""
    for place, id in enumerate(touchpoints):
        if prefix_of(id) != "tou":
            raise InvalidInput(
                f"{id[:40]!r} is not the id of a touchpoint: tou_ and a ULID", ("touchpoint_ids", str(place))
            )
    distinct = tuple(dict.fromkeys(touchpoints))
    if len(distinct) > MOST_TOUCHPOINTS:
        raise InvalidInput(f"at most {MOST_TOUCHPOINTS} touchpoints; none means everywhere", ("touchpoint_ids",))
    return distinct


def check_company(caller: "Caller") -> None:
    """Forbidden: what the company changes is no partner's business, whatever sources it has."""
    if caller.sources is not None:
        raise Forbidden("partners neither see nor record what the company changes")
