"""Answers StreamService calls."""

from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from typing import Any

from rundblick.customers.v1 import stream_pb2 as pb
from rundblick.customers.v1 import stream_pb2_grpc

from chassis.caller import Caller, Reach, current_caller
from chassis.errors import NotFound
from chassis.events import Numbered
from chassis.page import decode_cursor, encode_cursor
from chassis.tail import SIGN_OF_LIFE, Tail
from services.customers.customer.domain import CustomerNotFound
from services.customers.customer.repository import MongoCustomerRepository
from services.customers.stream import messages
from services.customers.stream.domain import DomainEvent, DomainEventKind, Wanted
from services.customers.touchpoint.repository import MongoTouchpointRepository


class StreamServicer(stream_pb2_grpc.StreamServiceServicer):
    def __init__(
        self,
        customers: MongoCustomerRepository,
        touchpoints: MongoTouchpointRepository,
        tail: Tail[DomainEvent, Wanted],
        *,
        sign_of_life: float = SIGN_OF_LIFE,
    ) -> None:
        self._customers = customers
        self._touchpoints = touchpoints
        self._tail = tail
        self._sign_of_life = sign_of_life

    async def Watch(self, request: pb.WatchRequest, context: Any) -> AsyncIterator[pb.WatchResponse]:
        caller, wanted = current_caller(), messages.wanted_from_proto(request)
        place = decode_cursor(request.after, [int], "after")[0] if request.after else await self._tail.last(caller)
        await self._require_seen(caller, wanted)
        wanted = await self._following(caller, wanted)

        async def next(place: int) -> tuple[Sequence[Numbered[DomainEvent]], bool, int]:
            nonlocal wanted
            wanted, found, until = await self._next(caller, wanted, place)
            return await self._seen(caller, found), bool(found), until

        async with aclosing(self._tail.follow(place, next, self._sign_of_life)) as told:
            async for reached, event in told:
                yield _told(reached, event)

    async def _next(
        self, caller: Caller, wanted: Wanted, after: int
    ) -> tuple[Wanted, Sequence[Numbered[DomainEvent]], int]:
        """The next events, and where they end. A merge among them tells by which id others among them speak."""
        while True:
            found, until = await self._tail.since(caller, wanted, after)
            again = await self._following(caller, wanted) if found else wanted
            if again == wanted:
                return wanted, found, until
            wanted = again

    async def _following(self, caller: Caller, wanted: Wanted) -> Wanted:
        if wanted.asked is None:
            return wanted
        leads = await self._customers.leads_to(caller, [wanted.asked])
        return wanted.following([wanted.asked, *leads.values()])

    async def _require_seen(self, caller: Caller, wanted: Wanted) -> None:
        if wanted.asked is not None and not await self._customers.of_ids(caller, [wanted.asked]):
            raise CustomerNotFound(wanted.asked, ("customer_id",))
        if wanted.touchpoint is not None and not await self._touchpoints.of_ids(caller, [wanted.touchpoint]):
            raise NotFound(f"there is no touchpoint {wanted.touchpoint}", ("touchpoint_id",))

    async def _seen(self, caller: Caller, found: Sequence[Numbered[DomainEvent]]) -> Sequence[Numbered[DomainEvent]]:
        """Those of the customers that the caller's rows cover; without a customer it is who acted that counts."""
        if caller.rows is Reach.ALL or not found:
            return found
        seen = await self._customers.seen(caller, {one.event.customer for one in found if one.event.customer})
        own = [(one, one.event.customer, one.event.employee) for one in found]
        return [one for one, of, by in own if of in seen or (of is None and by == caller.employee)]


def _told(place: int, event: DomainEvent | None) -> pb.WatchResponse:
    changed = event is not None and event.kind is DomainEventKind.CUSTOMER_CHANGED
    return pb.WatchResponse(
        cursor=encode_cursor((place,)),
        customer_id=event.customer if event is not None and changed else None,
        interaction_id=event.interaction if event is not None and not changed else None,
    )
