"""What other processes must learn: stored in the write's own transaction, delivered at least once, in order.

An entry belongs to an aggregate and carries that aggregate's sequence, taken inside the transaction. One relay per
destination holds a lease and delivers; an entry that fails is tried again later, and its aggregate's later entries
wait for it; after bounded tries it is parked with an alarm and blocks nobody.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from pymongo import ASCENDING

from chassis import telemetry
from chassis.errors import DomainError, Fault
from chassis.ids import new_id
from chassis.lease import Lease
from chassis.mongo import Database, Document, Session
from chassis.page import Page, Slice, keyset_filter, keyset_sort, slice_of
from chassis.times import utc_now

log = logging.getLogger(__name__)

MAX_ATTEMPTS = 12
# Ids begin with the moment they were made.
ORDER = (("_id", ASCENDING),)
_LONGEST_PAUSE = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Entry:
    """destination: which relay takes it; kind: what the payload is.

    sequence: of the aggregate, growing; gaps are allowed.
    """

    destination: str
    aggregate: str
    sequence: int
    kind: str
    payload: bytes
    id: str = field(default_factory=lambda: new_id("out"))
    attempts: int = 0


# Answers the entries that were not taken, by id; all others are done. Raises when none was.
Deliver = Callable[[Sequence[Entry]], Awaitable[Mapping[str, Fault]]]


class Outbox:
    def __init__(self, database: Database) -> None:
        self.database = database
        self._entries = database["outbox"]
        self._wakers: dict[str, asyncio.Event] = {}

    async def ensure_indexes(self) -> None:
        await self._entries.create_index(
            [("destination", ASCENDING), ("parked", ASCENDING), ("_id", ASCENDING)], name="pending"
        )
        await self._entries.create_index(
            [("destination", ASCENDING), ("next", ASCENDING)],
            name="delayed",
            partialFilterExpression={"next": {"$exists": True}},
        )

    async def append(self, session: Session, entries: Iterable[Entry]) -> None:
        """Inside the write's transaction."""
        now = utc_now()
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
                "at": now,
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

    async def pending(self, destination: str, now: datetime, limit: int) -> list[Document]:
        """What may be delivered now, oldest first: nothing of an aggregate that waits for its next try."""
        condition: Document = {"destination": destination, "parked": False}
        waiting = await self._entries.distinct("aggregate", {**condition, "next": {"$gt": now}})
        if waiting:
            condition["aggregate"] = {"$nin": waiting}
        return await self._entries.find(condition).sort("_id", ASCENDING).limit(limit).to_list(limit)

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
    )


def _turns(entries: Iterable[Entry]) -> list[list[Entry]]:
    """The first entry of each aggregate, then each one's second: so that a refused one stops what comes after it."""
    turns: list[list[Entry]] = []
    for entry, place in _placed(sorted(entries, key=lambda entry: (entry.aggregate, entry.sequence))):
        if place == len(turns):
            turns.append([])
        turns[place].append(entry)
    return turns


def _placed(entries: Iterable[Entry]) -> Iterable[tuple[Entry, int]]:
    """Each entry with its place within its aggregate."""
    place, aggregate = 0, None
    for entry in entries:
        place = place + 1 if entry.aggregate == aggregate else 0
        aggregate = entry.aggregate
        yield entry, place


class Relay:
    """Delivers the entries of one destination for as long as it holds the lease."""

    def __init__(
        self,
        outbox: Outbox,
        destination: str,
        deliver: Deliver,
        *,
        holder: str,
        batch: int = 500,
        look: float = 0.25,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._outbox = outbox
        self._destination = destination
        self._deliver = deliver
        self._batch = batch
        self._look = look
        self._now = now
        self._lease = Lease(outbox.database, f"outbox:{destination}", holder)
        self._waker = outbox.waker(destination)

    async def run(self) -> None:
        """Until cancelled. Whatever fails is tried again; nothing is given up here."""
        said: str | None = None
        try:
            while True:
                try:
                    more = await self._lease.hold() and await self.deliver_once()
                    said = None
                except asyncio.CancelledError:
                    raise
                except Exception as error:  # noqa: BLE001  # the relay outlives every fault
                    # Said once, not four times a second for as long as the receiver is away.
                    fault = f"{type(error).__name__}: {error}"
                    if fault != said:
                        log.warning("outbox: %s: %s", self._destination, fault)
                        said = fault
                    await asyncio.sleep(self._look)
                    more = False
                if not more:
                    await self._pause()
        finally:
            await asyncio.shield(self._lease.release())

    async def _pause(self) -> None:
        try:
            await asyncio.wait_for(self._waker.wait(), self._look)
        except TimeoutError:
            return
        self._waker.clear()

    async def deliver_once(self) -> bool:
        """One batch. True: there may be more."""
        now = self._now()
        documents = await self._outbox.pending(self._destination, now, self._batch)
        if not documents:
            return False
        failed: set[str] = set()
        with telemetry.continued(documents[0].get("trace", {})):
            for turn in _turns(map(_entry, documents)):
                entries = [entry for entry in turn if entry.aggregate not in failed]
                if not entries:
                    continue
                faults = await self._attempt(entries)
                await self._outbox.done([entry.id for entry in entries if entry.id not in faults])
                for entry in entries:
                    if entry.id in faults:
                        await self._outbox.failed(entry, faults[entry.id], now)
                        failed.add(entry.aggregate)
        return len(documents) == self._batch and len(failed) < len({document["aggregate"] for document in documents})

    async def _attempt(self, entries: Sequence[Entry]) -> Mapping[str, Fault]:
        try:
            return await self._deliver(entries)
        except DomainError as error:
            if error.code in ("SERVICE_UNAVAILABLE", "GATEWAY_TIMEOUT", "RATE_LIMITED"):
                # The receiver is away: that is no fault of any entry, so no try is counted.
                raise
            return {entry.id: error.fault for entry in entries}
