"""What a calendar says, and where it holds."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import pairwise

from chassis.errors import AlreadyExists, Conflict, InvalidInput, NotFound

PREFIX = "cal"
# All of them are read with each write.
MOST = 200
DAY = 24 * 60
_KEY = re.compile(r"[a-z0-9][a-z0-9_-]{0,99}")
_LONGEST_NAME = 200
_MOST_EXCEPTIONS = 2_000
_MOST_PLACES = 1_000


class CalendarNotFound(NotFound):
    def __init__(self, key: str) -> None:
        super().__init__(f"there is no calendar {key[:100]}", ("key",))


class CalendarKeyTaken(AlreadyExists):
    def __init__(self, key: str, version: int) -> None:
        super().__init__(f"there is a calendar {key}, at version {version}: name it to change the calendar", ("key",))


class PlaceTaken(AlreadyExists):
    def __init__(self, place: str, key: str, path: tuple[str, ...]) -> None:
        super().__init__(f"{place} has the calendar {key} already", path)


class StaleVersion(Conflict):
    def __init__(self, key: str, present: int, made_from: int) -> None:
        super().__init__(f"{key} is at version {present}, the change was made from version {made_from}", ("version",))


@dataclass(frozen=True, slots=True)
class Interval:
    """Minutes since midnight by the clock on the wall; the end, at most 1440, is not part of it."""

    begin: int
    end: int

    def __post_init__(self) -> None:
        if not 0 <= self.begin < self.end <= DAY:
            raise InvalidInput("hours begin before they end, between 00:00 and 24:00")


Intervals = tuple[Interval, ...]


@dataclass(frozen=True, slots=True)
class Calendar:
    """InvalidInput: what cannot be kept, with the field.

    week: the hours of each weekday, Monday first. country, subdivision: whose public holidays are closed, ISO 3166.
    exceptions: days with other hours, none: closed; they come before holidays and weekdays. touchpoints, teams: where
    it holds; a touchpoint's comes before a team's, and default where neither has one.
    """

    id: str
    key: str
    name: str
    zone: str
    week: tuple[Intervals, ...]
    country: str | None = None
    subdivision: str | None = None
    exceptions: Mapping[date, Intervals] = field(default_factory=dict)
    touchpoints: tuple[str, ...] = ()
    teams: tuple[str, ...] = ()
    default: bool = False
    source: str = "rundblick"
    version: int = 1

    def __post_init__(self) -> None:
        if not _KEY.fullmatch(self.key):
            raise InvalidInput("a key has 1 to 100 small letters, digits, - and _, such as support-berlin", ("key",))
        if not self.name.strip() or len(self.name) > _LONGEST_NAME:
            raise InvalidInput(f"a name has 1 to {_LONGEST_NAME} characters", ("name",))
        if len(self.exceptions) > _MOST_EXCEPTIONS:
            raise InvalidInput(f"at most {_MOST_EXCEPTIONS} exceptions", ("exceptions",))
        if max(len(self.touchpoints), len(self.teams)) > _MOST_PLACES:
            raise InvalidInput(f"at most {_MOST_PLACES}", ("touchpoints",))
        for intervals in self.week:
            _require_apart(intervals, "hours")
        for intervals in self.exceptions.values():
            _require_apart(intervals, "exceptions")
        if not any(self.week) and not any(self.exceptions.values()):
            raise InvalidInput("it is never open", ("hours",))


def _require_apart(intervals: Intervals, path: str) -> None:
    if any(after.begin < before.end for before, after in pairwise(intervals)):
        raise InvalidInput("the hours of a day come one after the other and do not overlap", (path,))


def defined(said: Calendar, known: Sequence[Calendar], made_from: int | None) -> Calendar:
    """A new one, or the next version. known: all there are.

    CalendarKeyTaken, CalendarNotFound: there is one already, or none. StaleVersion: somebody else changed it in
    between. PlaceTaken: another calendar holds there. InvalidInput: there are too many.
    """
    before = next((one for one in known if one.key == said.key), None)
    if before is None and made_from is not None:
        raise CalendarNotFound(said.key)
    if before is None and len(known) >= MOST:
        raise InvalidInput(f"there are {MOST} calendars, that is the most", ("key",))
    if before is not None:
        if made_from is None:
            raise CalendarKeyTaken(before.key, before.version)
        if before.version != made_from:
            raise StaleVersion(before.key, before.version, made_from)
        said = replace(said, id=before.id, version=before.version + 1)
    for other in known:
        if other.key != said.key:
            _require_free(said.touchpoints, other.touchpoints, other.key, "touchpoints")
            _require_free(said.teams, other.teams, other.key, "teams")
            if said.default and other.default:
                raise PlaceTaken("whoever has none of their own", other.key, ("default",))
    return said


def _require_free(wanted: Iterable[str], taken: Iterable[str], key: str, path: str) -> None:
    for place in sorted({*wanted} & {*taken}):
        raise PlaceTaken(place, key, (path,))


def measures_anew(before: Calendar | None, after: Calendar) -> bool:
    """Is time measured otherwise than before?"""
    return before is None or replace(before, name=after.name, version=after.version) != after
