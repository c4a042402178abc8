"""Answers OfferService calls."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

from rundblick.customers.v1 import offer_pb2 as pb
from rundblick.customers.v1 import offer_pb2_grpc

from chassis.caller import current_caller
from chassis.idempotency import Writes
from chassis.ids import new_id
from chassis.mongo import Session
from chassis.page import Slice, encode_cursor, page_info, page_of, slice_of
from services.customers.batches import answers
from services.customers.customer.repository import MongoCustomerRepository
from services.customers.offer import messages
from services.customers.offer.domain import (
    MOST_ACTIVE,
    OUTCOME_PREFIX,
    PREFIX,
    Offer,
    OfferKeyTaken,
    OfferNotFound,
    Outcome,
    TooManyOffers,
    archived,
    redefined,
)
from services.customers.offer.eligibility import Eligibility
from services.customers.offer.recording import OutcomeRecording
from services.customers.offer.repository import MongoOfferRepository, MongoOutcomeRepository
from services.customers.standing.sweeping import Sweep


class OfferServicer(offer_pb2_grpc.OfferServiceServicer):
    """sweep: by which all customers are judged anew when an offer changed."""

    def __init__(
        self,
        offers: MongoOfferRepository,
        outcomes: MongoOutcomeRepository,
        customers: MongoCustomerRepository,
        eligibility: Eligibility,
        recording: OutcomeRecording,
        sweep: Sweep,
        writes: Writes,
        now: Callable[[], datetime],
    ) -> None:
        self._offers = offers
        self._outcomes = outcomes
        self._customers = customers
        self._eligibility = eligibility
        self._recording = recording
        self._sweep = sweep
        self._writes = writes
        self._now = now

    async def BatchGetOffers(self, request: pb.BatchGetOffersRequest, context: Any) -> pb.BatchGetOffersResponse:
        found = await self._offers.of_ids(current_caller(), request.ids)
        protos = {id: messages.to_proto(offer) for id, offer in found.items()}
        return pb.BatchGetOffersResponse(answers=answers(pb.OfferAnswer, request.ids, protos))

    async def FindOffer(self, request: pb.FindOfferRequest, context: Any) -> pb.FindOfferResponse:
        found = await self._offers.of_keys(current_caller(), [request.key])
        if request.key not in found:
            raise OfferNotFound(request.key, ("key",))
        return pb.FindOfferResponse(offer=messages.to_proto(found[request.key]))

    async def ListOffers(self, request: pb.ListOffersRequest, context: Any) -> pb.ListOffersResponse:
        active = request.active if request.HasField("active") else None
        part = await self._offers.page(current_caller(), page_of(request.page, [str]), active=active)
        edges = [
            pb.OfferEdge(cursor=encode_cursor(boundary), node=messages.to_proto(offer))
            for offer, boundary in zip(part.items, part.boundaries, strict=True)
        ]
        return pb.ListOffersResponse(page=pb.OfferPage(edges=edges, page_info=page_info(part)))

    async def DefineOffer(self, request: pb.DefineOfferRequest, context: Any) -> pb.DefineOfferResponse:
        caller = current_caller()
        said = messages.from_proto(request.fields, new_id(PREFIX))

        async def define(session: Session) -> pb.DefineOfferResponse:
            await self._eligibility.check(said, session)
            known = (await self._offers.of_keys(caller, [said.key], session)).get(said.key)
            offer = _defined(said, known, request.version if request.HasField("version") else None)
            others = {one.id for one in await self._offers.active(caller, session)} - {offer.id}
            if len(others) >= MOST_ACTIVE:
                raise TooManyOffers
            await self._offers.save(caller, offer, session)
            await self._sweep.ask(offer.key, session)
            return pb.DefineOfferResponse(offer=messages.to_proto(offer))

        return await self._writes.run(caller, request, pb.DefineOfferResponse, define)

    async def ArchiveOffer(self, request: pb.ArchiveOfferRequest, context: Any) -> pb.ArchiveOfferResponse:
        caller = current_caller()

        async def archive(session: Session) -> pb.ArchiveOfferResponse:
            known = (await self._offers.of_ids(caller, [request.id], session)).get(request.id)
            if known is None:
                raise OfferNotFound(request.id)
            offer = archived(known, request.version)
            await self._offers.save(caller, offer, session)
            return pb.ArchiveOfferResponse(offer=messages.to_proto(offer))

        return await self._writes.run(caller, request, pb.ArchiveOfferResponse, archive)

    async def RecordOfferOutcome(
        self, request: pb.RecordOfferOutcomeRequest, context: Any
    ) -> pb.RecordOfferOutcomeResponse:
        caller = current_caller()
        offer = await self._recording.offer(caller, request.offer)
        said = messages.outcome_from_proto(request, offer, new_id(OUTCOME_PREFIX), self._now())
        self._recording.check(caller, said)
        external = request.customer_external_id
        record = await self._recording.whose(
            caller,
            request.customer_id if request.HasField("customer_id") else None,
            (external.source, external.id) if request.HasField("customer_external_id") else None,
        )
        outcome = replace(said, source_record=record, employee=caller.employee, team=caller.team)

        async def keep(session: Session) -> pb.RecordOfferOutcomeResponse:
            kept = await self._recording.record(caller, session, outcome)
            return pb.RecordOfferOutcomeResponse(outcome=messages.outcome_to_proto(kept))

        response = await self._writes.run(caller, request, pb.RecordOfferOutcomeResponse, keep)
        self._recording.told()
        return response

    async def BatchListOfferOutcomes(
        self, request: pb.BatchListOfferOutcomesRequest, context: Any
    ) -> pb.BatchListOfferOutcomesResponse:
        caller = current_caller()
        page = page_of(request.page, [datetime, str])
        seen = await self._customers.seen(caller, request.customer_ids)
        slices = await self._outcomes.pages(caller, [id for id in request.customer_ids if id in seen], page)
        nothing: Slice[Outcome] = slice_of([], [], page)
        return pb.BatchListOfferOutcomesResponse(
            pages={id: _outcomes(slices.get(id, nothing)) for id in request.customer_ids}
        )


def _defined(said: Offer, known: Offer | None, version: int | None) -> Offer:
    if known is None:
        if version is not None:
            raise OfferNotFound(said.key, ("key",))
        return said
    if version is None:
        raise OfferKeyTaken(said.key, known.version)
    return redefined(known, version, said)


def _outcomes(part: Slice[Outcome]) -> pb.OfferOutcomePage:
    edges = [
        pb.OfferOutcomeEdge(cursor=encode_cursor(boundary), node=messages.outcome_to_proto(outcome))
        for outcome, boundary in zip(part.items, part.boundaries, strict=True)
    ]
    return pb.OfferOutcomePage(edges=edges, page_info=page_info(part))
