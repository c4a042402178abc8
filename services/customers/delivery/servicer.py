"""Answers CustomerDeliveryService calls."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from rundblick.customers.v1 import delivery_pb2 as pb
from rundblick.customers.v1 import delivery_pb2_grpc

from chassis.batches import item_error
from chassis.caller import Caller, Reach, current_caller
from chassis.errors import DomainError, Fault, InvalidInput, NotFound
from chassis.idempotency import Writes
from chassis.mongo import Session, require_source
from chassis.page import Slice, encode_cursor, page_info, page_of, slice_of
from services.customers.batches import LARGEST_BATCH, answers
from services.customers.customer.domain import OWN_SOURCE, CustomerNotFound
from services.customers.customer.repository import MongoCustomerRepository
from services.customers.delivery import messages
from services.customers.delivery.domain import Delivery, DeliveryNotFound, id_in
from services.customers.delivery.ending import Ending
from services.customers.delivery.queueing import Queueing
from services.customers.delivery.repository import MongoDeliveryRepository
from services.customers.reference.resolver import Asked, Resolver

# (customer, source record): whom a delivery is for.
_Whose = tuple[str | None, str | None]
_NOBODY: _Whose = (None, None)


class CustomerDeliveryServicer(delivery_pb2_grpc.CustomerDeliveryServiceServicer):
    def __init__(
        self,
        deliveries: MongoDeliveryRepository,
        queueing: Queueing,
        ending: Ending,
        customers: MongoCustomerRepository,
        resolver: Resolver,
        writes: Writes,
        now: Callable[[], datetime],
    ) -> None:
        self._deliveries = deliveries
        self._queueing = queueing
        self._ending = ending
        self._customers = customers
        self._resolver = resolver
        self._writes = writes
        self._now = now

    async def BatchGetDeliveries(
        self, request: pb.BatchGetDeliveriesRequest, context: Any
    ) -> pb.BatchGetDeliveriesResponse:
        caller = current_caller()
        by_id = await self._deliveries.of_ids(caller, request.ids) if request.ids else {}
        source, keys = request.source or OWN_SOURCE, request.external_ids
        by_key = await self._deliveries.of_external_ids(caller, source, keys) if keys else {}
        whose = {one.customer for some in (by_id, by_key) for one in some.values() if one.customer is not None}
        seen = await self._customers.seen(caller, whose)
        return pb.BatchGetDeliveriesResponse(
            answers=answers(pb.DeliveryAnswer, request.ids, _shown(caller, by_id, seen)),
            answers_by_external_id=answers(pb.DeliveryAnswer, keys, _shown(caller, by_key, seen)),
        )

    async def BatchListDeliveries(
        self, request: pb.BatchListDeliveriesRequest, context: Any
    ) -> pb.BatchListDeliveriesResponse:
        caller, page = current_caller(), page_of(request.page, [datetime, str])
        seen = await self._customers.seen(caller, request.customer_ids)
        slices = await self._deliveries.pages(caller, [id for id in request.customer_ids if id in seen], page)
        # Whom the caller does not see has as many as one that does not exist.
        return pb.BatchListDeliveriesResponse(
            pages={id: _page(slices.get(id) or slice_of([], [], page)) for id in request.customer_ids}
        )

    async def ListDeliveries(self, request: pb.ListDeliveriesRequest, context: Any) -> pb.ListDeliveriesResponse:
        state = messages.state_from_proto(request.state)
        part = await self._deliveries.in_state(current_caller(), state, page_of(request.page, [str]))
        return pb.ListDeliveriesResponse(page=_page(part, bare=True))

    async def SendDeliveries(self, request: pb.SendDeliveriesRequest, context: Any) -> pb.SendDeliveriesResponse:
        caller, now = current_caller(), self._now()
        if len(request.deliveries) > LARGEST_BATCH:
            raise InvalidInput(f"at most {LARGEST_BATCH} at once", ("deliveries",))
        whose = await self._whose(caller, request)
        said: dict[int, Delivery] = {}
        faults: dict[int, Fault] = {}
        for position, message in enumerate(request.deliveries):
            try:
                customer, record = _of(message, whose)
                delivery = messages.from_proto(message, customer, record, now)
                require_source(caller, delivery.source)
                said[position] = delivery
            except DomainError as error:
                faults[position] = error.fault

        async def send(session: Session) -> pb.SendDeliveriesResponse:
            kept = await self._queueing.queue(caller, session, list(said.values()))
            return pb.SendDeliveriesResponse(
                answers=[
                    pb.DeliveryAnswer(error=item_error(faults[position]))
                    if position in faults
                    else pb.DeliveryAnswer(value=messages.to_proto(kept[said[position].id]))
                    for position in range(len(request.deliveries))
                ]
            )

        response = await self._writes.run(caller, request, pb.SendDeliveriesResponse, send)
        self._queueing.told()
        return response

    async def RetryDelivery(self, request: pb.RetryDeliveryRequest, context: Any) -> pb.RetryDeliveryResponse:
        caller = current_caller()

        async def retry(session: Session) -> pb.RetryDeliveryResponse:
            delivery = (await self._known(caller, request.id, session)).retried(self._now())
            await self._deliveries.save(caller, delivery, session)
            return pb.RetryDeliveryResponse(delivery=_told(caller, delivery))

        response = await self._writes.run(caller, request, pb.RetryDeliveryResponse, retry)
        self._queueing.told()
        return response

    async def RecordBounce(self, request: pb.RecordBounceRequest, context: Any) -> pb.RecordBounceResponse:
        caller, id = current_caller(), id_in(request.message_id)

        async def record(session: Session) -> pb.RecordBounceResponse:
            delivery = (await self._known(caller, id, session, ("message_id",))).came_back()
            await self._deliveries.save(caller, delivery, session)
            return pb.RecordBounceResponse(delivery=_told(caller, delivery))

        return await self._writes.run(caller, request, pb.RecordBounceResponse, record)

    async def Unsubscribe(self, request: pb.UnsubscribeRequest, context: Any) -> pb.UnsubscribeResponse:
        await self._ending.end(current_caller(), request.token)
        return pb.UnsubscribeResponse()

    async def _known(self, caller: Caller, id: str, session: Session, path: tuple[str, ...] = ("id",)) -> Delivery:
        found = await self._deliveries.of_ids(caller, [id], session)
        if id not in found:
            raise DeliveryNotFound(id, path)
        return found[id]

    async def _whose(self, caller: Caller, request: pb.SendDeliveriesRequest) -> Mapping[tuple[str, str], _Whose]:
        """By ("", customer id) and by (source, external id); who is not known is left out."""
        found: dict[tuple[str, str], _Whose] = {}
        ids = {one.customer_id for one in request.deliveries if one.HasField("customer_id")}
        if ids:
            resolved = await self._resolver.resolve(caller, Asked(OWN_SOURCE, customer_ids=sorted(ids)))
            found = {("", id): (one.customer, one.record) for id, one in resolved.by_id.items()}
        keys = [one.customer_external_id for one in request.deliveries if one.HasField("customer_external_id")]
        for source in {key.source for key in keys}:
            wanted = [key.id for key in keys if key.source == source]
            there = await self._customers.of_external_ids(caller, source, wanted)
            found |= {(source, id): (customer, record.id) for id, (customer, record) in there.items()}
        return found


def _of(message: pb.NewDelivery, whose: Mapping[tuple[str, str], _Whose]) -> _Whose:
    by_id, by_key = message.HasField("customer_id"), message.HasField("customer_external_id")
    if by_id and by_key:
        raise InvalidInput("name a customer by id or by external id", ("customer_id",))
    if by_id:
        if ("", message.customer_id) not in whose:
            raise CustomerNotFound(message.customer_id, ("customer_id",))
        return whose["", message.customer_id]
    if by_key:
        key = message.customer_external_id
        if (key.source, key.id) not in whose:
            raise NotFound(f"{key.source} has no record {key.id}", ("customer_external_id",))
        return whose[key.source, key.id]
    return _NOBODY


def _told(caller: Caller, delivery: Delivery) -> pb.Delivery:
    """Who looks after the system, or after addresses, need not see what is written to customers."""
    return messages.to_proto(delivery, bare=caller.reach("customers:read") is not Reach.ALL)


def _shown(caller: Caller, found: Mapping[str, Delivery], seen: set[str]) -> dict[str, pb.Delivery]:
    """Whose customer somebody sees, those deliveries they see; of what goes to nobody it is who sent it that counts."""

    def follows(one: Delivery) -> bool:
        if caller.rows is Reach.ALL or one.customer in seen:
            return True
        return one.customer is None and one.owner == caller.employee

    return {key: messages.to_proto(one) for key, one in found.items() if follows(one)}


def _page(part: Slice[Delivery], *, bare: bool = False) -> pb.DeliveryPage:
    edges = [
        pb.DeliveryEdge(cursor=encode_cursor(boundary), node=messages.to_proto(delivery, bare=bare))
        for delivery, boundary in zip(part.items, part.boundaries, strict=True)
    ]
    return pb.DeliveryPage(edges=edges, page_info=page_info(part))
