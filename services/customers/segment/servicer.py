"""Answers SegmentService calls."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from rundblick.customers.v1 import segment_pb2 as pb
from rundblick.customers.v1 import segment_pb2_grpc

from chassis.caller import Caller, Reach, current_caller
from chassis.errors import Forbidden, InvalidInput
from chassis.idempotency import Writes
from chassis.ids import new_id
from chassis.mongo import Session
from chassis.outbox import Outbox
from chassis.page import page_of, slice_of
from chassis.times import to_timestamp
from services.customers.batches import answers
from services.customers.customer.domain import CustomerNotFound
from services.customers.customer.repository import MongoCustomerRepository
from services.customers.reference.resolver import Resolver
from services.customers.segment import messages
from services.customers.segment.defining import Defining
from services.customers.segment.domain import MOST_PICKED, PREFIX, Segment, SegmentNotFound, check_list
from services.customers.segment.evaluating import Evaluating
from services.customers.segment.judging import SegmentJudge
from services.customers.segment.memberships import MongoMembershipRepository
from services.customers.segment.repository import MongoSegmentRepository

_READ = "segments:read"


class SegmentServicer(segment_pb2_grpc.SegmentServiceServicer):
    def __init__(
        self,
        segments: MongoSegmentRepository,
        memberships: MongoMembershipRepository,
        customers: MongoCustomerRepository,
        defining: Defining,
        judge: SegmentJudge,
        evaluating: Evaluating,
        resolver: Resolver,
        writes: Writes,
        outbox: Outbox,
        now: Callable[[], datetime],
    ) -> None:
        self._segments = segments
        self._memberships = memberships
        self._customers = customers
        self._defining = defining
        self._judge = judge
        self._evaluating = evaluating
        self._resolver = resolver
        self._writes = writes
        self._outbox = outbox
        self._now = now

    async def BatchGetSegments(self, request: pb.BatchGetSegmentsRequest, context: Any) -> pb.BatchGetSegmentsResponse:
        found = await self._segments.shown(current_caller(), {"_id": {"$in": list(request.ids)}})
        protos = {one.segment.id: messages.to_proto(one, self._now()) for one in found}
        return pb.BatchGetSegmentsResponse(answers=answers(pb.SegmentAnswer, request.ids, protos))

    async def FindSegment(self, request: pb.FindSegmentRequest, context: Any) -> pb.FindSegmentResponse:
        found = await self._segments.shown(current_caller(), {"key": request.key})
        if not found:
            raise SegmentNotFound(request.key, ("key",))
        return pb.FindSegmentResponse(segment=messages.to_proto(found[0], self._now()))

    async def ListSegments(self, request: pb.ListSegmentsRequest, context: Any) -> pb.ListSegmentsResponse:
        active = request.active if request.HasField("active") else None
        part = await self._segments.page(current_caller(), page_of(request.page, [str]), active=active)
        return pb.ListSegmentsResponse(page=messages.page_to_proto(part, self._now()))

    async def BatchListCustomerSegments(
        self, request: pb.BatchListCustomerSegmentsRequest, context: Any
    ) -> pb.BatchListCustomerSegmentsResponse:
        caller = current_caller()
        asked = list(request.customer_ids)
        # Where a customer belongs follows from what all sources say, and would tell partners of the others.
        shown = caller.sources is None and caller.reach(_READ) is not Reach.NONE
        seen = await self._customers.seen(caller, asked) if shown else set()
        found = await self._memberships.active_of(caller, [id for id in asked if id in seen])
        return pb.BatchListCustomerSegmentsResponse(
            lists={
                id: pb.CustomerSegmentList(
                    segments=[
                        pb.CustomerSegment(segment_id=segment, since=to_timestamp(since))
                        for segment, since in found.get(id, ())
                    ]
                )
                for id in asked
            }
        )

    async def BatchListSegmentCustomers(
        self, request: pb.BatchListSegmentCustomersRequest, context: Any
    ) -> pb.BatchListSegmentCustomersResponse:
        caller = current_caller()
        page = page_of(request.page, [str])
        shown = caller.sources is None and caller.reach(_READ) is not Reach.NONE
        slices = await self._memberships.pages(caller, request.segment_ids, page) if shown else {}
        return pb.BatchListSegmentCustomersResponse(
            pages={
                id: messages.customers_to_proto(slices[id] if id in slices else slice_of([], [], page))
                for id in request.segment_ids
            }
        )

    async def DefineSegment(self, request: pb.DefineSegmentRequest, context: Any) -> pb.DefineSegmentResponse:
        caller = current_caller()
        said = messages.from_proto(request.fields, new_id(PREFIX))
        made_from = request.version if request.HasField("version") else None
        if request.dry_run:
            trial = await self._defining.tried(caller, said, made_from)
            return pb.DefineSegmentResponse(trial=pb.SegmentTrial(**vars(trial)))

        async def define(session: Session) -> pb.DefineSegmentResponse:
            segment = await self._defining.define(caller, said, made_from, session)
            return pb.DefineSegmentResponse(segment=await self._shown(caller, segment, session))

        response = await self._writes.run(caller, request, pb.DefineSegmentResponse, define)
        self._evaluating.wake()
        return response

    async def ArchiveSegment(self, request: pb.ArchiveSegmentRequest, context: Any) -> pb.ArchiveSegmentResponse:
        caller = current_caller()

        async def archive(session: Session) -> pb.ArchiveSegmentResponse:
            segment = await self._defining.archive(caller, request.id, request.version, session)
            return pb.ArchiveSegmentResponse(segment=await self._shown(caller, segment, session))

        response = await self._writes.run(caller, request, pb.ArchiveSegmentResponse, archive)
        self._evaluating.wake()
        return response

    async def AddToSegment(self, request: pb.AddToSegmentRequest, context: Any) -> pb.AddToSegmentResponse:
        caller = current_caller()
        ids = await self._pickable(caller, request.customer_ids)
        records = await self._resolver.own_records(caller, ids)

        async def add(session: Session) -> pb.AddToSegmentResponse:
            segment = await self._list(caller, request.segment_id, session)
            whose = await self._customers.customers_of_records(caller, records.values(), session, hold=True)
            await self._segments.pick(caller, segment, whose, session)
            changed = await self._judge.place(caller, segment, whose.values(), self._now(), session, member=True)
            return pb.AddToSegmentResponse(segment=await self._shown(caller, segment, session), changed=changed)

        response = await self._writes.run(caller, request, pb.AddToSegmentResponse, add)
        self._outbox.wake()
        return response

    async def RemoveFromSegment(
        self, request: pb.RemoveFromSegmentRequest, context: Any
    ) -> pb.RemoveFromSegmentResponse:
        caller = current_caller()
        await self._pickable(caller, request.customer_ids)

        async def remove(session: Session) -> pb.RemoveFromSegmentResponse:
            segment = await self._list(caller, request.segment_id, session)
            leads = await self._customers.leads_to(caller, request.customer_ids, session)
            present = {leads.get(id, id) for id in request.customer_ids}
            await self._segments.drop(caller, segment, present, session)
            changed = await self._judge.place(caller, segment, present, self._now(), session, member=False)
            return pb.RemoveFromSegmentResponse(segment=await self._shown(caller, segment, session), changed=changed)

        response = await self._writes.run(caller, request, pb.RemoveFromSegmentResponse, remove)
        self._outbox.wake()
        return response

    async def _pickable(self, caller: Caller, ids: Sequence[str]) -> list[str]:
        """Forbidden: partners pick nobody. InvalidInput: none, or too many. CustomerNotFound: which one."""
        if caller.sources is not None:
            raise Forbidden("partners do not put customers into segments")
        if not 1 <= len(ids) <= MOST_PICKED:
            raise InvalidInput(f"1 to {MOST_PICKED} customers at once", ("customer_ids",))
        found = await self._customers.of_ids(caller, ids)
        for place, id in enumerate(ids):
            if id not in found:
                raise CustomerNotFound(id, ("customer_ids", str(place)))
        return list(ids)

    async def _list(self, caller: Caller, id: str, session: Session) -> Segment:
        """One for which customers are picked."""
        segment = (await self._segments.of_ids(caller, [id], session)).get(id)
        if segment is None:
            raise SegmentNotFound(id, ("segment_id",))
        check_list(segment)
        return segment

    async def _shown(self, caller: Caller, segment: Segment, session: Session) -> pb.Segment:
        (shown,) = await self._segments.shown(caller, {"_id": segment.id}, session)
        return messages.to_proto(shown, self._now())
