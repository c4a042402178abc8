"""Periods: half-open, aligned outwards to the days that figures are kept by, in the deployment's reporting zone."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import Enum
from zoneinfo import ZoneInfo

from chassis.errors import InvalidInput

MOST_POINTS = 1_000
_EARLIEST = date(1900, 1, 1)
_LATEST = date(2200, 1, 1)


class Granularity(Enum):
    DAY = "DAY"
    WEEK = "WEEK"
    MONTH = "MONTH"
    QUARTER = "QUARTER"
    YEAR = "YEAR"


@dataclass(frozen=True, slots=True)
class Zone:
    """The one time zone in which this deployment's days begin: an IANA name."""

    name: str = "UTC"

    def day(self, at: datetime) -> date:
        return at.astimezone(UTC if self.name == "UTC" else ZoneInfo(self.name)).date()

    def midnight(self, day: date) -> datetime:
        """When the day begins; where a clock is put forward at midnight, as it would have been."""
        local = datetime(day.year, day.month, day.day, tzinfo=UTC if self.name == "UTC" else ZoneInfo(self.name))
        return local.astimezone(UTC)


UTC_DAYS = Zone()


@dataclass(frozen=True, slots=True)
class Days:
    """From start to before end, in a zone."""

    start: date
    end: date
    zone: Zone = UTC_DAYS

    @property
    def moments(self) -> tuple[datetime, datetime]:
        return self.zone.midnight(self.start), self.zone.midnight(self.end)

    @property
    def months(self) -> "Days":
        """Aligned outwards to whole calendar months."""
        last = _begin(self.end, Granularity.MONTH)
        end = last if last == self.end else _next(last, Granularity.MONTH)
        return Days(_begin(self.start, Granularity.MONTH), end, self.zone)


EVERYTHING = Days(_EARLIEST, _LATEST)


def aligned(start: datetime, end: datetime, zone: Zone) -> Days:
    """InvalidInput: it ends before it begins, or lies outside the years 1900 to 2200."""
    if end <= start:
        raise InvalidInput("a period ends after it begins", ("period", "end"))
    first, last = zone.day(start), zone.day(end)
    days = Days(first, last if end == zone.midnight(last) else last + timedelta(days=1), zone)
    if days.start < _EARLIEST or days.end > _LATEST:
        raise InvalidInput("a period lies within the years 1900 to 2200", ("period",))
    return days


def _begin(day: date, granularity: Granularity) -> date:
    if granularity is Granularity.WEEK:
        return day - timedelta(days=day.weekday())
    if granularity is Granularity.MONTH:
        return day.replace(day=1)
    if granularity is Granularity.QUARTER:
        return day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1)
    if granularity is Granularity.YEAR:
        return day.replace(month=1, day=1)
    return day


def _next(begin: date, granularity: Granularity) -> date:
    if granularity is Granularity.DAY:
        return begin + timedelta(days=1)
    if granularity is Granularity.WEEK:
        return begin + timedelta(days=7)
    months = {Granularity.MONTH: 1, Granularity.QUARTER: 3, Granularity.YEAR: 12}[granularity]
    month = begin.month - 1 + months
    return date(begin.year + month // 12, month % 12 + 1, 1)


def points(days: Days, granularity: Granularity) -> list[Days]:
    """The whole days, weeks (from Monday), months ... that the period touches. InvalidInput: too many."""
    result = []
    for point in _points(days, granularity):
        result.append(point)
        if len(result) > MOST_POINTS:
            raise InvalidInput(f"a series has at most {MOST_POINTS} points: take coarser ones", ("granularity",))
    return result


def _points(days: Days, granularity: Granularity) -> Iterator[Days]:
    begin = _begin(days.start, granularity)
    while begin < days.end:
        end = _next(begin, granularity)
        yield Days(begin, end, days.zone)
        begin = end
