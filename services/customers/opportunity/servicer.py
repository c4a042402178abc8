"""Answers OpportunityService calls."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from rundblick.customers.v1 import opportunity_pb2 as pb
from rundblick.customers.v1 import opportunity_pb2_grpc

from chassis.caller import Caller, current_caller
from chassis.errors import InvalidInput
from chassis.idempotency import Writes
from chassis.mongo import Session, require_source
from chassis.page import Slice, encode_cursor, page_info, page_of, slice_of
from services.customers.batches import answers
from services.customers.opportunity import messages
from services.customers.opportunity.domain import (
    OWN_SOURCE,
    Move,
    Opportunity,
    OpportunityNotFound,
    changed,
    moved,
)
from services.customers.opportunity.naming import Naming
from services.customers.opportunity.recording import OpportunityRecording
from services.customers.opportunity.repository import CLOSING, NEWEST, MongoOpportunityRepository
from services.customers.opportunity.telling import Telling, moment

_NEWEST_KINDS = (datetime, str)
# Order -> (what it is by, of which types that is in a cursor).
_ORDERS: Mapping[int, tuple[Sequence[tuple[str, int]], Sequence[type]]] = {
    pb.OPPORTUNITY_ORDER_UNSPECIFIED: (NEWEST, _NEWEST_KINDS),
    pb.OPPORTUNITY_ORDER_OPENED_AT_DESC: (NEWEST, _NEWEST_KINDS),
    pb.OPPORTUNITY_ORDER_CLOSES_ON_ASC: (CLOSING, (str, str)),
}


class OpportunityServicer(opportunity_pb2_grpc.OpportunityServiceServicer):
    def __init__(
        self,
        opportunities: MongoOpportunityRepository,
        naming: Naming,
        telling: Telling,
        recording: OpportunityRecording,
        writes: Writes,
        now: Callable[[], datetime],
    ) -> None:
        self._opportunities = opportunities
        self._naming = naming
        self._telling = telling
        self._recording = recording
        self._writes = writes
        self._now = now

    async def BatchGetOpportunities(
        self, request: pb.BatchGetOpportunitiesRequest, context: Any
    ) -> pb.BatchGetOpportunitiesResponse:
        found = await self._opportunities.of_ids(current_caller(), request.ids)
        protos = {id: messages.to_proto(one) for id, one in found.items()}
        return pb.BatchGetOpportunitiesResponse(answers=answers(pb.OpportunityAnswer, request.ids, protos))

    async def ListOpportunities(
        self, request: pb.ListOpportunitiesRequest, context: Any
    ) -> pb.ListOpportunitiesResponse:
        if request.order_by not in _ORDERS:
            raise InvalidInput("there is no such order", ("order_by",))
        order, kinds = _ORDERS[request.order_by]
        page = page_of(request.page, kinds)
        condition = messages.condition_from_proto(request.filter)
        part = await self._opportunities.page(current_caller(), page, order, condition)
        return pb.ListOpportunitiesResponse(page=_page(part))

    async def BatchListOpportunities(
        self, request: pb.BatchListOpportunitiesRequest, context: Any
    ) -> pb.BatchListOpportunitiesResponse:
        page = page_of(request.page, _NEWEST_KINDS)
        parts = await self._opportunities.pages(current_caller(), request.customer_ids, page)
        return pb.BatchListOpportunitiesResponse(
            pages={id: _page(parts.get(id) or slice_of([], [], page)) for id in request.customer_ids}
        )

    async def CreateOpportunity(
        self, request: pb.CreateOpportunityRequest, context: Any
    ) -> pb.CreateOpportunityResponse:
        caller = current_caller()
        source = request.source or OWN_SOURCE
        require_source(caller, source)
        record = await self._naming.record(
            caller,
            request.customer_id if request.HasField("customer_id") else None,
            (request.customer_external_id.source, request.customer_external_id.id)
            if request.HasField("customer_external_id")
            else None,
        )

        async def create(session: Session) -> pb.CreateOpportunityResponse:
            _, kept = await self._telling.tell(caller, source, record, request, session)
            return pb.CreateOpportunityResponse(opportunity=messages.to_proto(kept))

        response = await self._writes.run(caller, request, pb.CreateOpportunityResponse, create)
        self._recording.told()
        return response

    async def UpdateOpportunity(
        self, request: pb.UpdateOpportunityRequest, context: Any
    ) -> pb.UpdateOpportunityResponse:
        caller = current_caller()

        async def update(session: Session) -> pb.UpdateOpportunityResponse:
            known = await self._present(caller, request.id, session)
            said = messages.changed_from_proto(known, request.fields, list(request.paths))
            news = changed(known, request.version, await self._naming.checked(caller, said, session))
            kept = await self._recording.record(caller, known, news, session)
            return pb.UpdateOpportunityResponse(opportunity=messages.to_proto(kept))

        response = await self._writes.run(caller, request, pb.UpdateOpportunityResponse, update)
        self._recording.told()
        return response

    async def MoveOpportunity(self, request: pb.MoveOpportunityRequest, context: Any) -> pb.MoveOpportunityResponse:
        caller = current_caller()
        now = self._now()
        move = Move(messages.stage_from_proto(request.stage), moment(request, "at") or now)
        reason = request.loss_reason if request.HasField("loss_reason") else None

        async def take(session: Session) -> pb.MoveOpportunityResponse:
            known = await self._present(caller, request.id, session)
            news = moved(known, request.version, move, now, loss_reason=reason, reopen=request.reopen)
            kept = await self._recording.record(caller, known, news, session)
            return pb.MoveOpportunityResponse(opportunity=messages.to_proto(kept))

        response = await self._writes.run(caller, request, pb.MoveOpportunityResponse, take)
        self._recording.told()
        return response

    async def _present(self, caller: Caller, id: str, session: Session) -> Opportunity:
        found = (await self._opportunities.of_ids(caller, [id], session)).get(id)
        if found is None:
            raise OpportunityNotFound(id)
        return found


def _page(part: Slice[Opportunity]) -> pb.OpportunityPage:
    edges = [
        pb.OpportunityEdge(cursor=encode_cursor(boundary), node=messages.to_proto(one))
        for one, boundary in zip(part.items, part.boundaries, strict=True)
    ]
    return pb.OpportunityPage(edges=edges, page_info=page_info(part))
