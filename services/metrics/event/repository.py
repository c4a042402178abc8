"""Raw events in MongoDB, in an order in which nothing that commits late is skipped.

Each partition has a counter. A call takes its positions from it inside its transaction; the write conflict on the
counter lets one such transaction commit after the other, so the order of positions is the order of commits and has no
gaps: whoever has read up to a position will never find a new event before it.
"""

import zlib
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from itertools import takewhile

from pymongo import ASCENDING, DESCENDING, ReturnDocument

from chassis.caller import Caller
from chassis.mongo import ONE_REPLY, Database, Document, Session, in_transaction, of_sources
from services.metrics.event.domain import Arrival, Event, Stored

_EXPIRED = "expired"
_LET_GO = 10_000
_PART = 5_000
_STORED = {"p": 1, "n": 1, "name": 1, "e": 1}


class MongoEventRepository:
    """partitions: how many folders may work side by side; all events of a subject and name are in one partition."""

    def __init__(self, database: Database, *, partitions: int = 1) -> None:
        self._database = database
        self._events = database["events"]
        self._counters = database["event_counters"]
        self._marks = database["watermarks"]
        self._partitions = partitions

    async def ensure_indexes(self) -> None:
        await self._events.create_index([("p", ASCENDING), ("n", ASCENDING)], name="order", unique=True)
        await self._events.create_index([("r", ASCENDING)], name="record", sparse=True)
        for partition in range(self._partitions):
            await self._counters.update_one({"_id": partition}, {"$setOnInsert": {"n": 0}}, upsert=True)
        # There from the beginning, so that two transactions that write it always conflict.
        never = {"$setOnInsert": {"until": datetime(1970, 1, 1, tzinfo=UTC)}}
        await self._counters.update_one({"_id": _EXPIRED}, never, upsert=True)

    async def add(self, caller: Caller, arrivals: Sequence[Arrival], received_at: datetime) -> set[str]:
        """Store those not stored yet, all or none; answers the ids that were known, also those twice in `arrivals`."""
        by_id: dict[str, Arrival] = {}
        for arrival in arrivals:
            by_id.setdefault(arrival.event.id, arrival)
        ids = list(by_id)

        async def work(session: Session) -> set[str]:
            found = self._events.find({"_id": {"$in": ids}}, {"_id": 1}, session=session, batch_size=ONE_REPLY)
            known = {document["_id"] for document in await found.to_list(None)}
            expired = await self._counters.find_one({"_id": _EXPIRED}, session=session)
            if expired is not None:
                known |= {id for id, one in by_id.items() if one.recorded_at and one.recorded_at < expired["until"]}
            parts: defaultdict[int, list[Arrival]] = defaultdict(list)
            for id, arrival in by_id.items():
                if id not in known:
                    parts[self._partition_of(arrival.event)].append(arrival)
            for partition, fresh in parts.items():
                counter = await self._counters.find_one_and_update(
                    {"_id": partition},
                    {"$inc": {"n": len(fresh)}},
                    upsert=True,
                    return_document=ReturnDocument.AFTER,
                    session=session,
                )
                first = counter["n"] - len(fresh) + 1
                await self._events.insert_many(
                    [_to_document(a, partition, first + i, received_at) for i, a in enumerate(fresh)],
                    ordered=False,
                    session=session,
                )
            return known

        return await in_transaction(self._database, work)

    async def unfolded(self, caller: Caller) -> int:
        """How many stored events are not in the figures yet."""
        pipeline: list[Document] = [
            {"$match": {"_id": {"$gte": 0}}},
            {"$lookup": {"from": "watermarks", "localField": "_id", "foreignField": "_id", "as": "mark"}},
            {"$set": {"folded": {"$ifNull": [{"$first": "$mark.n"}, 0]}}},
            {"$group": {"_id": None, "count": {"$sum": {"$subtract": ["$n", "$folded"]}}}},
        ]
        found = await self._counters.aggregate(pipeline).to_list(1)
        return int(found[0]["count"]) if found else 0

    async def oldest_unfolded(self, caller: Caller) -> datetime | None:
        """When the oldest event came in that is not in the figures yet."""
        next_one = {"$and": [{"$eq": ["$p", "$$partition"]}, {"$eq": ["$n", "$$next"]}]}
        pipeline: list[Document] = [
            {"$match": {"_id": {"$gte": 0}}},
            {"$lookup": {"from": "watermarks", "localField": "_id", "foreignField": "_id", "as": "mark"}},
            {"$set": {"folded": {"$ifNull": [{"$first": "$mark.n"}, 0]}}},
            {"$match": {"$expr": {"$gt": ["$n", "$folded"]}}},
            {
                "$lookup": {
                    "from": self._events.name,
                    "let": {"partition": "$_id", "next": {"$add": ["$folded", 1]}},
                    "pipeline": [{"$match": {"$expr": next_one}}, {"$project": {"at": 1}}],
                    "as": "event",
                }
            },
            {"$group": {"_id": None, "at": {"$min": {"$first": "$event.at"}}}},
        ]
        found = await self._counters.aggregate(pipeline).to_list(1)
        return found[0]["at"] if found else None

    async def know_before(self, caller: Caller, session: Session, until: datetime) -> None:
        """Whatever a producer recorded before came in and was taken, so it is known whether it is still kept or not."""
        # Counted up: a definition that begins to count at this moment must conflict here.
        known: Document = {"$max": {"until": until}, "$inc": {"looks": 1}}
        for partition in range(self._partitions):
            mark = await self._marks.find_one({"_id": partition}, session=session)
            folded = {"p": partition, "n": {"$lte": mark.get("n", 0) if mark else 0}}
            first = await self._events.find_one(folded, {"at": 1}, sort=[("n", ASCENDING)], session=session)
            if first is not None and first["at"] < until:
                known["$set"] = {"gone": True}
        await self._counters.update_one({"_id": _EXPIRED}, known, upsert=True, session=session)

    async def need_all(self, caller: Caller, session: Session) -> None:
        """A definition begins to count stored events: nothing is let go between this and its first batch."""
        await self._counters.update_one({"_id": _EXPIRED}, {"$inc": {"needs": 1}}, session=session)

    async def let_go(self, caller: Caller, until: datetime) -> int:
        """Drop events that came in before and are in the figures; answers how many."""
        gone = 0
        for partition in range(self._partitions):
            mark = await self._marks.find_one({"_id": partition})
            folded = {"p": partition, "n": {"$lte": mark.get("n", 0) if mark else 0}}
            while True:
                oldest = self._events.find(folded, {"n": 1, "at": 1}).sort([("p", ASCENDING), ("n", ASCENDING)])
                batch = await oldest.limit(_LET_GO).to_list(_LET_GO)
                # They are in the order they came in, so the first that is too young ends it.
                old = list(takewhile(lambda one: one["at"] < until, batch))
                if old:
                    await self._events.delete_many({"p": partition, "n": {"$lte": old[-1]["n"]}})
                    gone += len(old)
                if len(old) < _LET_GO:
                    break
        return gone

    async def gone_before(self, caller: Caller, session: Session | None = None) -> datetime | None:
        """Raw events from before then may be gone; None: all there ever were are kept."""
        expired = await self._counters.find_one({"_id": _EXPIRED}, session=session)
        return expired["until"] if expired and expired.get("gone") else None

    async def between(
        self, caller: Caller, session: Session, partition: int, after: int, until: int, names: Sequence[str]
    ) -> list[Stored]:
        """Events with one of these names, by their positions."""
        condition = {"p": partition, "n": {"$gt": after, "$lte": until}, "name": {"$in": list(names)}}
        found = self._events.find(condition, _STORED, session=session, batch_size=ONE_REPLY)
        return [_stored(one) async for one in found.sort([("p", ASCENDING), ("n", ASCENDING)])]

    async def folded(self, caller: Caller, names: Sequence[str]) -> AsyncIterator[list[bytes]]:
        """All stored events with these names that are in the figures, some thousand at a time."""
        for partition in range(self._partitions):
            mark = await self._marks.find_one({"_id": partition})
            position = mark.get("n", 0) if mark else 0
            condition = {"p": partition, "n": {"$lte": position}, "name": {"$in": list(names)}}
            found = self._events.find(condition, {"e": 1}, batch_size=_PART)
            while batch := await found.to_list(_PART):
                yield [document["e"] for document in batch]

    async def newest(self, caller: Caller, name: str, look: int, limit: int) -> list[bytes]:
        """At most `limit` events with this name among the `look` newest of all, newest first."""
        found: list[bytes] = []
        for partition in range(self._partitions):
            pipeline: list[Document] = [
                {"$match": {"p": partition, **of_sources(caller)}},
                {"$sort": {"p": DESCENDING, "n": DESCENDING}},
                {"$limit": look},
                {"$match": {"name": name}},
                {"$limit": limit},
                {"$project": {"e": 1}},
            ]
            found += [one["e"] async for one in self._events.aggregate(pipeline, batchSize=ONE_REPLY)]
        return found[:limit]

    async def of_records(
        self, caller: Caller, session: Session, records: Sequence[str], names: Sequence[str]
    ) -> AsyncIterator[Stored]:
        """All stored events of these source records with these names, each once, counted or not."""
        condition = {"r": {"$in": list(records)}, "name": {"$in": list(names)}}
        async for one in self._events.find(condition, _STORED, session=session, batch_size=_PART):
            yield _stored(one)

    async def after(self, caller: Caller, session: Session, partition: int, position: int, limit: int) -> list[Stored]:
        """The next events of a partition, in order; read in the session's snapshot, so none can slip in between."""
        found = (
            self._events.find({"p": partition, "n": {"$gt": position}}, _STORED, session=session, batch_size=ONE_REPLY)
            .sort([("p", ASCENDING), ("n", ASCENDING)])
            .limit(limit)
        )
        return [_stored(one) for one in await found.to_list(limit)]

    def _partition_of(self, event: Event) -> int:
        return zlib.crc32(f"{event.name}|{event.subject_id}".encode()) % self._partitions if self._partitions > 1 else 0


def _stored(document: Document) -> Stored:
    return Stored(document["_id"], document["name"], document["n"], document["e"], document["p"])


def _to_document(arrival: Arrival, partition: int, position: int, received_at: datetime) -> Document:
    event = arrival.event
    records = event.records
    return {
        "_id": event.id,
        "p": partition,
        "n": position,
        "name": event.name,
        "at": received_at,
        "source": event.source,
        "team": event.team_id,
        "owner": event.owner_id,
        "e": arrival.payload,
        **({"r": list(records) if len(records) > 1 else records[0]} if records else {}),
    }
