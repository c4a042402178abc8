"""Where cells, open waits and the figures of customers are kept.

A cell document holds a month of one combination of dimension values: `m` the whole month, `d` each of its days, split
by how many days later a wait ended. So a long period reads one sum per month, only its edges read days, and any past
day's end can be asked for.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from bson import CodecOptions
from bson.raw_bson import RawBSONDocument
from pymongo import ASCENDING, ReplaceOne, ReturnDocument, UpdateOne

from chassis.caller import Caller
from chassis.mongo import ONE_REPLY, Collection, Database, Document, Session
from services.metrics.event.domain import Event, Observation
from services.metrics.kpi.domain import Aggregation, Kpi
from services.metrics.rollup.decimals import to_decimal128
from services.metrics.rollup.decoding import decoded
from services.metrics.rollup.distinct import Distinct
from services.metrics.rollup.domain import Flat, Group, OpenWaits, Place, Query
from services.metrics.rollup.gathering import gather
from services.metrics.rollup.pipelines import bin_of, cell_pipelines, days_pipeline, open_pipeline, set_pipeline

_SEPARATOR = "\x1f"
# So many cells in one command: their making blocks nobody for long.
_WRITES = 200
_AS_SENT = CodecOptions(RawBSONDocument)

# (kpi, set, values, month) -> where in the month -> parts
CellKey = tuple[str, tuple[str, ...], tuple[str, ...], str]
Increments = Mapping[CellKey, Mapping[Place, Flat]]
# (where, which query it answers, how)
Pipelines = Sequence[tuple[Collection, int, list[Document]]]


def cell_id(key: CellKey) -> str:
    kpi, dimensions, values, month = key
    return _SEPARATOR.join((kpi, "+".join(dimensions), *values, month))


@dataclass
class OpenWait:
    """One that is open; count: taken back before it came in, it is -1 for a moment."""

    id: str
    document: Document
    count: int = 0


def open_wait(kpi: str, event: Event, observation: Observation, joined: Mapping[str, object]) -> OpenWait:
    """The id says all that a figure depends on: what is taken back is exactly what was added."""
    dimensions = dict(sorted({**(observation.dimensions or {}), **joined}.items()))
    record = observation.record
    content = json.dumps([observation.started_at.isoformat(), dimensions, record], separators=(",", ":"))
    digest = hashlib.sha256(content.encode()).hexdigest()[:16]
    document = {
        "k": kpi,
        "started_at": observation.started_at,
        "dimensions": dimensions,
        "record": record,
        "source": event.source,
        "team": event.team_id,
        "owner": event.owner_id,
    }
    return OpenWait(_SEPARATOR.join((kpi, event.subject_id, digest)), document)


class MongoRollupRepository:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._cells = database["cells"]
        self._open = database["open_waits"]
        self._records = database["record_figures"]
        self._watermarks = database["watermarks"]
        self._sets = database["distinct_sets"]

    async def ensure_indexes(self) -> None:
        await self._cells.create_index([(name, ASCENDING) for name in ("k", "s", "v0", "v1", "t")], name="period")
        await self._open.create_index([("k", ASCENDING), ("started_at", ASCENDING)], name="started")
        await self._open.create_index([("record", ASCENDING), ("k", ASCENDING)], name="record")
        await self._records.create_index([("customer", ASCENDING)], name="customer")

    # ------------------------------------------------------------- what the folder writes

    async def position(self, caller: Caller, session: Session, partition: int) -> int:
        mark = await self._watermarks.find_one({"_id": partition}, session=session)
        return int(mark.get("n", 0)) if mark else 0

    async def positions(self, caller: Caller, session: Session | None = None) -> dict[int, int]:
        """How far the folder of each partition is."""
        return {mark["_id"]: int(mark.get("n", 0)) async for mark in self._watermarks.find({}, session=session)}

    async def move(self, caller: Caller, session: Session, partition: int, position: int) -> None:
        """Two folders at once conflict here, so one of them does nothing."""
        await self._watermarks.update_one({"_id": partition}, {"$max": {"n": position}}, upsert=True, session=session)

    async def announce(self, caller: Caller, session: Session, partition: int) -> None:
        """A folder that works at this moment conflicts here, and starts anew with what was defined."""
        await self._watermarks.update_one(
            {"_id": partition}, {"$inc": {"definitions": 1}}, upsert=True, session=session
        )

    async def add(self, caller: Caller, session: Session, cells: Increments) -> None:
        writes: list[UpdateOne] = []
        for (kpi, dimensions, values, month), places in cells.items():
            if increments := _increments(places):
                fixed = {f"v{place}": value for place, value in enumerate(values)}
                insert = {"k": kpi, "s": "+".join(dimensions), "t": month, **fixed}
                id = cell_id((kpi, dimensions, values, month))
                writes.append(UpdateOne({"_id": id}, {"$inc": increments, "$setOnInsert": insert}, upsert=True))
            if len(writes) == _WRITES:
                await self._cells.bulk_write(writes, ordered=False, session=session)
                writes = []
        if writes:
            await self._cells.bulk_write(writes, ordered=False, session=session)

    async def keep_open(self, caller: Caller, session: Session, waits: Iterable[OpenWait]) -> None:
        """Add what is open now and take back what was: whichever of the two comes first."""
        changed = [wait for wait in waits if wait.count]
        if not changed:
            return
        await self._open.bulk_write(
            [
                UpdateOne({"_id": wait.id}, {"$inc": {"c": wait.count}, "$setOnInsert": wait.document}, upsert=True)
                for wait in changed
            ],
            ordered=False,
            session=session,
        )
        await self._open.delete_many({"_id": {"$in": [wait.id for wait in changed]}, "c": 0}, session=session)

    async def record_documents(
        self, caller: Caller, records: Iterable[str], session: Session | None = None
    ) -> dict[str, Document]:
        found = self._records.find({"_id": {"$in": list(records)}}, session=session, batch_size=ONE_REPLY)
        return {document["_id"]: document async for document in found}

    async def keep_records(self, caller: Caller, session: Session, documents: Sequence[Document]) -> None:
        if documents:
            # Counted up: a merge that moves the record at this moment must conflict, even where nothing else changes.
            touched = [{**document, "m": document.get("m", 0) + 1} for document in documents]
            await self._records.bulk_write(
                [ReplaceOne({"_id": d["_id"]}, d, upsert=True) for d in touched], ordered=False, session=session
            )

    async def drop(self, caller: Caller, cells: str) -> None:
        """All that is kept under this name; may be stopped and repeated."""
        await self._cells.delete_many({"k": cells})
        await self._open.delete_many({"k": cells})
        await self._records.update_many({f"k.{cells}": {"$exists": True}}, {"$unset": {f"k.{cells}": ""}})

    async def move_alias(self, caller: Caller, session: Session, id: str, customer: str, version: int) -> str:
        """The figures of a source record, or what was counted for an old golden id, belong to this customer now.

        Answers whose they are: what was told later stands.
        """
        newer = {"$gt": [version, {"$ifNull": ["$n", -1]}]}
        document = await self._records.find_one_and_update(
            {"_id": id},
            [
                {
                    "$set": {
                        "customer": {"$cond": [newer, customer, "$customer"]},
                        "n": {"$cond": [newer, version, "$n"]},
                        "k": {"$ifNull": ["$k", {}]},
                    }
                }
            ],
            {"customer": 1},
            upsert=True,
            return_document=ReturnDocument.AFTER,
            session=session,
        )
        return str(document["customer"])

    # ------------------------------------------------------------------------- what is asked

    async def cells(self, caller: Caller, queries: Sequence[Query]) -> list[dict[tuple[str, ...], Group]]:
        """Of each query, the groups by the values of its dimensions; one command for all of them."""
        found: list[dict[tuple[str, ...], Group]] = [defaultdict(Group) for _ in queries]
        pipelines = [
            (self._cells, place, pipeline) for place, query in enumerate(queries) for pipeline in cell_pipelines(query)
        ]
        for place, query in enumerate(queries):
            if query.kpi.aggregation is Aggregation.DISTINCT_CUSTOMERS:
                pipelines.append((self._sets, place, set_pipeline(query)))
        collection, pipeline = _union(pipelines)
        stored = collection.with_options(codec_options=_AS_SENT).aggregate(pipeline, batchSize=ONE_REPLY)
        for document in decoded([one.raw async for one in stored]):
            query = queries[document["query"]]
            values = tuple(document.get(f"v{place}", "") for place in range(len(query.dimensions)))
            group = found[document["query"]][values]
            if "h" in document:
                group.sets.append((date.fromisoformat(document["t"]), Distinct.from_bytes(document["h"])))
            else:
                gather(group, query, document)
        return [dict(groups) for groups in found]

    async def kept(self, caller: Caller, query: Query) -> AsyncIterator[tuple[tuple[str, ...], date, str, Document]]:
        """(values, day, days until the end, parts) of every day of every cell, as they are kept."""
        pipeline = [*days_pipeline(replace(query, days=True)), {"$sort": {"t": ASCENDING}}]
        async for document in self._cells.aggregate(pipeline, allowDiskUse=True):
            values = tuple(document.get(f"v{place}", "") for place in range(len(query.dimensions)))
            for number, places in sorted(document.get("d", {}).items(), key=lambda one: int(one[0])):
                day = date.fromisoformat(f"{document['t']}-{int(number):02}")
                if query.start <= day < query.end:
                    for later, stored in places.items():
                        yield values, day, later, stored

    async def open_waits(
        self, caller: Caller, queries: Sequence[Query], now: datetime
    ) -> list[dict[tuple[tuple[str, ...], date | None], OpenWaits]]:
        """Of each query: (values, start day where days are wanted) -> who waits; one command for all of them."""
        found: list[dict[tuple[tuple[str, ...], date | None], OpenWaits]] = [defaultdict(OpenWaits) for _ in queries]
        collection, pipeline = _union(
            [(self._open, place, open_pipeline(query, now)) for place, query in enumerate(queries)]
        )
        async for document in collection.aggregate(pipeline, batchSize=ONE_REPLY):
            group = document["_id"]
            day = queries[document["query"]].zone.day(group["day"]) if "day" in group else None
            waits = found[document["query"]][tuple(value or "" for value in group["values"]), day]
            waits.add(bin_of(group["bin"]), document["count"], document["due_later"], document["oldest"])
        return [dict(groups) for groups in found]

    async def of_customers(
        self, caller: Caller, ids: Sequence[str], kpis: Sequence[Kpi]
    ) -> dict[str, tuple[list[Document], list[Document]]]:
        """Golden id asked for -> the documents of its records and its open waits; one command for all of them.

        An old golden id answers for the present one.
        """
        of_figures = {"from": self._records.name}
        pipeline: list[Document] = [
            {"$documents": [{"_id": id} for id in dict.fromkeys(ids)]},
            {"$lookup": {**of_figures, "localField": "_id", "foreignField": "_id", "as": "alias"}},
            {"$set": {"present": {"$ifNull": [{"$first": "$alias.customer"}, "$_id"]}}},
            {"$lookup": {**of_figures, "localField": "present", "foreignField": "customer", "as": "figures"}},
            {
                "$lookup": {
                    "from": self._open.name,
                    "localField": "figures._id",
                    "foreignField": "record",
                    "pipeline": [
                        {"$match": {"k": {"$in": [kpi.cells for kpi in kpis]}, "c": {"$gt": 0}}},
                        {"$project": {"k": 1, "started_at": 1}},
                    ],
                    "as": "waiting",
                }
            },
            {"$unset": "alias"},
        ]
        found = self._database.aggregate(pipeline, batchSize=ONE_REPLY)
        return {document["_id"]: (document["figures"], document["waiting"]) async for document in found}

    # ------------------------------------------------------------------------ what is checked

    def all_cells(self, caller: Caller) -> AsyncIterable[Document]:
        return self._cells.find({}, {"k": 1, "m": 1, "d": 1})

    def all_open(self, caller: Caller) -> AsyncIterable[Document]:
        return self._open.find({}, {"k": 1, "c": 1})

    def all_records(self, caller: Caller) -> AsyncIterable[Document]:
        return self._records.find({})


def _union(pipelines: Pipelines) -> tuple[Collection, list[Document]]:
    """All pipelines as one; each result says which `query` it belongs to."""
    marked = [(collection, [*pipeline, {"$set": {"query": place}}]) for collection, place, pipeline in pipelines]
    (first, pipeline), *others = marked
    more = [{"$unionWith": {"coll": collection.name, "pipeline": other}} for collection, other in others]
    return first, [*pipeline, *more]


def _increments(places: Mapping[Place, Flat]) -> Document:
    """The sums as $inc, for each place and for the month."""
    document: Document = {}
    month: Flat = {}
    for (day, later), flat in places.items():
        for name, value in flat.items():
            if value:
                document[f"d.{day}.{later}.{name}"] = _stored(name, value)
                month[name] = month.get(name, 0) + value
    document |= {f"m.{name}": _stored(name, value) for name, value in month.items() if value}
    return document


def _stored(name: str, value: int) -> object:
    # Sums outgrow 64 bits; counts do not.
    return to_decimal128(value) if name in ("s", "q") else value
