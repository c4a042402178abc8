"""An offer: to whom it may go, when, how often, and what it answers."""

import re
from dataclasses import dataclass, replace
from datetime import date
from enum import Enum

from chassis.errors import AlreadyExists, Conflict, InvalidInput, NotFound
from chassis.money import Money
from services.customers.consent.domain import ConsentPurpose
from services.customers.state.domain import VALUES, Dimension
from services.customers.touchpoint.domain import Channel

PREFIX = "off"
_KEY = re.compile(r"[a-z0-9][a-z0-9_-]{0,99}")
_LONGEST_TITLE = 200
_LONGEST_DESCRIPTION = 2_000
_LONGEST_NAME = 100
_MOST_NAMES = 50
_MOST_SHOWN = 1_000
_MOST_DAYS = 3_650
# Each is asked of every customer.
MOST_ACTIVE = 100


class Kind(Enum):
    """NEXT_STEP: something an employee does."""

    OFFER = "OFFER"
    NEXT_STEP = "NEXT_STEP"


class Step(Enum):
    """TASK needs no contact with the customer."""

    CALL = "CALL"
    MEETING = "MEETING"
    TASK = "TASK"


class OfferNotFound(NotFound):
    def __init__(self, id: str, path: tuple[str, ...] = ("id",)) -> None:
        super().__init__(f"there is no offer {id[:100]}", path)


class OfferKeyTaken(AlreadyExists):
    def __init__(self, key: str, version: int) -> None:
        super().__init__(f"there is an offer {key}, at version {version}: name it to change the offer", ("key",))


class TooManyOffers(Conflict):
    def __init__(self) -> None:
        super().__init__(f"at most {MOST_ACTIVE} offers are active at once: archive one first", ("key",))


class StaleVersion(Conflict):
    def __init__(self, key: str, present: int, made_from: int) -> None:
        super().__init__(f"{key} is at version {present}, the change was made from version {made_from}", ("version",))


@dataclass(frozen=True, slots=True)
class Cap:
    """At most so many times shown to a customer in so many days."""

    most: int
    days: int

    def __post_init__(self) -> None:
        if not 1 <= self.most <= _MOST_SHOWN:
            raise InvalidInput(f"1 to {_MOST_SHOWN} times", ("cap", "most"))
        if not 1 <= self.days <= _MOST_DAYS:
            raise InvalidInput(f"in 1 to {_MOST_DAYS} days", ("cap", "days"))


@dataclass(frozen=True, slots=True)
class Offer:
    """InvalidInput: what cannot be offered, with the field.

    eligibility: an expression over the facts of a customer; None: everybody. valid_to: the last day. excludes: keys of
    offers of which a customer has one alone, whichever names the other. stages: of the lifecycle; none: all.
    channels: the preferred first; none: any.
    """

    id: str
    key: str
    title: str
    description: str | None = None
    kind: Kind = Kind.OFFER
    step: Step | None = None
    eligibility: str | None = None
    value: Money | None = None
    valid_from: date | None = None
    valid_to: date | None = None
    excludes: tuple[str, ...] = ()
    cap: Cap | None = None
    topics: tuple[str, ...] = ()
    stages: tuple[str, ...] = ()
    purpose: ConsentPurpose = ConsentPurpose.MARKETING
    channels: tuple[Channel, ...] = ()
    active: bool = True
    source: str = "rundblick"
    version: int = 1

    def __post_init__(self) -> None:
        if not _KEY.fullmatch(self.key):
            raise InvalidInput("a key has 1 to 100 small letters, digits, - and _, such as care-plan", ("key",))
        if not self.title.strip() or len(self.title) > _LONGEST_TITLE:
            raise InvalidInput(f"a title has 1 to {_LONGEST_TITLE} characters", ("title",))
        if self.description is not None and len(self.description) > _LONGEST_DESCRIPTION:
            raise InvalidInput(f"a description has at most {_LONGEST_DESCRIPTION} characters", ("description",))
        if (self.step is None) != (self.kind is Kind.OFFER):
            raise InvalidInput("a NEXT_STEP names its step, an OFFER has none", ("step",))
        if self.value is not None and self.value.amount < 0:
            raise InvalidInput("a value is not below zero", ("value", "amount"))
        if self.valid_from is not None and self.valid_to is not None and self.valid_to < self.valid_from:
            raise InvalidInput(f"it ends on {self.valid_to}, before it begins on {self.valid_from}", ("valid_to",))
        for field, names in (("excludes", self.excludes), ("topics", self.topics), ("stages", self.stages)):
            _check_names(field, names)
        for place, stage in enumerate(self.stages):
            if stage not in VALUES[Dimension.LIFECYCLE_STAGE]:
                raise InvalidInput(f"{stage!r} is no stage of the lifecycle", ("stages", str(place)))
        if self.key in self.excludes:
            raise InvalidInput("an offer does not exclude itself", ("excludes",))
        if len(set(self.channels)) != len(self.channels):
            raise InvalidInput("each comes once", ("channels",))

    @property
    def needs_contact(self) -> bool:
        return self.step is not Step.TASK

    def holds(self, day: date) -> bool:
        """May it be offered on this day at all?"""
        begun = self.valid_from is None or self.valid_from <= day
        return self.active and begun and (self.valid_to is None or day <= self.valid_to)

    def goes_with(self, other: "Offer") -> bool:
        return other.key not in self.excludes and self.key not in other.excludes


def _check_names(field: str, names: tuple[str, ...]) -> None:
    for place, name in enumerate(names):
        if not name.strip() or len(name) > _LONGEST_NAME:
            raise InvalidInput(f"each has 1 to {_LONGEST_NAME} characters", (field, str(place)))
    if len(set(names)) != len(names):
        raise InvalidInput("each comes once", (field,))
    if len(names) > _MOST_NAMES:
        raise InvalidInput(f"at most {_MOST_NAMES}", (field,))


def redefined(known: Offer, made_from: int, said: Offer) -> Offer:
    """The next version, active again. StaleVersion: somebody else changed it in between."""
    _require(known, made_from)
    return replace(said, id=known.id, version=known.version + 1)


def archived(known: Offer, made_from: int) -> Offer:
    """StaleVersion: somebody else changed it in between."""
    _require(known, made_from)
    return replace(known, active=False, version=known.version + 1)


def _require(known: Offer, made_from: int) -> None:
    if known.version != made_from:
        raise StaleVersion(known.key, known.version, made_from)
