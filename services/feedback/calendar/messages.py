"""Calendars as messages, and back."""

import re
from collections.abc import Iterable, Sequence
from datetime import date
from functools import lru_cache
from zoneinfo import available_timezones

from rundblick.feedback.v1 import calendar_pb2 as pb

from chassis.errors import InvalidInput
from services.feedback.calendar.domain.calendar import Calendar, Interval, Intervals

_TIME = re.compile(r"(\d\d):(\d\d)")


def from_proto(fields: pb.CalendarFields, id: str, touchpoints: Iterable[str], teams: Iterable[str]) -> Calendar:
    """InvalidInput: what cannot be kept, with the field."""
    if fields.time_zone not in _zones():
        raise InvalidInput(f"{fields.time_zone[:60]!r} is no time zone such as Europe/Berlin", ("time_zone",))
    return Calendar(
        id=id,
        key=fields.key,
        name=fields.name,
        zone=fields.time_zone,
        week=_week(fields.hours),
        country=fields.country if fields.HasField("country") else None,
        subdivision=fields.subdivision if fields.HasField("subdivision") else None,
        exceptions=_exceptions(fields.exceptions),
        touchpoints=tuple(sorted(set(touchpoints))),
        teams=tuple(sorted(set(teams))),
        default=fields.default,
    )


@lru_cache(maxsize=1)
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _week(hours: Sequence[pb.WeekdayHours]) -> tuple[Intervals, ...]:
    said: dict[int, Intervals] = {}
    for place, one in enumerate(hours):
        if not 1 <= one.weekday <= 7 or one.weekday in said:
            raise InvalidInput("each weekday comes once, 1 for Monday to 7", ("hours", str(place), "weekday"))
        said[one.weekday] = _intervals(one.intervals, ("hours", str(place)))
    return tuple(said.get(weekday, ()) for weekday in range(1, 8))


def _exceptions(exceptions: Sequence[pb.CalendarException]) -> dict[date, Intervals]:
    said: dict[date, Intervals] = {}
    for place, one in enumerate(exceptions):
        path = ("exceptions", str(place))
        try:
            day = date.fromisoformat(one.date)
        except ValueError:
            raise InvalidInput(f"{one.date[:40]!r} is no date such as 2026-12-24", (*path, "date")) from None
        if day in said:
            raise InvalidInput(f"{day} comes twice", (*path, "date"))
        said[day] = _intervals(one.intervals, path)
    return said


def _intervals(intervals: Sequence[pb.TimeInterval], path: tuple[str, ...]) -> Intervals:
    found = []
    for place, one in enumerate(intervals):
        where = (*path, "intervals", str(place))
        begin, end = _minutes(one.begin, (*where, "begin")), _minutes(one.end, (*where, "end"))
        try:
            found.append(Interval(begin, end))
        except InvalidInput as error:
            raise InvalidInput(error.message, where) from None
    return tuple(sorted(found, key=lambda interval: interval.begin))


def _minutes(text: str, path: tuple[str, ...]) -> int:
    found = _TIME.fullmatch(text)
    if found is None or int(found[2]) > 59:
        raise InvalidInput(f"{text[:20]!r} is no time such as 09:30", path)
    return int(found[1]) * 60 + int(found[2])


def to_proto(calendar: Calendar) -> pb.Calendar:
    return pb.Calendar(
        id=calendar.id,
        fields=pb.CalendarFields(
            key=calendar.key,
            name=calendar.name,
            time_zone=calendar.zone,
            hours=[
                pb.WeekdayHours(weekday=weekday, intervals=_intervals_to_proto(intervals))
                for weekday, intervals in enumerate(calendar.week, start=1)
                if intervals
            ],
            country=calendar.country,
            subdivision=calendar.subdivision,
            exceptions=[
                pb.CalendarException(date=day.isoformat(), intervals=_intervals_to_proto(intervals))
                for day, intervals in sorted(calendar.exceptions.items())
            ],
            default=calendar.default,
        ),
        touchpoint_ids=calendar.touchpoints,
        team_ids=calendar.teams,
        version=calendar.version,
    )


def _intervals_to_proto(intervals: Intervals) -> list[pb.TimeInterval]:
    return [pb.TimeInterval(begin=_time(one.begin), end=_time(one.end)) for one in intervals]


def _time(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"
