"""What other processes must learn: stored in the write's own transaction, delivered at least once, in order.

An entry belongs to an aggregate and carries that aggregate's sequence, taken inside the transaction. Nothing is skipped
that commits late: an entry stays until it was delivered, whatever went before it. See relay.py for the way out.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bson.regex import Regex
from pymongo import ASCENDING

from chassis import telemetry
from chassis.errors import Fault
from chassis.ids import new_id
from chassis.mongo import ONE_REPLY, Database, Document, Session, in_transaction
from chassis.page import Page, Slice, keyset_filter, keyset_sort, slice_of
from chassis.times import utc_now

log = logging.getLogger(__name__)

MAX_ATTEMPTS = 12
# Ids begin with the moment they were made.
ORDER = (("_id", ASCENDING),)
_LONGEST_PAUSE = timedelta(minutes=5)
# Counting goes no further: beyond it the number is the same alarm.
_MOST_COUNTED = 100_000


@dataclass(frozen=True, slots=True)
class Entry:
    """destination: which relay takes it; kind: what the payload is.

    sequence: of the aggregate, growing; gaps are allowed. at: when it was recorded; trace: the one it was recorded in.
    """

    destination: str
    aggregate: str
    sequence: int
    kind: str
    payload: bytes
    id: str = field(default_factory=lambda: new_id("out"))
    attempts: int = 0
    at: datetime = field(default_factory=utc_now)
    trace: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Backlog:
    """What one destination has not learnt yet.

    delivered_until: whatever was acknowledged before is delivered, but for what is parked; complete_until: all of it.
    """

    pending: int
    parked: int
    delivered_until: datetime
    complete_until: datetime


class Outbox:
    def __init__(self, database: Database) -> None:
        self.database = database
        self._entries = database["outbox"]
        self._wakers: dict[str, asyncio.Event] = {}

    async def ensure_indexes(self) -> None:
        of_destination = [("destination", ASCENDING), ("parked", ASCENDING)]
        await self._entries.create_index(
            [*of_destination, ("_id", ASCENDING), ("aggregate", ASCENDING), ("at", ASCENDING)], name="pending"
        )
        await self._entries.create_index(
            [*of_destination, ("aggregate", ASCENDING), ("sequence", ASCENDING)], name="aggregate"
        )
        await self._entries.create_index(
            [("destination", ASCENDING), ("next", ASCENDING)],
            name="delayed",
            partialFilterExpression={"next": {"$exists": True}},
        )

    async def append(self, session: Session, entries: Iterable[Entry]) -> None:
        """Inside the write's transaction."""
        trace = telemetry.carrier()
        documents: list[Document] = [
            {
                "_id": entry.id,
                "destination": entry.destination,
                "aggregate": entry.aggregate,
                "sequence": entry.sequence,
                "kind": entry.kind,
                "payload": entry.payload,
                "parked": False,
                "attempts": 0,
                "at": entry.at,
                **({"trace": trace} if trace else {}),
            }
            for entry in entries
        ]
        if documents:
            await self._entries.insert_many(documents, session=session)

    def wake(self) -> None:
        """After the commit: deliver now instead of at the next look."""
        for waker in self._wakers.values():
            waker.set()

    def waker(self, destination: str) -> asyncio.Event:
        return self._wakers.setdefault(destination, asyncio.Event())

    async def pending(self, destination: str, now: datetime, limit: int) -> list[Entry]:
        """What may be delivered now: the oldest aggregates, each with its entries in order, none left out.

        Nothing of an aggregate that waits for its next try.
        """
        condition: Document = {"destination": destination, "parked": False}
        waiting = await self._entries.distinct("aggregate", {**condition, "next": {"$gt": now}})
        due = {**condition, "aggregate": {"$nin": waiting}} if waiting else condition
        oldest = self._entries.find(due, {"aggregate": 1}, batch_size=ONE_REPLY).sort("_id", ASCENDING).limit(limit)
        aggregates = {document["aggregate"] async for document in oldest}
        if not aggregates:
            return []
        # Ids of two processes need not be in the order of their commits; sequences are.
        found = (
            self._entries.find({**condition, "aggregate": {"$in": list(aggregates)}}, batch_size=ONE_REPLY)
            .sort([("aggregate", ASCENDING), ("sequence", ASCENDING)])
            .limit(2 * limit)
        )
        return [_entry(document) async for document in found]

    async def waiting(self, session: Session, destination: str, *, besides: str) -> AsyncIterator[Entry]:
        """All that is for this destination, parked or not, but for aggregates whose ids have this prefix."""
        condition = {"destination": destination, "aggregate": {"$not": Regex(f"^{besides}_")}}
        async for document in self._entries.find(condition, session=session):
            yield _entry(document)

    async def put(self, session: Session, entry: Entry, payload: bytes | None) -> None:
        """In place of the payload of one that waits; None: it goes."""
        if payload is None:
            await self._entries.delete_one({"_id": entry.id}, session=session)
        else:
            await self._entries.update_one({"_id": entry.id}, {"$set": {"payload": payload}}, session=session)

    async def forget(self, session: Session, destination: str, prefix: str) -> None:
        """All that waits of aggregates whose ids have this prefix."""
        of_prefix = {"destination": destination, "aggregate": Regex(f"^{prefix}_")}
        await self._entries.delete_many(of_prefix, session=session)

    async def take(self, session: Session, ids: Sequence[str]) -> set[str]:
        """Those that nobody took yet; they are gone when the session commits: what is made of them happens once."""
        there = self._entries.find({"_id": {"$in": list(ids)}}, {"_id": 1}, session=session, batch_size=ONE_REPLY)
        left = {document["_id"] async for document in there}
        await self._entries.delete_many({"_id": {"$in": list(left)}}, session=session)
        return left

    async def done(self, ids: Sequence[str]) -> None:
        if ids:
            await self._entries.delete_many({"_id": {"$in": list(ids)}})

    async def failed(self, entry: Entry, fault: Fault, now: datetime) -> None:
        attempts = entry.attempts + 1
        parked = attempts >= MAX_ATTEMPTS
        pause = min(timedelta(seconds=0.25 * 2**attempts), _LONGEST_PAUSE)
        await self._entries.update_one(
            {"_id": entry.id},
            {
                "$set": {
                    "attempts": attempts,
                    "parked": parked,
                    "next": now + pause,
                    "error": {"code": fault.code, "message": fault.message},
                }
            },
        )
        if parked:
            log.error(
                "outbox: %s for %s is parked after %s tries: %s", entry.id, entry.destination, attempts, fault.code
            )

    async def backlog(self, destination: str) -> Backlog:
        now = utc_now()

        async def read(session: Session) -> Backlog:
            # In one snapshot: an entry that is parked, or tried again, at this moment must not be seen in neither.
            oldest: dict[bool, datetime] = {}
            counts: dict[bool, int] = {}
            for parked in (False, True):
                condition = {"destination": destination, "parked": parked}
                first = self._entries.find(condition, {"_id": 0, "at": 1}, session=session).sort("_id", ASCENDING)
                oldest[parked], counts[parked] = now, 0
                for one in await first.to_list(1):
                    oldest[parked] = one["at"]
                    counts[parked] = await self._entries.count_documents(
                        condition, limit=_MOST_COUNTED, session=session
                    )
            delivered = min(oldest[False], now)
            return Backlog(counts[False], counts[True], delivered, min(delivered, oldest[True]))

        return await in_transaction(self.database, read)

    async def page(self, page: Page, destination: str | None, parked: bool | None) -> Slice[Document]:
        """What is still to be delivered and what was given up, oldest first; without the payloads."""
        condition: Document = {}
        if destination is not None:
            condition["destination"] = destination
        if parked is not None:
            condition["parked"] = parked
        documents = await (
            self._entries.find({"$and": [condition, keyset_filter(ORDER, page)]}, {"payload": 0, "trace": 0})
            .sort(keyset_sort(ORDER, page))
            .limit(page.size + 1)
        ).to_list(page.size + 1)
        return slice_of(documents, [(document["_id"],) for document in documents], page)

    async def retry(self, ids: Sequence[str] | None) -> int:
        """Deliver parked entries again, all of them without ids, with their tries counted anew; answers how many."""
        condition: Document = {"parked": True}
        if ids is not None:
            condition["_id"] = {"$in": list(ids)}
        done = await self._entries.update_many(
            condition, {"$set": {"parked": False, "attempts": 0}, "$unset": {"next": 1, "error": 1}}
        )
        self.wake()
        return done.modified_count

    async def is_empty(self, destination: str) -> bool:
        return await self._entries.find_one({"destination": destination, "parked": False}, {"_id": 1}) is None


def _entry(document: Document) -> Entry:
    return Entry(
        id=document["_id"],
        destination=document["destination"],
        aggregate=document["aggregate"],
        sequence=document["sequence"],
        kind=document["kind"],
        payload=document["payload"],
        attempts=document["attempts"],
        at=document["at"],
        trace=tuple(document.get("trace", {}).items()),
    )
