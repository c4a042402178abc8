"""Answers OpportunityService calls."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp
from rundblick.customers.v1 import opportunity_pb2 as pb
from rundblick.customers.v1 import opportunity_pb2_grpc

from chassis.caller import Caller, current_caller
from chassis.errors import AlreadyExists, InvalidInput
from chassis.idempotency import Writes
from chassis.ids import new_id
from chassis.mongo import Session, require_source
from chassis.page import Slice, encode_cursor, page_info, page_of, slice_of
from chassis.times import from_timestamp
from services.customers.batches import answers
from services.customers.opportunity import messages
from services.customers.opportunity.domain import (
    OWN_SOURCE,
    PREFIX,
    Move,
    Opportunity,
    OpportunityNotFound,
    Stage,
    as_told,
    changed,
    corrected,
    moved,
    opened,
)
from services.customers.opportunity.naming import Naming
from services.customers.opportunity.recording import OpportunityRecording
from services.customers.opportunity.repository import CLOSING, NEWEST, MongoOpportunityRepository

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
        recording: OpportunityRecording,
        writes: Writes,
        now: Callable[[], datetime],
    ) -> None:
        self._opportunities = opportunities
        self._naming = naming
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
            known = await self._known(caller, source, request, session)
            if known is not None:
                news = self._said_again(known, request)
            else:
                # Whoever finds a chance works on it, until it is given to somebody else.
                said = await self._new(caller, source, record, request, session)
                news = said if request.fields.HasField("owner_id") else replace(said, owner=caller.employee)
            news = await self._naming.checked(caller, news, session)
            kept = await self._recording.record(caller, known, corrected(known, news) if known else news, session)
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
        move = Move(messages.stage_from_proto(request.stage), _moment(request, "at") or now)
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

    async def _known(
        self, caller: Caller, source: str, request: pb.CreateOpportunityRequest, session: Session
    ) -> Opportunity | None:
        """AlreadyExists: it is somebody else's, whose opportunities this caller does not see."""
        if not request.external_id:
            return None
        known = await self._opportunities.known(caller, source, request.external_id, session)
        if known is not None and not await self._opportunities.of_ids(caller, [known.id], session):
            raise AlreadyExists(f"{source} told of {request.external_id[:80]} before", ("external_id",))
        return known

    def _said_again(self, known: Opportunity, request: pb.CreateOpportunityRequest) -> Opportunity:
        now, move = self._now(), None
        if request.stage:
            move = Move(messages.stage_from_proto(request.stage), _moment(request, "stage_since") or now)
        told = as_told(known, move, now, request.loss_reason if request.HasField("loss_reason") else None)
        return messages.changed_from_proto(told, request.fields, messages.said_in(request.fields))

    async def _new(
        self, caller: Caller, source: str, record: str, request: pb.CreateOpportunityRequest, session: Session
    ) -> Opportunity:
        now = self._now()
        opened_at = _moment(request, "opened_at") or now
        stage = messages.stage_from_proto(request.stage) if request.stage else Stage.PROSPECTING
        return Opportunity(
            id=new_id(PREFIX),
            customer=await self._naming.holder(caller, record, session),
            source_record=record,
            opened_at=opened_at,
            moves=opened(stage, opened_at, _moment(request, "stage_since"), now),
            source=source,
            external_id=request.external_id or None,
            loss_reason=request.loss_reason if request.HasField("loss_reason") else None,
            **{"title": "", **messages.read(request.fields, messages.said_in(request.fields))},
        )


def _moment(request: Any, name: str) -> datetime | None:
    said: Timestamp = getattr(request, name)
    return from_timestamp(said, (name,)) if request.HasField(name) else None


def _page(part: Slice[Opportunity]) -> pb.OpportunityPage:
    edges = [
        pb.OpportunityEdge(cursor=encode_cursor(boundary), node=messages.to_proto(one))
        for one, boundary in zip(part.items, part.boundaries, strict=True)
    ]
    return pb.OpportunityPage(edges=edges, page_info=page_info(part))
