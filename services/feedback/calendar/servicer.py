"""Answers CalendarService calls."""

from typing import Any

from rundblick.customers.v1 import reference_pb2
from rundblick.feedback.v1 import calendar_pb2 as pb
from rundblick.feedback.v1 import calendar_pb2_grpc

from chassis.caller import Caller, current_caller
from chassis.errors import InvalidInput
from chassis.idempotency import Writes
from chassis.ids import new_id
from chassis.mongo import Session
from services.feedback.calendar import holidays, messages
from services.feedback.calendar.domain.calendar import PREFIX, defined, measures_anew
from services.feedback.calendar.repository import MongoCalendarRepository
from services.feedback.enquiry.references import OWN_SOURCE, CustomersClient, References
from services.feedback.enquiry.remeasuring import Remeasuring


class CalendarServicer(calendar_pb2_grpc.CalendarServiceServicer):
    def __init__(
        self,
        calendars: MongoCalendarRepository,
        customers: CustomersClient,
        remeasuring: Remeasuring,
        writes: Writes,
    ) -> None:
        self._calendars = calendars
        self._customers = customers
        self._remeasuring = remeasuring
        self._writes = writes

    async def ListCalendars(self, request: pb.ListCalendarsRequest, context: Any) -> pb.ListCalendarsResponse:
        found = await self._calendars.all(current_caller())
        return pb.ListCalendarsResponse(calendars=map(messages.to_proto, found))

    async def BatchGetTouchpointCalendars(
        self, request: pb.BatchGetTouchpointCalendarsRequest, context: Any
    ) -> pb.BatchGetTouchpointCalendarsResponse:
        found = await self._calendars.of_touchpoints(current_caller(), request.touchpoint_ids)
        return pb.BatchGetTouchpointCalendarsResponse(
            answers={
                id: pb.CalendarAnswer(value=messages.to_proto(found[id]) if id in found else None)
                for id in request.touchpoint_ids
            }
        )

    async def DefineCalendar(self, request: pb.DefineCalendarRequest, context: Any) -> pb.DefineCalendarResponse:
        caller = current_caller()
        places = await self._places(caller, request)
        said = messages.from_proto(
            request.fields,
            new_id(PREFIX),
            (places.places[key].touchpoint for key in request.touchpoint_keys),
            (places.teams[key] for key in request.team_keys),
        )
        holidays.check(said.country, said.subdivision)

        async def define(session: Session) -> pb.DefineCalendarResponse:
            known = await self._calendars.all(caller, session)
            calendar = defined(said, known, request.version if request.HasField("version") else None)
            await self._calendars.save(caller, calendar, session)
            before = next((one for one in known if one.id == calendar.id), None)
            if measures_anew(before, calendar):
                await self._remeasuring.ask(calendar.key, calendar.id, session)
            return pb.DefineCalendarResponse(calendar=messages.to_proto(calendar))

        done = await self._writes.run(caller, request, pb.DefineCalendarResponse, define)
        self._remeasuring.wake()
        return done

    async def _places(self, caller: Caller, request: pb.DefineCalendarRequest) -> References:
        """InvalidInput: there is no such touchpoint, or no such team."""
        if not request.touchpoint_keys and not request.team_keys:
            return References()
        found = await self._customers.resolve(
            caller,
            OWN_SOURCE,
            touchpoints=[reference_pb2.TouchpointReference(key=key) for key in request.touchpoint_keys],
            teams=[reference_pb2.TeamReference(key=key) for key in request.team_keys],
        )
        for kind, keys in (("touchpoint", request.touchpoint_keys), ("team", request.team_keys)):
            for place, key in enumerate(keys):
                if (kind, key) in found.faults:
                    raise InvalidInput(found.fault(kind, key).message, (f"{kind}s", str(place)))
        return found
