"""Calendars in the graph: when somebody is there to answer."""

from datetime import date
from typing import Any

import strawberry
from rundblick.feedback.v1 import calendar_pb2 as pb
from strawberry import federation

from gateway.feedback.client import feedback_of
from gateway.feedback.stubs import Team
from gateway.shared import Info, Named, Node, UserError, mutate, present


@strawberry.type(description="By the clock on the wall; the end is not part of it.")
class TimeInterval:
    begin: str = strawberry.field(description="Such as 09:00.")
    end: str = strawberry.field(description="At most 24:00.")


@strawberry.type
class WeekdayHours:
    weekday: int = strawberry.field(description="1: Monday ... 7: Sunday")
    intervals: list[TimeInterval]


@strawberry.type(description="Whose public holidays are closed.")
class PublicHolidays:
    country: str = strawberry.field(description="ISO 3166, such as DE.")
    subdivision: str | None = strawberry.field(description="Such as BY.")


@strawberry.type(description="A day with other hours than its weekday; it comes before public holidays too.")
class CalendarException:
    date: date
    intervals: list[TimeInterval] = strawberry.field(description="None: closed.")


def _intervals(intervals: Any) -> list[TimeInterval]:
    return [TimeInterval(begin=one.begin, end=one.end) for one in intervals]


@strawberry.type(description="When somebody is there to answer, by which business time is counted.")
class BusinessCalendar:
    id: strawberry.ID
    key: str
    name: str
    time_zone: str
    hours: list[WeekdayHours] = strawberry.field(description="A weekday that is absent is closed.")
    holidays: PublicHolidays | None
    exceptions: list[CalendarException]
    touchpoints: list["Touchpoint"] = strawberry.field(description="It holds there, before that of a team.")
    teams: list[Team]
    default: bool = strawberry.field(description="It holds wherever neither the touchpoint nor the team has one.")
    version: int

    @classmethod
    def of(cls, record: pb.Calendar) -> "BusinessCalendar":
        said = record.fields
        country = present(said, "country")
        return cls(
            id=strawberry.ID(record.id),
            key=said.key,
            name=said.name,
            time_zone=said.time_zone,
            hours=[WeekdayHours(weekday=one.weekday, intervals=_intervals(one.intervals)) for one in said.hours],
            holidays=PublicHolidays(country=country, subdivision=present(said, "subdivision")) if country else None,
            exceptions=[
                CalendarException(date=date.fromisoformat(one.date), intervals=_intervals(one.intervals))
                for one in said.exceptions
            ],
            touchpoints=[Touchpoint(id=strawberry.ID(id)) for id in record.touchpoint_ids],
            teams=[Team(id=strawberry.ID(id)) for id in record.team_ids],
            default=said.default,
            version=record.version,
        )


@federation.type(keys=["id"])
class Touchpoint(Named, Node):
    id: strawberry.ID

    @strawberry.field(description="Its own, else the default.")
    async def calendar(self, info: Info) -> BusinessCalendar | None:
        record = await feedback_of(info).calendars.load(self.id)
        return BusinessCalendar.of(record) if record is not None else None

    @classmethod
    def resolve_reference(cls, id: strawberry.ID) -> "Touchpoint":
        return cls(id=id)


@strawberry.input
class TimeIntervalInput:
    begin: str = strawberry.field(description="Such as 09:00.")
    end: str = strawberry.field(description="At most 24:00.")


@strawberry.input
class WeekdayHoursInput:
    weekday: int = strawberry.field(description="1: Monday ... 7: Sunday")
    intervals: list[TimeIntervalInput]


@strawberry.input
class PublicHolidaysInput:
    country: str = strawberry.field(description="ISO 3166, such as DE.")
    subdivision: str | None = strawberry.field(default=None, description="Such as BY.")


@strawberry.input
class CalendarExceptionInput:
    date: date
    intervals: list[TimeIntervalInput] = strawberry.field(default_factory=list, description="None: closed.")


@strawberry.input(description="All of a calendar: what is not said is not so.")
class DefineCalendarInput:
    key: str
    version: int | None = strawberry.field(default=None, description="The one the change was made from; null: new.")
    name: str
    time_zone: str = strawberry.field(description="Such as Europe/Berlin.")
    hours: list[WeekdayHoursInput] = strawberry.field(description="A weekday that is absent is closed.")
    holidays: PublicHolidaysInput | None = None
    exceptions: list[CalendarExceptionInput] = strawberry.field(default_factory=list)
    touchpoints: list[str] = strawberry.field(default_factory=list, description="Keys of those where it holds.")
    teams: list[str] = strawberry.field(
        default_factory=list, description="Keys of those whose it is where the touchpoint has none."
    )
    default: bool = strawberry.field(default=False, description="It holds wherever there is no other.")
    idempotency_key: str | None = None


@strawberry.type
class DefineCalendarPayload:
    user_errors: list[UserError]
    calendar: BusinessCalendar | None = None


def _intervals_to_proto(intervals: list[TimeIntervalInput]) -> list[pb.TimeInterval]:
    return [pb.TimeInterval(begin=one.begin, end=one.end) for one in intervals]


def _request(input: DefineCalendarInput) -> pb.DefineCalendarRequest:
    fields = pb.CalendarFields(
        key=input.key,
        name=input.name,
        time_zone=input.time_zone,
        hours=[
            pb.WeekdayHours(weekday=one.weekday, intervals=_intervals_to_proto(one.intervals)) for one in input.hours
        ],
        country=input.holidays.country if input.holidays else None,
        subdivision=input.holidays.subdivision if input.holidays else None,
        exceptions=[
            pb.CalendarException(date=one.date.isoformat(), intervals=_intervals_to_proto(one.intervals))
            for one in input.exceptions
        ],
        default=input.default,
    )
    return pb.DefineCalendarRequest(
        idempotency_key=input.idempotency_key,
        fields=fields,
        touchpoint_keys=input.touchpoints,
        team_keys=input.teams,
        version=input.version,
    )


@strawberry.type
class CalendarQuery:
    @strawberry.field(description="By key.")
    async def calendars(self, info: Info) -> list[BusinessCalendar] | None:
        client = feedback_of(info)
        answer = await client.call(client.stubs.calendars.ListCalendars, pb.ListCalendarsRequest())
        return [BusinessCalendar.of(record) for record in answer.calendars]


@strawberry.type
class CalendarMutation:
    @strawberry.mutation(
        description="A new calendar, or the next version of one. When time is then counted otherwise, all waits are "
        "measured anew, as a job."
    )
    async def define_calendar(self, info: Info, input: DefineCalendarInput) -> DefineCalendarPayload | None:
        client = feedback_of(info)

        async def work() -> dict[str, Any]:
            answer = await client.call(client.stubs.calendars.DefineCalendar, _request(input))
            return {"calendar": BusinessCalendar.of(answer.calendar)}

        return await mutate(DefineCalendarPayload, work())
