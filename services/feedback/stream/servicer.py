"""Answers StreamService calls."""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing
from typing import Any

from rundblick.customers.v1 import reference_pb2
from rundblick.feedback.v1 import feedback_pb2, stream_pb2_grpc
from rundblick.feedback.v1 import stream_pb2 as pb

from chassis.caller import Caller, Reach, current_caller
from chassis.events import Numbered
from chassis.page import decode_cursor, encode_cursor
from chassis.tail import SIGN_OF_LIFE, Tail
from services.feedback.enquiry.references import OWN_SOURCE, CustomersClient
from services.feedback.stream.domain import DomainEvent, Kind, Wanted

# Those of these that the caller's rows cover, by id.
Seen = Callable[[Caller, Iterable[str]], Awaitable[Mapping[str, Any]]]


class StreamServicer(stream_pb2_grpc.StreamServiceServicer):
    """seen: by what happened, how to find out who may know of it."""

    def __init__(
        self,
        tail: Tail[DomainEvent, Wanted],
        seen: Mapping[Kind, Seen],
        customers: CustomersClient,
        *,
        sign_of_life: float = SIGN_OF_LIFE,
    ) -> None:
        self._tail = tail
        self._seen = seen
        self._customers = customers
        self._sign_of_life = sign_of_life

    async def WatchWaiting(
        self, request: pb.WatchWaitingRequest, context: Any
    ) -> AsyncIterator[pb.WatchWaitingResponse]:
        caller = current_caller()
        team = await self._team(caller, request.team_key) if request.team_key else None
        async with aclosing(self._told(caller, Wanted("waiting", team), request)) as told:
            async for cursor, id in told:
                yield pb.WatchWaitingResponse(cursor=cursor, enquiry_id=id)

    async def WatchFeedback(
        self, request: pb.WatchFeedbackRequest, context: Any
    ) -> AsyncIterator[pb.WatchFeedbackResponse]:
        wanted = Wanted("feedback", labels=frozenset(map(_label, request.kinds)))
        async with aclosing(self._told(current_caller(), wanted, request)) as told:
            async for cursor, id in told:
                yield pb.WatchFeedbackResponse(cursor=cursor, feedback_id=id)

    async def _told(
        self, caller: Caller, wanted: Wanted, request: pb.WatchWaitingRequest | pb.WatchFeedbackRequest
    ) -> AsyncGenerator[tuple[str, str | None]]:
        """Each place that was reached, with what happened there."""
        place = decode_cursor(request.after, [int], "after")[0] if request.after else await self._tail.last(caller)

        async def next(place: int) -> tuple[Sequence[Numbered[DomainEvent]], bool, int]:
            found, until = await self._tail.since(caller, wanted, place)
            return await self._of_rows(caller, wanted, found), bool(found), until

        async with aclosing(self._tail.follow(place, next, self._sign_of_life)) as told:
            async for reached, event in told:
                yield encode_cursor((reached,)), event.aggregate if event is not None else None

    async def _of_rows(
        self, caller: Caller, wanted: Wanted, found: Sequence[Numbered[DomainEvent]]
    ) -> Sequence[Numbered[DomainEvent]]:
        """Those that the caller's rows cover as they are now."""
        if caller.rows is Reach.ALL or not found:
            return found
        seen = await self._seen[wanted.kind](caller, {one.event.aggregate for one in found})
        return [one for one in found if one.event.aggregate in seen]

    async def _team(self, caller: Caller, key: str) -> str:
        """InvalidInput: there is no such team."""
        found = await self._customers.resolve(caller, OWN_SOURCE, teams=[reference_pb2.TeamReference(key=key)])
        found.require_all()
        return found.teams[key]


def _label(kind: Any) -> str:
    return feedback_pb2.FeedbackKind.Name(kind).removeprefix("FEEDBACK_KIND_")
