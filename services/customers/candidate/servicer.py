"""Answers CandidateService calls."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from rundblick.customers.v1 import candidate_pb2 as pb
from rundblick.customers.v1 import candidate_pb2_grpc

from chassis.caller import current_caller
from chassis.errors import InvalidInput
from chassis.idempotency import Writes
from chassis.mongo import Session
from chassis.outbox import Outbox
from chassis.page import encode_cursor, page_info, page_of
from services.customers.batches import answers
from services.customers.candidate import messages
from services.customers.candidate.domain import CandidateNotFound, Status, decided, kept
from services.customers.candidate.repository import MongoCandidateRepository
from services.customers.customer import messages as customers
from services.customers.customer.merges import Merges
from services.customers.touchpoint.messages import kind_from_proto


class CandidateServicer(candidate_pb2_grpc.CandidateServiceServicer):
    def __init__(
        self,
        candidates: MongoCandidateRepository,
        merges: Merges,
        writes: Writes,
        outbox: Outbox,
        now: Callable[[], datetime],
    ) -> None:
        self._candidates = candidates
        self._merges = merges
        self._writes = writes
        self._outbox = outbox
        self._now = now

    async def BatchGetDuplicateCandidates(
        self, request: pb.BatchGetDuplicateCandidatesRequest, context: Any
    ) -> pb.BatchGetDuplicateCandidatesResponse:
        found = await self._candidates.of_ids(current_caller(), request.ids)
        protos = {id: messages.to_proto(candidate) for id, candidate in found.items()}
        return pb.BatchGetDuplicateCandidatesResponse(answers=answers(pb.DuplicateCandidateAnswer, request.ids, protos))

    async def ListDuplicateCandidates(
        self, request: pb.ListDuplicateCandidatesRequest, context: Any
    ) -> pb.ListDuplicateCandidatesResponse:
        if not 0 <= request.minimum_score <= 1:
            raise InvalidInput("a score lies between 0 and 1", ("minimum_score",))
        page = page_of(request.page, (float, str))
        part = await self._candidates.open(current_caller(), page, request.minimum_score)
        edges = [
            pb.DuplicateCandidateEdge(cursor=encode_cursor(boundary), node=messages.to_proto(candidate))
            for candidate, boundary in zip(part.items, part.boundaries, strict=True)
        ]
        return pb.ListDuplicateCandidatesResponse(edges=edges, page_info=page_info(part))

    async def DecideDuplicate(self, request: pb.DecideDuplicateRequest, context: Any) -> pb.DecideDuplicateResponse:
        caller = current_caller()
        decision = kind_from_proto(messages.DECISION_FROM_PROTO, request.decision, "decision")
        keep = request.keep_id if request.HasField("keep_id") else None

        async def decide(session: Session) -> pb.DecideDuplicateResponse:
            known = (await self._candidates.of_ids(caller, [request.id], session)).get(request.id)
            if known is None:
                raise CandidateNotFound(request.id)
            candidate = decided(known, decision, keep, caller.subject, caller.employee, self._now())
            response = pb.DecideDuplicateResponse()
            if candidate.status is Status.MERGED and known.status is not Status.MERGED:
                survivor = kept(known, keep)
                [duplicate] = {*known.customers} - {survivor}
                merged = await self._merges.join(caller, survivor, [duplicate], session)
                response.customer.CopyFrom(customers.to_proto(merged))
            if candidate is not known:
                await self._candidates.save(caller, [candidate], session)
            response.candidate.CopyFrom(messages.to_proto(candidate))
            return response

        response = await self._writes.run(caller, request, pb.DecideDuplicateResponse, decide)
        self._outbox.wake()
        return response
