"""Answers RetellingService calls: another service lost what it knew, and is told anew what holds today.

A batch of objects is read, and what they say goes into the outbox, in one transaction. What waits there about the same
objects is in it already and goes; what commits later is told beside it as ever. So nobody has to stop writing. Only the
receiver must not run from its forgetting until all is in the outbox: it would take what it must not count twice.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from rundblick.shared.v1 import retelling_pb2 as pb
from rundblick.shared.v1 import retelling_pb2_grpc

from chassis.batches import size_of
from chassis.caller import Caller, current_caller
from chassis.errors import InvalidInput
from chassis.ids import new_id
from chassis.mongo import Session, in_transaction
from chassis.outbox import Entry, Outbox

# Of the aggregates of what is told again: each entry is told by itself, beside whatever else is said of its objects.
_AGAIN = "agn"


@dataclass(frozen=True, slots=True)
class Told:
    """payloads: (kind, request to the other service). last: id of the last object; None: there was none."""

    examined: int
    payloads: Sequence[tuple[str, bytes]]
    last: str | None


class Telling(Protocol):
    """Objects of one kind, in the order of their ids."""

    async def told(self, caller: Caller, after: str, size: int, session: Session | None) -> Told:
        """What the next objects say today, as if it had never been told."""

    def left(self, entry: Entry, after: str, last: str | None) -> bytes | None:
        """The payload of what waits, without what is of objects after one id up to the other; None: nothing is left.

        last: None, to the end.
        """


class RetellingServicer(retelling_pb2_grpc.RetellingServiceServicer):
    """destination: whom it is told to."""

    def __init__(self, outbox: Outbox, destination: str, parts: Mapping[str, Telling]) -> None:
        self._outbox = outbox
        self._destination = destination
        self._parts = parts

    async def ListTold(self, request: pb.ListToldRequest, context: Any) -> pb.ListToldResponse:
        size = size_of(request.size)
        told = await self._part(request.part).told(current_caller(), request.after, size, None)
        return pb.ListToldResponse(
            examined=told.examined,
            told=[pb.Told(kind=kind, payload=payload) for kind, payload in told.payloads],
            next_after=told.last if told.examined == size else None,
        )

    async def TellAgain(self, request: pb.TellAgainRequest, context: Any) -> pb.TellAgainResponse:
        caller, part, size = current_caller(), self._part(request.part), size_of(request.size)

        async def work(session: Session) -> Told:
            if request.anew:
                await self._outbox.forget(session, self._destination, _AGAIN)
            told = await part.told(caller, request.after, size, session)
            last = told.last if told.examined == size else None
            async for entry in self._outbox.waiting(session, self._destination, besides=_AGAIN):
                left = part.left(entry, request.after, last)
                if left != entry.payload:
                    await self._outbox.put(session, entry, left)
            await self._outbox.append(session, [self._entry(kind, payload) for kind, payload in told.payloads])
            return told

        told = await in_transaction(self._outbox.database, work)
        return pb.TellAgainResponse(examined=told.examined, next_after=told.last if told.examined == size else None)

    def _entry(self, kind: str, payload: bytes) -> Entry:
        return Entry(self._destination, new_id(_AGAIN), 1, kind, payload)

    def _part(self, name: str) -> Telling:
        if name not in self._parts:
            raise InvalidInput(f"what can be told again here: {', '.join(sorted(self._parts))}", ("part",))
        return self._parts[name]
