"""Answers EventService calls: sort out what cannot be counted, store the rest."""

from typing import Any

from rundblick.metrics.v1 import event_pb2, event_pb2_grpc

from chassis.batches import item_error
from chassis.caller import Caller, current_caller
from chassis.errors import DomainError
from chassis.times import from_timestamp
from services.metrics.event import messages
from services.metrics.event.domain import Arrival, check, check_writer
from services.metrics.event.intake import Intake


class EventServicer(event_pb2_grpc.EventServiceServicer):
    def __init__(self, intake: Intake) -> None:
        self._intake = intake

    async def IngestEvents(
        self, request: event_pb2.IngestEventsRequest, context: Any
    ) -> event_pb2.IngestEventsResponse:
        caller = current_caller()
        arrivals: list[Arrival] = []
        response = event_pb2.IngestEventsResponse()
        for message in request.events:
            try:
                arrivals.append(_arrival(caller, message))
            except DomainError as error:
                response.rejected.add(id=message.id, error=item_error(error.fault))
        response.known = await self._intake.take(arrivals)
        response.accepted = len(arrivals) - response.known
        return response


def _arrival(caller: Caller, message: event_pb2.Event) -> Arrival:
    event = messages.event_from_proto(message)
    check(event)
    check_writer(caller, event)
    recorded_at = from_timestamp(message.recorded_at, ("recorded_at",)) if message.HasField("recorded_at") else None
    return Arrival(event, message.SerializeToString(), recorded_at)
