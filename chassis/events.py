"""What happened, numbered in one order and kept for some days, for those who watch and may have been away."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Generic, Protocol, TypeVar

from pymongo import ASCENDING, ReturnDocument

from chassis.caller import Caller, service_caller
from chassis.errors import CursorExpired, Fault
from chassis.mongo import ONE_REPLY, Database, Document, Session, in_transaction, of_sources
from chassis.outbox import Entry, Outbox

Event = TypeVar("Event")
Asked = TypeVar("Asked")
Told_co = TypeVar("Told_co", covariant=True)

CALLER = service_caller("events")
_COUNTER = "domain_events"


@dataclass(frozen=True, slots=True)
class Numbered(Generic[Event]):
    """sequence: the place in the one order of all events; none is left out, and none comes to stand before another."""

    sequence: int
    event: Event


class EventLog(ABC, Generic[Event, Asked]):
    """Where events are kept by their place. indexed: fields that few events have in common.

    Event: what is told; its document has `sources`, through which it came in. Asked: what somebody wants to hear of.
    """

    def __init__(self, database: Database, indexed: Sequence[str] = ()) -> None:
        self._events = database["domain_events"]
        self._counters = database["counters"]
        self._indexed = indexed

    @abstractmethod
    def to_document(self, event: Event) -> Document: ...

    @abstractmethod
    def from_document(self, document: Mapping[str, Any]) -> Event: ...

    @abstractmethod
    def condition(self, wanted: Asked) -> Document: ...

    async def ensure_indexes(self) -> None:
        # Not for each kind: what is wanted of all is read in the order of the events itself.
        for field in self._indexed:
            await self._events.create_index(
                [(field, ASCENDING), ("_id", ASCENDING)], name=field, partialFilterExpression={field: {"$gt": ""}}
            )
        await self._events.create_index("until", expireAfterSeconds=0, name="expiry")

    async def add(self, caller: Caller, events: Sequence[Event], until: datetime, session: Session) -> None:
        """They take the next places. The counter is a lock: whoever reads a place reads all before it."""
        if not events:
            return
        counter = await self._counters.find_one_and_update(
            {"_id": _COUNTER},
            {"$inc": {"last": len(events)}},
            upsert=True,
            return_document=ReturnDocument.AFTER,
            session=session,
        )
        first = counter["last"] - len(events) + 1
        documents = [
            {"_id": place, **self.to_document(event), "until": until} for place, event in enumerate(events, first)
        ]
        await self._events.insert_many(documents, ordered=False, session=session)

    async def last(self, caller: Caller) -> int:
        """The place of the newest event; 0 before there is any."""
        counter = await self._counters.find_one({"_id": _COUNTER})
        return counter["last"] if counter is not None else 0

    async def between(self, caller: Caller, after: int, until: int) -> list[Numbered[Event]]:
        """All events after the one place and up to the other."""
        found = self._events.find({"_id": {"$gt": after, "$lte": until}}, batch_size=ONE_REPLY).sort("_id", ASCENDING)
        return [self._numbered(document) async for document in found]

    async def since(self, caller: Caller, wanted: Asked, after: int, most: int) -> tuple[list[Numbered[Event]], int]:
        """The next that are wanted and that the caller's sources cover, and the place up to which these are all.

        CursorExpired: not all of them are kept any more.
        """
        last = await self.last(caller)
        condition = self.condition(wanted) | {"_id": {"$gt": after, "$lte": last}} | of_sources(caller, "sources")
        documents = await self._events.find(condition).sort("_id", ASCENDING).limit(most).to_list(most)
        # Asked afterwards: had one been deleted before the others were read, it shows now.
        oldest = await self._events.find_one({}, {"_id": 1}, sort=[("_id", ASCENDING)])
        if not (oldest["_id"] - 1 if oldest is not None else last) <= after <= last:
            raise CursorExpired("not all that came after this cursor is kept any more", ("after",))
        return [self._numbered(one) for one in documents], documents[-1]["_id"] if len(documents) == most else last

    def _numbered(self, document: Mapping[str, Any]) -> Numbered[Event]:
        return Numbered(document["_id"], self.from_document(document))


class Read(Protocol[Told_co]):
    """The events that entries of the outbox speak of."""

    async def __call__(self, entries: Sequence[Entry], session: Session) -> Sequence[Told_co]: ...


class Numbering(Generic[Event]):
    """Gives events their places, as the end of a relay: so no reader passes by what commits late.

    kept: so long events can be read again. told: called when there are new ones.
    """

    def __init__(
        self,
        outbox: Outbox,
        events: EventLog[Event, Any],
        read: Read[Event],
        kept: timedelta,
        now: Callable[[], datetime],
        told: Callable[[], None],
    ) -> None:
        self._outbox = outbox
        self._events = events
        self._read = read
        self._kept = kept
        self._now = now
        self._told = told

    async def deliver(self, told: Sequence[Entry]) -> Mapping[str, Fault]:
        """Each exactly once: an entry leaves the outbox in the transaction in which its events get their places."""

        async def work(session: Session) -> None:
            taken = await self._outbox.take(session, [entry.id for entry in told])
            events = await self._read([entry for entry in told if entry.id in taken], session)
            await self._events.add(CALLER, events, self._now() + self._kept, session)

        await in_transaction(self._outbox.database, work)
        self._told()
        return {}
