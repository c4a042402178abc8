"""Answers InteractionService calls."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from rundblick.customers.v1 import interaction_pb2 as pb
from rundblick.customers.v1 import interaction_pb2_grpc

from chassis.batches import item_error
from chassis.caller import Caller, Reach, current_caller
from chassis.idempotency import Writes
from chassis.mongo import Database, Session, in_transaction
from chassis.page import encode_cursor, page_info, page_of, slice_of
from chassis.times import to_timestamp
from services.customers.batches import answers
from services.customers.customer.repository import MongoCustomerRepository
from services.customers.interaction import messages
from services.customers.interaction.domain import Interaction, Wanted
from services.customers.interaction.journey import Journeys
from services.customers.interaction.naming import Naming, Read
from services.customers.interaction.recording import Recording
from services.customers.interaction.repository import MongoInteractionRepository
from services.customers.touchpoint.repository import MongoTouchpointRepository


class InteractionServicer(interaction_pb2_grpc.InteractionServiceServicer):
    def __init__(
        self,
        database: Database,
        interactions: MongoInteractionRepository,
        customers: MongoCustomerRepository,
        touchpoints: MongoTouchpointRepository,
        naming: Naming,
        recording: Recording,
        journeys: Journeys,
        writes: Writes,
        freshness: Callable[[], datetime | None],
    ) -> None:
        self._database = database
        self._interactions = interactions
        self._customers = customers
        self._touchpoints = touchpoints
        self._naming = naming
        self._recording = recording
        self._journeys = journeys
        self._freshness = freshness
        self._writes = writes

    async def BatchGetInteractions(
        self, request: pb.BatchGetInteractionsRequest, context: Any
    ) -> pb.BatchGetInteractionsResponse:
        caller = current_caller()
        found = await self._interactions.of_ids(caller, request.ids)
        seen = await self._customers.seen(caller, {one.customer for one in found.values() if one.customer is not None})
        protos = {id: messages.to_proto(one, caller) for id, one in found.items() if _follows(caller, one, seen)}
        return pb.BatchGetInteractionsResponse(answers=answers(pb.InteractionAnswer, request.ids, protos))

    async def BatchListInteractions(
        self, request: pb.BatchListInteractionsRequest, context: Any
    ) -> pb.BatchListInteractionsResponse:
        page = page_of(request.page, [datetime, str])
        freshness = self._freshness()
        caller, wanted = current_caller(), messages.wanted_from_proto(request.filter)
        seen = await self._customers.seen(caller, request.customer_ids)
        places = await self._places(caller, wanted)
        slices = await self._interactions.pages(
            caller, [id for id in request.customer_ids if id in seen], page, wanted, places
        )
        for unseen in set(request.customer_ids) - seen:
            # As of one that does not exist.
            slices[unseen] = slice_of([], [], page)
        response = pb.BatchListInteractionsResponse()
        for customer, part in slices.items():
            response.pages[customer].CopyFrom(
                pb.InteractionPage(
                    edges=[
                        pb.InteractionEdge(cursor=encode_cursor(boundary), node=messages.to_proto(interaction, caller))
                        for interaction, boundary in zip(part.items, part.boundaries, strict=True)
                    ],
                    page_info=page_info(part),
                    freshness=to_timestamp(freshness),
                )
            )
        return response

    async def _places(self, caller: Caller, wanted: Wanted) -> frozenset[str] | None:
        """At which touchpoints; None: at any, or at none."""
        if not wanted.channels:
            return wanted.touchpoints or None
        places = await self._touchpoints.of_channels(caller, wanted.channels)
        return places & wanted.touchpoints if wanted.touchpoints else places

    async def RecordInteractions(
        self, request: pb.RecordInteractionsRequest, context: Any
    ) -> pb.RecordInteractionsResponse:
        caller = current_caller()
        read = await self._naming.read(caller, request.interactions)

        async def record(session: Session) -> pb.RecordInteractionsResponse:
            await self._naming.give(caller, read, session, hold=bool(request.idempotency_key))
            kept = await self._recording.record(caller, session, read.taken.values())
            return _answers(caller, read, kept, len(request.interactions))

        if request.idempotency_key:
            response = await self._writes.run(caller, request, pb.RecordInteractionsResponse, record)
            self._recording.told()
            return response
        # Without a key the ids alone make it happen once; so many come in this way that none waits for a merge.
        response = await in_transaction(self._database, record)
        self._recording.told()
        present = await self._journeys.settle(caller, list(read.taken.values()))
        for answer in response.answers:
            customer = present.get(answer.value.source_record_id)
            if customer is not None and answer.HasField("value"):
                answer.value.customer_id = customer
        return response


def _follows(caller: Caller, interaction: Interaction, seen: set[str]) -> bool:
    """Whose customer somebody sees, that journey they see; without a customer it is who acted that counts."""
    if caller.rows is Reach.ALL or interaction.customer in seen:
        return True
    return interaction.customer is None and interaction.employee == caller.employee


def _answers(caller: Caller, read: Read, kept: dict[str, Interaction], count: int) -> pb.RecordInteractionsResponse:
    return pb.RecordInteractionsResponse(
        answers=[
            pb.InteractionAnswer(error=item_error(read.faults[position]))
            if position in read.faults
            else pb.InteractionAnswer(
                value=messages.to_proto(kept.get(read.taken[position].id, read.taken[position]), caller)
            )
            for position in range(count)
        ]
    )
