"""Business time against a slow count of every minute, on days that have other hours than most."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from services.feedback.calendar.domain.calendar import Calendar, Interval, Intervals
from services.feedback.calendar.domain.hours import Calendars, Hours
from services.feedback.calendar.holidays import holiday_of

MINUTE = timedelta(minutes=1)
OFFICE = (Interval(9 * 60, 12 * 60), Interval(13 * 60, 17 * 60 + 30))
# Open when clocks are changed, and over midnight.
NIGHT = (Interval(0, 2 * 60 + 15), Interval(2 * 60 + 45, 6 * 60), Interval(22 * 60, 24 * 60))
WEEK = (OFFICE,) * 5 + ((), ())
EVERY_NIGHT = (NIGHT,) * 7
# Clocks go forward and back, in Berlin and in New York; holidays; the turn of the year; an exception.
DAYS = [
    date(2026, 3, 28),
    date(2026, 10, 24),
    date(2026, 3, 7),
    date(2026, 10, 31),
    date(2026, 12, 24),
    date(2026, 12, 31),
    date(2026, 5, 1),
    date(2026, 7, 3),
]
EXCEPTIONS = {date(2026, 12, 24): (Interval(8 * 60, 11 * 60),), date(2026, 7, 3): ()}


def calendar(zone: str, week: tuple[Intervals, ...], country: str | None = None, **fields: Any) -> Calendar:
    return Calendar("cal_1", "office", "Office", zone, week, country, **fields)


def hours(zone: str = "Europe/Berlin", week: tuple[Intervals, ...] = WEEK, **fields: Any) -> Hours:
    one = calendar(zone, week, **fields)
    return Hours(one, holiday_of(one))


def counted(of: Hours, start: datetime, end: datetime) -> int:
    """Every minute, by the clock on the wall."""
    zone, minutes = ZoneInfo(of.calendar.zone), 0
    while start < end:
        wall = start.astimezone(zone)
        minute = wall.hour * 60 + wall.minute
        minutes += any(one.begin <= minute < one.end for one in of.of(wall.date()))
        start += MINUTE
    return minutes


BERLIN = hours(country="DE", subdivision="BE", exceptions=EXCEPTIONS)
NEW_YORK = hours("America/New_York", country="US", exceptions=EXCEPTIONS)
NIGHTS = [hours(zone, EVERY_NIGHT, exceptions=EXCEPTIONS) for zone in ("Europe/Berlin", "America/New_York")]


@settings(max_examples=25)
@given(
    st.sampled_from([BERLIN, NEW_YORK, *NIGHTS]),
    st.sampled_from(DAYS),
    st.integers(0, 24 * 60),
    st.integers(0, 3 * 24 * 60),
)
@example(NIGHTS[0], DAYS[0], 12 * 60, 24 * 60)
@example(NIGHTS[0], DAYS[1], 12 * 60, 24 * 60)
@example(NIGHTS[1], DAYS[2], 18 * 60, 24 * 60)
@example(NIGHTS[1], DAYS[3], 18 * 60, 24 * 60)
@example(NIGHTS[0], DAYS[5], 12 * 60, 24 * 60)
def test_business_time_is_what_the_clock_on_the_wall_counts(of: Hours, day: date, begin: int, length: int) -> None:
    start = datetime.combine(day, datetime.min.time(), UTC) + begin * MINUTE
    end = start + length * MINUTE
    passed = of.passed(start, end)
    assert passed == counted(of, start, end) * MINUTE
    after, beyond = of.after(start, passed), of.beyond(start, passed)
    assert after is not None
    assert beyond is not None
    assert after <= end <= beyond
    assert of.passed(start, after) == of.passed(start, beyond) == passed
    assert not passed or of.passed(start, after - timedelta(milliseconds=1)) < passed
    assert of.passed(start, beyond + timedelta(milliseconds=1)) > passed


def test_years_are_the_sum_of_their_parts_and_outside_of_hours_nothing_passes() -> None:
    start, end = datetime(2016, 2, 29, 8, 15, tzinfo=UTC), datetime(2026, 7, 3, 21, 5, 0, 1000, tzinfo=UTC)
    cuts = [start + (end - start) * n / 7 for n in range(8)]
    parts = [BERLIN.passed(a, b) for a, b in pairwise(cuts)]
    assert BERLIN.passed(start, end) == sum(parts, timedelta(0))
    saturday = datetime(2026, 1, 10, tzinfo=UTC)
    assert BERLIN.passed(saturday, saturday + timedelta(days=1)) == timedelta(0)
    assert BERLIN.passed(end, start) == timedelta(0)
    friday = datetime(2026, 1, 9, 15, 30, tzinfo=UTC)  # half past four in Berlin, an hour before the end
    assert BERLIN.after(friday, timedelta(hours=1)) == datetime(2026, 1, 9, 16, 30, tzinfo=UTC)
    assert BERLIN.beyond(friday, timedelta(hours=1)) == datetime(2026, 1, 12, 8, tzinfo=UTC), "it is Monday's opening"


@pytest.mark.parametrize(
    ("touchpoint", "team", "key"),
    [("t1", "a", "here"), ("t2", "a", "team"), ("t2", "b", "rest"), (None, None, "rest")],
)
def test_a_touchpoint_comes_before_a_team_and_that_before_the_default(
    touchpoint: str | None, team: str | None, key: str
) -> None:
    known = [
        Calendar(key, key, key, "UTC", WEEK, touchpoints=touchpoints, teams=teams, default=default)
        for key, touchpoints, teams, default in (
            ("here", ("t1",), (), False),
            ("team", (), ("a",), False),
            ("rest", (), (), True),
        )
    ]
    found = Calendars(known, holiday_of).of(touchpoint, team)
    assert found is not None
    assert found.calendar.key == key
    assert Calendars(known[:2], holiday_of).of("t2", "b") is None


def test_an_exception_comes_before_a_holiday_and_that_before_the_weekday() -> None:
    open_at_christmas = {date(2026, 12, 25): OFFICE[:1]}
    berlin, bavaria = (hours(country="DE", subdivision=one, exceptions=open_at_christmas) for one in ("BE", "BY"))
    women, epiphany, christmas = date(2027, 3, 8), date(2026, 1, 6), date(2026, 12, 25)
    assert (berlin.of(women), bavaria.of(women)) == ((), OFFICE)
    assert (berlin.of(epiphany), bavaria.of(epiphany)) == (OFFICE, ())
    assert berlin.of(christmas) == bavaria.of(christmas) == OFFICE[:1]
    assert (berlin.of(date(2026, 12, 26)), hours().of(epiphany)) == ((), OFFICE)
