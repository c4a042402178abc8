"""Answers ChangeService calls."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from rundblick.metrics.v1 import change_pb2 as pb
from rundblick.metrics.v1 import change_pb2_grpc

from chassis.batches import item_error
from chassis.caller import Caller, current_caller
from chassis.errors import InvalidInput
from chassis.idempotency import Writes
from chassis.ids import new_id
from chassis.mongo import Session
from chassis.page import encode_cursor, page_info, page_of
from services.metrics.change import messages
from services.metrics.change.domain import PREFIX, ChangeNotFound, check_company
from services.metrics.change.repository import MongoChangeRepository
from services.metrics.kpi.periods import Zone

WRITE = "metrics:write"
LARGEST_BATCH = 500


class ChangeServicer(change_pb2_grpc.ChangeServiceServicer):
    """zone: in which the days of a period begin."""

    def __init__(self, changes: MongoChangeRepository, writes: Writes, zone: Zone, now: Callable[[], datetime]) -> None:
        self._changes = changes
        self._writes = writes
        self._zone = zone
        self._now = now

    async def BatchGetChanges(self, request: pb.BatchGetChangesRequest, context: Any) -> pb.BatchGetChangesResponse:
        caller = _of_the_company()
        if len(request.ids) > LARGEST_BATCH:
            raise InvalidInput(f"a call has at most {LARGEST_BATCH} ids", ("ids",))
        found = await self._changes.of_ids(caller, request.ids)
        response = pb.BatchGetChangesResponse()
        for id in request.ids:
            if id in found:
                response.answers[id].value.CopyFrom(messages.to_proto(found[id]))
            else:
                response.answers[id].error.CopyFrom(item_error(ChangeNotFound(id).fault))
        return response

    async def ListChanges(self, request: pb.ListChangesRequest, context: Any) -> pb.ListChangesResponse:
        caller = _of_the_company()
        wanted = messages.wanted_from_proto(request.filter, self._zone)
        part = await self._changes.page(caller, page_of(request.page, [datetime, str]), wanted)
        edges = [
            pb.ChangeEdge(cursor=encode_cursor(boundary), node=messages.to_proto(change))
            for change, boundary in zip(part.items, part.boundaries, strict=True)
        ]
        return pb.ListChangesResponse(edges=edges, page_info=page_info(part))

    async def RecordChange(self, request: pb.RecordChangeRequest, context: Any) -> pb.RecordChangeResponse:
        caller = _of_the_company()
        change = messages.change_from_proto(request, caller, new_id(PREFIX), self._now())

        async def record(session: Session) -> pb.RecordChangeResponse:
            await self._changes.add(caller, session, change)
            return pb.RecordChangeResponse(change=messages.to_proto(change))

        return await self._writes.run(caller, request, pb.RecordChangeResponse, record)

    async def PutMeasures(self, request: pb.PutMeasuresRequest, context: Any) -> pb.PutMeasuresResponse:
        caller, now = current_caller(), self._now()
        await self._changes.put(caller, [messages.change_of_measure(one, caller, now) for one in request.measures])
        return pb.PutMeasuresResponse()


def _of_the_company() -> Caller:
    caller = current_caller()
    check_company(caller)
    return caller
