"""What a policy promises, and from when on."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from chassis.errors import AlreadyExists, Conflict, InvalidInput, NotFound
from services.feedback.enquiry.domain.facts import WaitKind

PREFIX = "slp"
# Each may be asked of every enquiry.
MOST_ACTIVE = 100
AT_RISK_SHARE = 0.8
_KEY = re.compile(r"[a-z0-9][a-z0-9_-]{0,99}")
_LONGEST_NAME = 200
_LONGEST_TARGET = timedelta(days=366)


class PolicyNotFound(NotFound):
    def __init__(self, id: str, path: str = "id") -> None:
        super().__init__(f"there is no service level {id[:100]}", (path,))


class PolicyKeyTaken(AlreadyExists):
    def __init__(self, key: str, version: int) -> None:
        super().__init__(f"there is a service level {key}, at version {version}: name it to change it", ("key",))


class TooManyPolicies(Conflict):
    def __init__(self) -> None:
        super().__init__(f"at most {MOST_ACTIVE} service levels are active at once: archive one first", ("key",))


class StaleVersion(Conflict):
    def __init__(self, key: str, present: int, made_from: int) -> None:
        super().__init__(f"{key} is at version {present}, the change was made from version {made_from}", ("version",))


@dataclass(frozen=True, slots=True)
class Target:
    """A wait lasts at most so long; exactly so long is in time. business: of the time in which somebody is there."""

    kind: WaitKind
    most: timedelta
    business: bool = False


@dataclass(frozen=True, slots=True)
class Policy:
    """One version. InvalidInput: what cannot be kept, with the field.

    condition: an expression over the enquiry; None: all. order: of several that hold the lowest counts, then the first
    by key. pauses: the time to resolution stands still while the enquiry is PENDING. at_risk_share: of the target.
    since, until: it holds for waits that begin in between; until None: it still does.
    """

    id: str
    key: str
    name: str
    targets: tuple[Target, ...]
    since: datetime
    condition: str | None = None
    order: int = 0
    pauses: bool = False
    at_risk_share: float = AT_RISK_SHARE
    until: datetime | None = None
    active: bool = True
    source: str = "rundblick"
    version: int = 1

    def __post_init__(self) -> None:
        if not _KEY.fullmatch(self.key):
            raise InvalidInput("a key has 1 to 100 small letters, digits, - and _, such as gold-support", ("key",))
        if not self.name.strip() or len(self.name) > _LONGEST_NAME:
            raise InvalidInput(f"a name has 1 to {_LONGEST_NAME} characters", ("name",))
        if not 0 < self.at_risk_share <= 1:
            raise InvalidInput("the share lies above 0 and is at most 1", ("at_risk_share",))
        if not self.targets or len({target.kind for target in self.targets}) < len(self.targets):
            raise InvalidInput("there is at least one target, and at most one of each kind", ("targets",))
        for place, target in enumerate(self.targets):
            if not timedelta(0) < target.most <= _LONGEST_TARGET:
                raise InvalidInput("a target is longer than 0 and at most 366 days", ("targets", str(place), "seconds"))

    def holds_at(self, moment: datetime) -> bool:
        return self.active and self.since <= moment and (self.until is None or moment < self.until)


def defined(said: Policy, known: Policy | None, made_from: int | None) -> Policy:
    """A new one, or the next version, active again.

    PolicyKeyTaken, PolicyNotFound: there is one already, or none. StaleVersion: somebody else changed it in between.
    """
    if known is None:
        if made_from is not None:
            raise PolicyNotFound(said.key, "key")
        return said
    if made_from is None:
        raise PolicyKeyTaken(known.key, known.version)
    _require(known, made_from)
    return replace(said, id=known.id, version=known.version + 1)


def archived(known: Policy, made_from: int, now: datetime) -> Policy:
    """StaleVersion: somebody else changed it in between."""
    _require(known, made_from)
    return replace(known, active=False, since=now, version=known.version + 1)


def _require(known: Policy, made_from: int) -> None:
    if known.version != made_from:
        raise StaleVersion(known.key, known.version, made_from)


def in_order(policies: Iterable[Policy]) -> list[Policy]:
    """The first that holds counts."""
    return sorted(policies, key=lambda one: (one.order, one.key, one.version))
