"""Who is counted where, for KPIs that count different customers.

A membership says how often a source record was seen in a cell on a day: a count, so that corrections take back what
they brought. Beside it stands the golden id of today, since a merge makes two members one. From the memberships of a
cell and day its set is made: a new member is put in, and where one goes, or its golden id changes, it is made anew.
"""

import hashlib
from collections.abc import AsyncIterable, Iterable, Mapping, Sequence
from datetime import date

from bson import Binary
from pymongo import ASCENDING, InsertOne, ReplaceOne, UpdateOne

from chassis.caller import Caller
from chassis.mongo import ONE_REPLY, Database, Document, Session
from services.metrics.rollup.distinct import Distinct

_SEPARATOR = "\x1f"
_AFTER = "\x20"

# (cells, set, values, day)
SetKey = tuple[str, tuple[str, ...], tuple[str, ...], date]
# (set, record) -> how many times more it was seen
Members = Mapping[tuple[SetKey, str], int]


def set_id(key: SetKey) -> str:
    cells, dimensions, values, day = key
    return _SEPARATOR.join((cells, "+".join(dimensions), *values, day.isoformat()))


def cells_of(set: str) -> str:
    """Which definition counts by the set of this id."""
    return set.partition(_SEPARATOR)[0]


def member_id(key: SetKey, record: str) -> str:
    return hashlib.blake2b(f"{set_id(key)}{_SEPARATOR}{record}".encode(), digest_size=16).hexdigest()


