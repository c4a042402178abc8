"""What a segment is, and who belongs to it since when."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from chassis.errors import AlreadyExists, Conflict, InvalidInput, NotFound
from services.customers.job.domain import Job

PREFIX = "seg"
CHANGE_PREFIX = "sgc"
_KEY = re.compile(r"[a-z0-9][a-z0-9_-]{0,99}")
_LONGEST_NAME = 200
_LONGEST_DESCRIPTION = 2_000
_LONGEST_EXPECTATION = 500
_MOST_EXPECTATIONS = 50
# Each is asked of every customer.
MOST_ACTIVE = 100
# Customers put into a list, or taken out of it, at once.
MOST_PICKED = 1_000


class SegmentNotFound(NotFound):
    def __init__(self, id: str, path: tuple[str, ...] = ("id",)) -> None:
        super().__init__(f"there is no segment {id[:100]}", path)


class SegmentKeyTaken(AlreadyExists):
    def __init__(self, key: str, version: int) -> None:
        super().__init__(f"there is a segment {key}, at version {version}: name it to change the segment", ("key",))


class TooManySegments(Conflict):
    def __init__(self) -> None:
        super().__init__(f"at most {MOST_ACTIVE} segments are active at once: archive one first", ("key",))


class StaleVersion(Conflict):
    def __init__(self, key: str, present: int, made_from: int) -> None:
        super().__init__(f"{key} is at version {present}, the change was made from version {made_from}", ("version",))


@dataclass(frozen=True, slots=True)
class TargetMarket:
    """Whom it stands for, in words. company_size: such as "50 to 250 people"."""

    industry: str | None = None
    region: str | None = None
    company_size: str | None = None

    def __post_init__(self) -> None:
        said = (("industry", self.industry), ("region", self.region), ("company_size", self.company_size))
        for name, text in said:
            if text is not None and not 1 <= len(text.strip()) <= _LONGEST_NAME:
                raise InvalidInput(f"it has 1 to {_LONGEST_NAME} characters", ("target_market", name))


@dataclass(frozen=True, slots=True)
class Segment:
    """InvalidInput: what cannot be kept, with the field.

    expectations: of the market. rule: an expression over the facts of a customer; None: customers are picked one by
    one. owner: the accountable employee, team: theirs.
    """

    id: str
    key: str
    name: str
    description: str | None = None
    expectations: tuple[str, ...] = ()
    market: TargetMarket = TargetMarket()
    rule: str | None = None
    active: bool = True
    owner: str | None = None
    team: str | None = None
    source: str = "rundblick"
    version: int = 1

    def __post_init__(self) -> None:
        if not _KEY.fullmatch(self.key):
            raise InvalidInput("a key has 1 to 100 small letters, digits, - and _, such as repeat-buyers", ("key",))
        if not self.name.strip() or len(self.name) > _LONGEST_NAME:
            raise InvalidInput(f"a name has 1 to {_LONGEST_NAME} characters", ("name",))
        if self.description is not None and len(self.description) > _LONGEST_DESCRIPTION:
            raise InvalidInput(f"a description has at most {_LONGEST_DESCRIPTION} characters", ("description",))
        if len(self.expectations) > _MOST_EXPECTATIONS:
            raise InvalidInput(f"at most {_MOST_EXPECTATIONS}", ("expectations",))
        for place, text in enumerate(self.expectations):
            if not text.strip() or len(text) > _LONGEST_EXPECTATION:
                raise InvalidInput(f"each has 1 to {_LONGEST_EXPECTATION} characters", ("expectations", str(place)))


def defined(said: Segment, known: Segment | None, made_from: int | None) -> Segment:
    """A new one, or the next version, active again.

    SegmentKeyTaken, SegmentNotFound: there is one already, or none. StaleVersion: somebody else changed it in between.
    InvalidInput: a list shall become a rule, or a rule a list.
    """
    if known is None:
        if made_from is not None:
            raise SegmentNotFound(said.key, ("key",))
        return said
    if made_from is None:
        raise SegmentKeyTaken(known.key, known.version)
    _require(known, made_from)
    if (known.rule is None) != (said.rule is None):
        raise InvalidInput("who was picked one by one stays so, and a rule stays a rule: define another key", ("rule",))
    return replace(said, id=known.id, version=known.version + 1)


def archived(known: Segment, made_from: int) -> Segment:
    """StaleVersion: somebody else changed it in between."""
    _require(known, made_from)
    return replace(known, active=False, version=known.version + 1)


@dataclass(frozen=True, slots=True)
class Shown:
    """A segment as it is looked at. size: customers; errors: those for whom the rule has no result.

    evaluation: the job that asks all customers; None: all were asked.
    """

    segment: Segment
    size: int
    errors: int
    evaluation: Job | None


def _require(known: Segment, made_from: int) -> None:
    if known.version != made_from:
        raise StaleVersion(known.key, known.version, made_from)


def asks_anew(before: Segment | None, after: Segment) -> bool:
    """Does another set of customers belong to it than before?"""
    if before is None:
        return after.rule is not None
    return (before.rule, before.active) != (after.rule, after.active)


def check_list(segment: Segment) -> None:
    """InvalidInput: nobody is picked for it."""
    if segment.rule is not None:
        raise InvalidInput(f"{segment.key} has a rule: customers belong to it by that alone", ("segment_id",))
    if not segment.active:
        raise InvalidInput(f"{segment.key} is archived", ("segment_id",))


@dataclass(frozen=True, slots=True)
class Membership:
    """Where one customer belongs. since: segment -> since when. faults: segments whose rule had no result.

    owner: the customer's, as of the last look.
    """

    customer: str
    since: Mapping[str, datetime] = field(default_factory=dict)
    faults: frozenset[str] = frozenset()
    owner: str | None = None
    judged_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """From `at` on the customer, by the golden id at that time, belongs to a segment, or no longer."""

    customer: str
    segment: str
    member: bool
    at: datetime


def settled(
    before: Membership, belongs: Iterable[str], faults: Iterable[str], now: datetime
) -> tuple[Membership, list[Change]]:
    """As it is from now on; who belonged before goes on to since then."""
    wanted = set(belongs)
    since = {segment: before.since.get(segment, now) for segment in sorted(wanted)}
    entered = [
        Change(before.customer, segment, member=True, at=now) for segment in sorted(wanted - before.since.keys())
    ]
    left = [Change(before.customer, segment, member=False, at=now) for segment in sorted(before.since.keys() - wanted)]
    return replace(before, since=since, faults=frozenset(faults), judged_at=now), [*entered, *left]
