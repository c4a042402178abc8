"""How much business time lies between two moments, and when so much has passed: exact, and quick over years.

A moment is business time when the clock on the wall says so: an hour that comes twice in autumn counts twice, and one
that is left out in spring does not count. So time is cut where the offset from UTC changes, and between two cuts days
on the wall are all alike.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Protocol
from zoneinfo import ZoneInfo

from services.feedback.calendar.domain.calendar import Calendar, Intervals

_ZERO = timedelta(0)
_DAY = timedelta(days=1)
# A promise of business time that takes longer than this is never due.
_HORIZON = timedelta(days=3_660)

# Is it a public holiday?
Holiday = Callable[[date], bool]


class Clock(Protocol):
    """Time as it counts."""

    def passed(self, start: datetime, end: datetime) -> timedelta:
        """How much of it lies between the two; none when the end comes before the start."""

    def after(self, start: datetime, much: timedelta) -> datetime | None:
        """The first moment at which so much has passed; None: never."""

    def beyond(self, start: datetime, much: timedelta) -> datetime | None:
        """The last moment at which no more than that has passed; None: it never ends."""


class Elapsed:
    """All time counts."""

    def passed(self, start: datetime, end: datetime) -> timedelta:
        return max(end - start, _ZERO)

    def after(self, start: datetime, much: timedelta) -> datetime | None:
        return start + much

    def beyond(self, start: datetime, much: timedelta) -> datetime | None:
        return start + much


class Hours:
    """The business time of one calendar."""

    def __init__(self, calendar: Calendar, is_holiday: Holiday) -> None:
        self.calendar = calendar
        self._is_holiday = is_holiday
        # By year: how much lies before each of its days, in minutes, and last how much all of it has.
        self._minutes: dict[int, list[int]] = {}

    def of(self, day: date) -> Intervals:
        exception = self.calendar.exceptions.get(day)
        if exception is not None:
            return exception
        return () if self._is_holiday(day) else self.calendar.week[day.weekday()]

    def passed(self, start: datetime, end: datetime) -> timedelta:
        pieces = _pieces(self.calendar.zone, start, end)
        return sum((self._on_the_wall(a + offset, b + offset) for a, b, offset in pieces), _ZERO)

    def after(self, start: datetime, much: timedelta) -> datetime | None:
        return start if much <= _ZERO else self._walk(start, much, beyond=False)

    def beyond(self, start: datetime, much: timedelta) -> datetime | None:
        return self._walk(start, much, beyond=True)

    def _walk(self, start: datetime, left: timedelta, *, beyond: bool) -> datetime | None:
        for a, b, offset in _pieces(self.calendar.zone, start, start + _HORIZON):
            for begin, end in self._open(a + offset, b + offset):
                length = end - begin
                if length > left or (length == left and not beyond):
                    return (begin + left - offset).replace(tzinfo=UTC)
                left -= length
        return None

    def _open(self, start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
        """When it is open on the wall, between the two."""
        midnight = datetime.combine(start.date(), datetime.min.time())
        while midnight < end:
            for one in self.of(midnight.date()):
                begin = max(midnight + timedelta(minutes=one.begin), start)
                until = min(midnight + timedelta(minutes=one.end), end)
                if begin < until:
                    yield begin, until
            midnight += _DAY

    def _on_the_wall(self, start: datetime, end: datetime) -> timedelta:
        whole = sum(self._of_year(year)[-1] for year in range(start.year, end.year))
        return timedelta(minutes=whole) + self._of_its_year(end) - self._of_its_year(start)

    def _of_its_year(self, at: datetime) -> timedelta:
        """How much lies between the beginning of the year and this moment of it."""
        midnight = datetime.combine(at.date(), datetime.min.time())
        today = sum((until - begin for begin, until in self._open(midnight, at)), _ZERO)
        return timedelta(minutes=self._of_year(at.year)[at.timetuple().tm_yday - 1]) + today

    def _of_year(self, year: int) -> list[int]:
        known = self._minutes.get(year)
        if known is None:
            day, known = date(year, 1, 1), [0]
            while day.year == year:
                known.append(known[-1] + sum(one.end - one.begin for one in self.of(day)))
                day += _DAY
            self._minutes[year] = known
        return known


class Calendars:
    """All that hold: of several the one that belongs to a touchpoint, else to a team, else the default."""

    def __init__(self, calendars: Iterable[Calendar], holiday_of: Callable[[Calendar], Holiday]) -> None:
        self._of_touchpoints: dict[str, Hours] = {}
        self._of_teams: dict[str, Hours] = {}
        self._default: Hours | None = None
        for calendar in calendars:
            hours = Hours(calendar, holiday_of(calendar))
            self._of_touchpoints |= dict.fromkeys(calendar.touchpoints, hours)
            self._of_teams |= dict.fromkeys(calendar.teams, hours)
            self._default = hours if calendar.default else self._default

    def of(self, touchpoint: str | None, team: str | None) -> Hours | None:
        found = self._of_touchpoints.get(touchpoint or "") or self._of_teams.get(team or "")
        return found or self._default

    def __bool__(self) -> bool:
        return bool(self._of_touchpoints or self._of_teams or self._default)


def _pieces(zone: str, start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime, timedelta]]:
    """The time between two moments, in UTC without saying so, cut where the offset changes."""
    a, until = (moment.astimezone(UTC).replace(tzinfo=None) for moment in (start, end))
    while a < until:
        changes = _changes(zone, a.year)
        place = bisect_right(changes, a, key=lambda change: change[0])
        offset = changes[place - 1][1]
        b = changes[place][0] if place < len(changes) else datetime(a.year + 1, 1, 1)  # noqa: DTZ001  # UTC, as said
        yield a, min(b, until), offset
        a = b


@lru_cache(maxsize=4_096)
def _changes(zone: str, year: int) -> tuple[tuple[datetime, timedelta], ...]:
    """The offset at the beginning of the year, and each moment of it, in UTC, from which another one holds."""
    offset_at = _offset_in(ZoneInfo(zone))
    day = datetime(year, 1, 1)  # noqa: DTZ001  # UTC, as said
    found = [(day, offset_at(day))]
    while day.year == year:
        before, day = day, day + _DAY
        if offset_at(day) != found[-1][1]:
            low, high = before, day
            while high - low > timedelta(seconds=1):
                middle = low + timedelta(seconds=(high - low) // timedelta(seconds=2))
                low, high = (middle, high) if offset_at(middle) == found[-1][1] else (low, middle)
            if high.year == year:
                found.append((high, offset_at(high)))
    return tuple(found)


def _offset_in(zone: ZoneInfo) -> Callable[[datetime], timedelta]:
    return lambda moment: moment.replace(tzinfo=UTC).astimezone(zone).utcoffset() or _ZERO
