"""Calendars over gRPC: what is refused and where, where they hold, and what is measured by them."""

from datetime import timedelta
from typing import Any

from rundblick.feedback.v1 import calendar_pb2 as pb
from rundblick.feedback.v1 import enquiry_pb2

from tests.feedback.conftest import Running
from tests.feedback.serving import HOUR, MONDAY, Clock, calendar, replica


def hours(*days: int, begin: str = "09:00", end: str = "17:00") -> list[pb.WeekdayHours]:
    return [pb.WeekdayHours(weekday=day, intervals=[pb.TimeInterval(begin=begin, end=end)]) for day in days]


async def test_what_is_wrong_is_said_with_its_place_and_changes_nothing(feedback: Running) -> None:
    twice = [pb.TimeInterval(begin="09:00", end="12:00"), pb.TimeInterval(begin="11:00", end="13:00")]
    wrong: list[tuple[dict[str, Any], tuple[str, ...]]] = [
        ({"key": "Office!"}, ("key",)),
        ({"name": " "}, ("name",)),
        ({"time_zone": "Mars/Base"}, ("time_zone",)),
        ({"hours": hours(8)}, ("hours", "0", "weekday")),
        ({"hours": hours(1, 1)}, ("hours", "1", "weekday")),
        ({"hours": []}, ("hours",)),
        ({"hours": hours(1, begin="nine")}, ("hours", "0", "intervals", "0", "begin")),
        ({"hours": hours(1, begin="09:60")}, ("hours", "0", "intervals", "0", "begin")),
        ({"hours": hours(1, begin="17:00", end="09:00")}, ("hours", "0", "intervals", "0")),
        ({"hours": hours(1, end="24:01")}, ("hours", "0", "intervals", "0")),
        ({"hours": [pb.WeekdayHours(weekday=1, intervals=twice)]}, ("hours",)),
        ({"country": "ZZ"}, ("holidays", "country")),
        ({"country": "DE", "subdivision": "TX"}, ("holidays", "subdivision")),
        ({"subdivision": "BY"}, ("holidays", "country")),
        ({"exceptions": [pb.CalendarException(date="24.12.2026")]}, ("exceptions", "0", "date")),
        ({"exceptions": [pb.CalendarException(date="2026-12-24")] * 2}, ("exceptions", "1", "date")),
        ({"touchpoint_keys": ["form", "nowhere"]}, ("touchpoints", "1")),
        ({"team_keys": ["nobody"]}, ("teams", "0")),
    ]
    async with replica(feedback, Clock()) as one:
        for fields, path in wrong:
            assert await one.refused(calendar(**fields)) == ("INVALID", path), fields
        assert await one.refused(calendar(version=1)) == ("NOT_FOUND", ("key",))
        assert not (await one.call(pb.ListCalendarsRequest())).calendars
        assert await feedback.database["jobs"].count_documents({}) == 0


async def test_a_touchpoint_has_one_calendar_and_waits_are_measured_by_it(feedback: Running) -> None:
    clock = Clock(MONDAY - 2 * HOUR)
    async with replica(feedback, clock) as one:
        unknown = await one.opened(touchpoint_key="form")
        answered = await one.answered(unknown.id, MONDAY + HOUR)
        assert not any(wait.HasField("business_seconds") for wait in answered.waits)
        exceptions = [pb.CalendarException(date="2026-01-13")]
        request = calendar("here", touchpoint_keys=["form"], exceptions=exceptions, country="DE", subdivision="BY")
        here = (await one.call(request)).calendar
        rest = (await one.call(calendar("rest", "00:00", "24:00", default=True, team_keys=["support"]))).calendar
        assert list(here.touchpoint_ids) == [feedback.touchpoint]
        assert rest.fields.hours[0].intervals[0].end == "24:00"
        for taken, path in (
            ({"touchpoint_keys": ["form"]}, "touchpoints"),
            ({"team_keys": ["support"]}, "teams"),
            ({"default": True}, "default"),
        ):
            assert await one.refused(calendar("again", **taken)) == ("ALREADY_EXISTS", (path,))
        assert await one.refused(calendar("here")) == ("ALREADY_EXISTS", ("key",))
        assert await one.refused(calendar("here", version=7)) == ("CONFLICT", ("version",))
        asked = [feedback.touchpoint, "tou_other"]
        found = (await one.call(pb.BatchGetTouchpointCalendarsRequest(touchpoint_ids=asked))).answers
        assert [found[id].value.fields.key for id in asked] == ["here", "rest"]

        # Opened at seven, answered at ten; and over a day on which nobody is there.
        for end, expected in ((MONDAY + HOUR, HOUR), (MONDAY + 49 * HOUR, 9 * HOUR), (MONDAY - HOUR, timedelta(0))):
            opened = await one.opened(touchpoint_key="form")
            done = await one.answered(opened.id, end)
            [first] = [wait for wait in done.waits if wait.kind == enquiry_pb2.WAIT_KIND_FIRST]
            assert first.HasField("business_seconds")
            assert timedelta(seconds=first.business_seconds) == expected
            assert (first.calendar_id, first.calendar_version) == (here.id, 1)
        elsewhere = await one.answered((await one.opened()).id, MONDAY)
        [first] = [wait for wait in elsewhere.waits if wait.kind == enquiry_pb2.WAIT_KIND_FIRST]
        assert (timedelta(seconds=first.business_seconds), first.calendar_id) == (2 * HOUR, rest.id)
