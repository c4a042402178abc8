"""Answers InteractionService calls."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

from rundblick.customers.v1 import interaction_pb2 as pb
from rundblick.customers.v1 import interaction_pb2_grpc

from chassis.batches import item_error, size_of
from chassis.caller import Caller, Reach, current_caller
from chassis.errors import DomainError, Fault, InvalidInput, NotFound
from chassis.idempotency import Writes
from chassis.mongo import Database, Session, in_transaction, require_source
from chassis.page import encode_cursor, page_info, page_of, slice_of
from chassis.times import to_timestamp
from services.customers.batches import answers
from services.customers.code.domain import CodeNotFound, read_code
from services.customers.code.repository import MongoCodeRepository
from services.customers.customer.repository import MongoCustomerRepository
from services.customers.interaction import messages
from services.customers.interaction.domain import Interaction, Wanted
from services.customers.interaction.journey import Journeys
from services.customers.interaction.recording import Recording
from services.customers.interaction.repository import MongoInteractionRepository
from services.customers.reference.resolver import Resolver
from services.customers.touchpoint.repository import MongoTouchpointRepository


class InteractionServicer(interaction_pb2_grpc.InteractionServiceServicer):
    def __init__(
        self,
        database: Database,
        interactions: MongoInteractionRepository,
        customers: MongoCustomerRepository,
        touchpoints: MongoTouchpointRepository,
        codes: MongoCodeRepository,
        recording: Recording,
        journeys: Journeys,
        resolver: Resolver,
        writes: Writes,
        freshness: Callable[[], datetime | None],
    ) -> None:
        self._database = database
        self._interactions = interactions
        self._customers = customers
        self._touchpoints = touchpoints
        self._codes = codes
        self._recording = recording
        self._journeys = journeys
        self._freshness = freshness
        self._resolver = resolver
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
        taken: dict[int, Interaction] = {}
        faults: dict[int, Fault] = {}
        for position, message in enumerate(request.interactions):
            try:
                interaction = messages.from_proto(message)
                require_source(caller, interaction.source)
                taken[position] = interaction
            except DomainError as error:
                faults[position] = error.fault
        named = {position: request.interactions[position].code for position in taken}
        await self._place(caller, {position: code for position, code in named.items() if code}, taken, faults)
        await self._name(caller, request, taken, faults)
        await self._attribute(caller, taken, faults)

        async def record(session: Session) -> pb.RecordInteractionsResponse:
            await self._give(caller, taken, session, hold=bool(request.idempotency_key))
            kept = await self._recording.record(caller, session, taken.values())
            return _answers(caller, taken, faults, kept, len(request.interactions))

        if request.idempotency_key:
            response = await self._writes.run(caller, request, pb.RecordInteractionsResponse, record)
            self._recording.told()
            return response
        # Without a key the ids alone make it happen once; so many come in this way that none waits for a merge.
        response = await in_transaction(self._database, record)
        self._recording.told()
        present = await self._journeys.settle(caller, list(taken.values()))
        for answer in response.answers:
            customer = present.get(answer.value.source_record_id)
            if customer is not None and answer.HasField("value"):
                answer.value.customer_id = customer
        return response

    async def ListContributions(
        self, request: pb.ListContributionsRequest, context: Any
    ) -> pb.ListContributionsResponse:
        caller = current_caller()
        size = size_of(request.size)
        events, last = await self._recording.whole(caller, request.after, size)
        return pb.ListContributionsResponse(events=events, next_after=last if len(events) == size else None)

    async def _give(self, caller: Caller, taken: dict[int, Interaction], session: Session, *, hold: bool) -> None:
        """Each to the customer its record belongs to. hold: no merge comes between until the session commits."""
        records = {i.source_record for i in taken.values() if i.source_record is not None}
        if records:
            present = await self._customers.customers_of_records(caller, records, session, hold=hold)
            for position, interaction in taken.items():
                customer = present.get(interaction.source_record or "", interaction.customer)
                taken[position] = replace(interaction, customer=customer)

    async def _place(
        self, caller: Caller, named: dict[int, str], taken: dict[int, Interaction], faults: dict[int, Fault]
    ) -> None:
        """Those that name a code happened at its touchpoint, for its campaign."""
        if not named:
            return
        codes = await self._codes.of_codes(caller, map(read_code, named.values()))
        for position, name in named.items():
            code = codes.get(read_code(name))
            if code is None:
                del taken[position]
                faults[position] = CodeNotFound(name).fault
            else:
                taken[position] = replace(taken[position], touchpoint=code.touchpoint, campaign=code.campaign)

    async def _name(
        self,
        caller: Caller,
        request: pb.RecordInteractionsRequest,
        taken: dict[int, Interaction],
        faults: dict[int, Fault],
    ) -> None:
        """Those that name their customer in the words of a source system are of the record that system has."""
        named = {
            position: request.interactions[position].customer_external_id
            for position in taken
            if request.interactions[position].HasField("customer_external_id")
        }
        for source in {key.source for key in named.values()}:
            keys = {position: key.id for position, key in named.items() if key.source == source}
            found = await self._customers.of_external_ids(caller, source, set(keys.values()))
            for position, key in keys.items():
                said = taken[position]
                if said.customer is not None or said.source_record is not None:
                    twice = InvalidInput("name a customer by id or by external id", ("customer_external_id",))
                    faults[position] = twice.fault
                    del taken[position]
                elif key not in found:
                    unknown = NotFound(f"{source} has no record {key}", ("customer_external_id",))
                    faults[position] = unknown.fault
                    del taken[position]
                else:
                    customer, record = found[key]
                    taken[position] = replace(said, customer=customer, source_record=record.id)

    async def _attribute(self, caller: Caller, taken: dict[int, Interaction], faults: dict[int, Fault]) -> None:
        """Facts recorded on a golden record take Rundblick's own source record; a customer must exist."""
        bare = {i.customer for i in taken.values() if i.customer is not None and i.source_record is None}
        if not bare:
            return
        own = await self._resolver.own_records(caller, sorted(bare))
        for position, interaction in list(taken.items()):
            if interaction.customer in bare and interaction.source_record is None:
                if interaction.customer in own:
                    taken[position] = replace(interaction, source_record=own[interaction.customer])
                else:
                    del taken[position]
                    faults[position] = NotFound(f"there is no customer {interaction.customer}", ("customer_id",)).fault


def _follows(caller: Caller, interaction: Interaction, seen: set[str]) -> bool:
    """Whose customer somebody sees, that journey they see; without a customer it is who acted that counts."""
    if caller.rows is Reach.ALL or interaction.customer in seen:
        return True
    return interaction.customer is None and interaction.employee == caller.employee


def _answers(
    caller: Caller, taken: dict[int, Interaction], faults: dict[int, Fault], kept: dict[str, Interaction], count: int
) -> pb.RecordInteractionsResponse:
    return pb.RecordInteractionsResponse(
        answers=[
            pb.InteractionAnswer(error=item_error(faults[position]))
            if position in faults
            else pb.InteractionAnswer(value=messages.to_proto(kept.get(taken[position].id, taken[position]), caller))
            for position in range(count)
        ]
    )
