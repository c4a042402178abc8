"""Answers EventService calls: sort out what cannot be counted, store the rest; say what events there are."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from rundblick.metrics.v1 import event_pb2, event_pb2_grpc

from chassis.batches import item_error
from chassis.caller import Caller, current_caller
from chassis.errors import AlreadyExists, DomainError
from chassis.idempotency import Writes
from chassis.mongo import Session
from chassis.times import from_timestamp
from services.metrics.event import messages
from services.metrics.event.domain import Arrival, EventType, UnknownEvent, check, check_type, check_writer
from services.metrics.event.intake import Intake
from services.metrics.event.registry import Registry

WRITE = "metrics:write"

# What events there are; True: look again, one is said to be missing.
Known = Callable[[bool], Awaitable[Registry]]
Put = Callable[[Caller, Session, EventType], Awaitable[None]]


class EventServicer(event_pb2_grpc.EventServiceServicer):
    """put: keeps an event type."""

    def __init__(self, intake: Intake, known: Known, writes: Writes, put: Put) -> None:
        self._intake = intake
        self._known = known
        self._writes = writes
        self._put = put

    async def IngestEvents(
        self, request: event_pb2.IngestEventsRequest, context: Any
    ) -> event_pb2.IngestEventsResponse:
        caller = current_caller()
        registry = await self._known(False)
        if any(not registry.has(message.name) for message in request.events):
            registry = await self._known(True)
        arrivals: list[Arrival] = []
        response = event_pb2.IngestEventsResponse()
        for message in request.events:
            try:
                arrivals.append(_arrival(caller, registry, message))
            except DomainError as error:
                response.rejected.add(id=message.id, error=item_error(error.fault))
        response.known = await self._intake.take(arrivals)
        response.accepted = len(arrivals) - response.known
        return response

    async def ListEventTypes(
        self, request: event_pb2.ListEventTypesRequest, context: Any
    ) -> event_pb2.ListEventTypesResponse:
        registry = await self._known(False)
        return event_pb2.ListEventTypesResponse(types=map(messages.type_to_proto, registry.all))

    async def DefineEventType(
        self, request: event_pb2.DefineEventTypeRequest, context: Any
    ) -> event_pb2.DefineEventTypeResponse:
        caller = current_caller()
        registry = await self._known(True)
        said = messages.type_from_proto(request.type)
        known = _declared(registry, said.name)
        if known is not None and known.built_in:
            raise AlreadyExists(f"{said.name} comes with Rundblick", ("type", "name"))
        check_type(said, known)

        async def define(session: Session) -> event_pb2.DefineEventTypeResponse:
            await self._put(caller, session, said)
            return event_pb2.DefineEventTypeResponse(type=messages.type_to_proto(replace(said, built_in=False)))

        response = await self._writes.run(caller, request, event_pb2.DefineEventTypeResponse, define)
        await self._known(True)
        return response


def _declared(registry: Registry, name: str) -> EventType | None:
    try:
        return registry.get(name)
    except UnknownEvent:
        return None


def _arrival(caller: Caller, registry: Registry, message: event_pb2.Event) -> Arrival:
    event = messages.event_from_proto(message)
    check(event, registry.get(event.name))
    check_writer(caller, event)
    recorded_at = from_timestamp(message.recorded_at, ("recorded_at",)) if message.HasField("recorded_at") else None
    return Arrival(event, message.SerializeToString(), recorded_at)