class MongoMemberRepository:
    def __init__(self, database: Database) -> None:
        self._members = database["members"]
        self._sets = database["distinct_sets"]
        self._records = database["record_figures"]

    async def ensure_indexes(self) -> None:
        await self._members.create_index([("c", ASCENDING)], name="set")
        await self._members.create_index([("r", ASCENDING)], name="record")
        await self._sets.create_index([(name, ASCENDING) for name in ("k", "s", "v0", "v1", "t")], name="period")
        await self._sets.create_index("dirty", name="dirty", partialFilterExpression={"dirty": {"$gt": 0}})

    # --------------------------------------------------------------- what the folder writes

    async def add(
        self, caller: Caller, session: Session, members: Members, hints: Mapping[str, str | None], kept: Iterable[str]
    ) -> None:
        """hints: whose a record was when it came in. kept: records whose documents this transaction writes anyhow."""
        changed = {key: count for key, count in members.items() if count}
        if not changed:
            return
        golden = await self._golden(session, {record for _, record in changed}, hints, set(kept))
        ids = {member_id(*key): key for key in changed}
        found = self._members.find({"_id": {"$in": list(ids)}}, {"n": 1}, session=session, batch_size=ONE_REPLY)
        before = {one["_id"]: one["n"] async for one in found}
        joined: dict[SetKey, list[str]] = {}
        left: set[SetKey] = set()
        inserts: list[InsertOne[Document]] = []
        updates: list[UpdateOne] = []
        gone = []
        for id, key in ids.items():
            of_set, record = key
            old, new = before.get(id, 0), before.get(id, 0) + changed[key]
            if old <= 0 < new:
                joined.setdefault(of_set, []).append(golden[record])
            elif new <= 0 < old:
                left.add(of_set)
            if id not in before:
                fixed = {"c": set_id(of_set), "r": record, "g": golden[record]}
                inserts.append(InsertOne({"_id": id, "n": new, **fixed}))
            elif new:
                updates.append(UpdateOne({"_id": id}, {"$inc": {"n": changed[key]}}))
            else:
                gone.append(id)
        # Not upserts: inserts in a row are one batch for the database, and most members are new on their day.
        if inserts or updates:
            await self._members.bulk_write([*inserts, *updates], ordered=False, session=session)
        if gone:
            await self._members.delete_many({"_id": {"$in": gone}}, session=session)
        await self._put(session, joined, left)

    async def _golden(
        self, session: Session, records: set[str], hints: Mapping[str, str | None], kept: set[str]
    ) -> dict[str, str]:
        """A merge that moves one of these records at this moment must not be missed: so both write its document."""
        touched = [
            UpdateOne(
                {"_id": record},
                {"$inc": {"m": 1}, "$setOnInsert": {"customer": hints.get(record) or record, "n": 0, "k": {}}},
                upsert=True,
            )
            for record in records - kept
        ]
        if touched:
            await self._records.bulk_write(touched, ordered=False, session=session)
        found = self._records.find(
            {"_id": {"$in": list(records)}}, {"customer": 1}, session=session, batch_size=ONE_REPLY
        )
        known = {one["_id"]: one["customer"] async for one in found}
        return {record: known.get(record) or hints.get(record) or record for record in records}

    async def _put(self, session: Session, joined: Mapping[SetKey, Sequence[str]], left: set[SetKey]) -> None:
        keys = {set_id(key): key for key in {*joined, *left}}
        found = self._sets.find({"_id": {"$in": list(keys)}}, session=session, batch_size=ONE_REPLY)
        known = {one["_id"]: one async for one in found}
        writes = []
        for id, key in keys.items():
            document = known.get(id) or _document(key)
            if key in left or document["dirty"]:
                document["h"] = Binary(await self._made_anew(session, id))
                document["dirty"] = 0
            else:
                distinct = Distinct.from_bytes(document["h"])
                for member in joined[key]:
                    distinct.add(member)
                document["h"] = Binary(distinct.to_bytes())
            writes.append(ReplaceOne({"_id": id}, document, upsert=True))
        if writes:
            await self._sets.bulk_write(writes, ordered=False, session=session)

    async def _made_anew(self, session: Session, id: str) -> bytes:
        found = self._members.find({"c": id, "n": {"$gt": 0}}, {"g": 1}, session=session)
        return Distinct.of([one["g"] async for one in found]).to_bytes()

    async def refresh_one(self, caller: Caller, session: Session) -> bool:
        """Make one set anew whose members changed hands; False: there is none."""
        found = await self._sets.find_one({"dirty": {"$gt": 0}}, {"_id": 1}, session=session)
        if found is None:
            return False
        anew = Binary(await self._made_anew(session, found["_id"]))
        await self._sets.update_one({"_id": found["_id"]}, {"$set": {"h": anew, "dirty": 0}}, session=session)
        return True

    async def move(self, caller: Caller, session: Session, record: str, customer: str) -> None:
        """The record is this customer's now."""
        condition = {"r": record, "g": {"$ne": customer}}
        found = self._members.aggregate([{"$match": condition}, {"$group": {"_id": "$c"}}], session=session)
        sets = [one["_id"] async for one in found]
        if sets:
            await self._members.update_many(condition, {"$set": {"g": customer}}, session=session)
            # Counted up, not set: whoever makes the set anew at this moment must conflict here, and a write that
            # changes nothing conflicts with nobody.
            await self._sets.update_many({"_id": {"$in": sets}}, {"$inc": {"dirty": 1}}, session=session)

    async def drop(self, caller: Caller, cells: str) -> None:
        # The names of its sets begin with it.
        await self._members.delete_many({"c": {"$gte": cells + _SEPARATOR, "$lt": cells + _AFTER}})
        await self._sets.delete_many({"k": cells})

    # ------------------------------------------------------------------------ what is checked

    def all_members(self, caller: Caller) -> AsyncIterable[Document]:
        return self._members.find({}, {"n": 1, "c": 1, "g": 1})

    def all_sets(self, caller: Caller) -> AsyncIterable[Document]:
        return self._sets.find({}, {"k": 1, "h": 1, "dirty": 1})


def _document(key: SetKey) -> Document:
    cells, dimensions, values, day = key
    return {
        "_id": set_id(key),
        "k": cells,
        "s": "+".join(dimensions),
        "t": day.isoformat(),
        **{f"v{place}": value for place, value in enumerate(values)},
        "h": Binary(Distinct().to_bytes()),
        "dirty": 0,
    }
