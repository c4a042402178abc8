"""Answers MeasureService calls: read the request, ask the domain, use the repository."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp
from rundblick.feedback.v1 import measure_pb2 as pb
from rundblick.feedback.v1 import measure_pb2_grpc
from rundblick.shared.v1 import page_pb2

from chassis.caller import Caller, Reach, current_caller
from chassis.errors import InvalidInput
from chassis.idempotency import Writes
from chassis.ids import new_id
from chassis.mongo import Session, visible_to
from chassis.outbox import Outbox
from chassis.page import Slice, page_of, slice_of
from chassis.times import from_timestamp
from services.feedback.measure import messages
from services.feedback.measure.domain import (
    PREFIX,
    Measure,
    MeasureNotFound,
    Status,
    Told,
    begun,
    changed,
    linked,
    unlinked,
)
from services.feedback.measure.following import Following, reader_of_feedback
from services.feedback.measure.informing import Informing
from services.feedback.measure.naming import Naming
from services.feedback.measure.outgoing import introduced
from services.feedback.measure.repository import CREATED, DUE, MongoMeasureRepository, Order
from services.feedback.measure.told import MongoToldRepository

_READ = "measures:read"
# Order -> (what it is by, of which types that is in a cursor).
_ORDERS: Mapping[int, tuple[Order, Sequence[type]]] = {
    pb.MEASURE_ORDER_UNSPECIFIED: (CREATED, (datetime, str)),
    pb.MEASURE_ORDER_CREATED_DESC: (CREATED, (datetime, str)),
    pb.MEASURE_ORDER_DUE_ASC: (DUE, (str, str)),
}


class MeasureServicer(measure_pb2_grpc.MeasureServiceServicer):
    def __init__(
        self,
        measures: MongoMeasureRepository,
        told: MongoToldRepository,
        naming: Naming,
        following: Following,
        informing: Informing,
        writes: Writes,
        outbox: Outbox,
        now: Callable[[], datetime],
    ) -> None:
        self._measures = measures
        self._told = told
        self._naming = naming
        self._following = following
        self._informing = informing
        self._writes = writes
        self._outbox = outbox
        self._now = now

    async def BatchGetMeasures(self, request: pb.BatchGetMeasuresRequest, context: Any) -> pb.BatchGetMeasuresResponse:
        found = await self._measures.of_ids(current_caller(), request.ids)
        return pb.BatchGetMeasuresResponse(
            answers={
                id: pb.MeasureAnswer(value=messages.to_proto(found[id]))
                if id in found
                else pb.MeasureAnswer(error=page_pb2.ItemError(code="NOT_FOUND", message=f"there is no {id}"))
                for id in request.ids
            }
        )

    async def ListMeasures(self, request: pb.ListMeasuresRequest, context: Any) -> pb.ListMeasuresResponse:
        if request.order_by not in _ORDERS:
            raise InvalidInput("there is no such order", ("order_by",))
        order, kinds = _ORDERS[request.order_by]
        condition = messages.condition_from_proto(request.filter)
        part = await self._measures.page(current_caller(), page_of(request.page, kinds), order, condition)
        return messages.page_to_proto(part)

    async def BatchListMeasures(
        self, request: pb.BatchListMeasuresRequest, context: Any
    ) -> pb.BatchListMeasuresResponse:
        caller = current_caller()
        # Who sees feedback alone does not learn what the company does about it.
        seen = caller.sources is None and caller.reach(_READ) is Reach.ALL
        found = await self._measures.of_feedback(caller, request.feedback_ids) if seen else {}
        return pb.BatchListMeasuresResponse(
            lists={
                id: pb.MeasureList(measures=map(messages.to_proto, found.get(id, ()))) for id in request.feedback_ids
            }
        )

    async def BatchListMeasureFeedback(
        self, request: pb.BatchListMeasureFeedbackRequest, context: Any
    ) -> pb.BatchListMeasureFeedbackResponse:
        caller, page = current_caller(), page_of(request.page, [datetime, str])
        reader = reader_of_feedback(caller)
        parts = (
            await self._measures.pages_of_feedback(caller, request.measure_ids, page, visible_to(reader))
            if reader is not None
            else {}
        )
        nothing: Slice[str] = slice_of([], [], page)
        return pb.BatchListMeasureFeedbackResponse(
            pages={id: messages.links_to_proto(parts.get(id, nothing)) for id in request.measure_ids}
        )

    async def CreateMeasure(self, request: pb.CreateMeasureRequest, context: Any) -> pb.CreateMeasureResponse:
        caller, now = current_caller(), self._now()
        status = messages.status_from_proto(request.status) if request.status else Status.PROPOSED
        said: dict[str, Any] = {
            **messages.said_in(request.fields),
            **begun(status, now, _moment(request, "introduced_at"), caller.employee),
        }
        measure = await self._naming.checked(None, Measure(id=new_id(PREFIX), created_at=now, **said))

        async def create(session: Session) -> pb.CreateMeasureResponse:
            feedback, topics = await self._naming.link(
                caller, measure.id, request.feedback_ids, request.topic_keys, session
            )
            new = replace(measure, topics=tuple(dict.fromkeys(topics)))
            await self._measures.add(caller, new, session)
            await self._measures.link(caller, new.id, feedback, now, session)
            await self._outbox.append(session, introduced(new))
            return pb.CreateMeasureResponse(measure=messages.to_proto(new))

        response = await self._writes.run(caller, request, pb.CreateMeasureResponse, create)
        self._outbox.wake()
        return response

    async def UpdateMeasure(self, request: pb.UpdateMeasureRequest, context: Any) -> pb.UpdateMeasureResponse:
        caller, now = current_caller(), self._now()
        status = messages.status_from_proto(request.status) if request.status else None
        # Asked before the transaction: others are not waited for within it.
        known = await self._present(caller, request.id)
        checked = await self._naming.checked(
            known, messages.changed_from_proto(known, request.fields, list(request.paths))
        )

        async def update(session: Session) -> pb.UpdateMeasureResponse:
            measure = changed(
                known,
                request.version,
                checked,
                now,
                status=status,
                introduced_at=_moment(request, "introduced_at"),
                by=caller.employee,
            )
            await self._measures.save(caller, measure, session)
            if request.feedback_status:
                feedback = await self._measures.feedback_of(caller, measure.id, session)
                await self._following.set(caller, feedback, request.feedback_status, now, session)
            await self._outbox.append(session, introduced(measure))
            return pb.UpdateMeasureResponse(measure=messages.to_proto(measure))

        response = await self._writes.run(caller, request, pb.UpdateMeasureResponse, update)
        self._outbox.wake()
        return response

    async def LinkFeedback(self, request: pb.LinkFeedbackRequest, context: Any) -> pb.LinkFeedbackResponse:
        caller, now = current_caller(), self._now()

        async def link(session: Session) -> pb.LinkFeedbackResponse:
            known = await self._present(caller, request.measure_id, session, ("measure_id",))
            feedback, topics = await self._naming.link(
                caller, known.id, request.feedback_ids, request.topic_keys, session
            )
            measure = linked(known, topics)
            await self._measures.save(caller, measure, session)
            await self._measures.link(caller, known.id, feedback, now, session)
            return pb.LinkFeedbackResponse(measure=messages.to_proto(measure))

        return await self._writes.run(caller, request, pb.LinkFeedbackResponse, link)

    async def UnlinkFeedback(self, request: pb.UnlinkFeedbackRequest, context: Any) -> pb.UnlinkFeedbackResponse:
        caller = current_caller()

        async def unlink(session: Session) -> pb.UnlinkFeedbackResponse:
            known = await self._present(caller, request.measure_id, session, ("measure_id",))
            measure = unlinked(known, request.topic_keys)
            await self._measures.save(caller, measure, session)
            await self._measures.unlink(caller, known.id, request.feedback_ids, session)
            return pb.UnlinkFeedbackResponse(measure=messages.to_proto(measure))

        return await self._writes.run(caller, request, pb.UnlinkFeedbackResponse, unlink)

    async def BatchListCustomersToInform(
        self, request: pb.BatchListCustomersToInformRequest, context: Any
    ) -> pb.BatchListCustomersToInformResponse:
        return pb.BatchListCustomersToInformResponse(pages=await self._informing.pages(current_caller(), request))

    async def BatchListInformed(
        self, request: pb.BatchListInformedRequest, context: Any
    ) -> pb.BatchListInformedResponse:
        page = page_of(request.page, [datetime, str])
        parts = await self._told.pages(current_caller(), request.measure_ids, page)
        nothing: Slice[Told] = slice_of([], [], page)
        return pb.BatchListInformedResponse(
            pages={id: messages.told_page_to_proto(parts.get(id, nothing)) for id in request.measure_ids}
        )

    async def InformCustomers(self, request: pb.InformCustomersRequest, context: Any) -> pb.InformCustomersResponse:
        return await self._informing.inform(current_caller(), request)

    async def _present(
        self, caller: Caller, id: str, session: Session | None = None, path: tuple[str, ...] = ("id",)
    ) -> Measure:
        found = (await self._measures.of_ids(caller, [id], session)).get(id)
        if found is None:
            raise MeasureNotFound(id, path)
        return found


def _moment(request: Any, name: str) -> datetime | None:
    said: Timestamp = getattr(request, name)
    return from_timestamp(said, (name,)) if request.HasField(name) else None
