"""Where segments are kept, and who was picked for them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pymongo import ASCENDING, DESCENDING, ReplaceOne

from chassis.caller import Caller
from chassis.mongo import ONE_REPLY, Database, Document, Session, of_sources
from chassis.page import Page, Slice, keyset_filter, keyset_sort, slice_of
from services.customers.job.repository import from_document as job_from_document
from services.customers.segment.domain import Segment, Shown, TargetMarket

ORDER = (("key", ASCENDING),)


class MongoSegmentRepository:
    """Segments are the company's own, whoever answers for them: a partner sees none."""

    def __init__(self, database: Database) -> None:
        self._segments = database["segments"]
        self._picks = database["segment_picks"]
        self._records = database["source_records"]

    async def ensure_indexes(self) -> None:
        await self._segments.create_index(ORDER, name="key", unique=True)
        await self._segments.create_index([("active", ASCENDING), *ORDER], name="active")
        await self._picks.create_index([("record", ASCENDING), ("segment", ASCENDING)], name="record", unique=True)

    async def of_ids(self, caller: Caller, ids: Iterable[str], session: Session | None = None) -> dict[str, Segment]:
        return {one.id: one for one in await self._of(caller, {"_id": {"$in": list(ids)}}, session)}

    async def of_keys(self, caller: Caller, keys: Iterable[str], session: Session | None = None) -> dict[str, Segment]:
        return {one.key: one for one in await self._of(caller, {"key": {"$in": list(keys)}}, session)}

    async def active(self, caller: Caller, session: Session | None = None) -> list[Segment]:
        return await self._of(caller, {"active": True}, session)

    async def _of(self, caller: Caller, condition: Document, session: Session | None) -> list[Segment]:
        found = self._segments.find({**condition, **of_sources(caller)}, session=session, batch_size=ONE_REPLY)
        return [from_document(document) async for document in found]

    async def shown(self, caller: Caller, condition: Document, session: Session | None = None) -> list[Shown]:
        """With their sizes and what goes on with them, with one command."""
        pipeline = [{"$match": {**condition, **of_sources(caller)}}, *_LOOKED_AT]
        found = self._segments.aggregate(pipeline, session=session, batchSize=ONE_REPLY)
        return [_shown(document) async for document in found]

    async def page(self, caller: Caller, page: Page, *, active: bool | None) -> Slice[Shown]:
        wanted: Document = {} if active is None else {"active": active}
        pipeline: list[Document] = [
            {"$match": {"$and": [{}, wanted, of_sources(caller), keyset_filter(ORDER, page)]}},
            {"$sort": dict(keyset_sort(ORDER, page))},
            {"$limit": page.size + 1},
            *_LOOKED_AT,
        ]
        found = [_shown(one) async for one in self._segments.aggregate(pipeline, batchSize=ONE_REPLY)]
        return slice_of(found, [(one.segment.key,) for one in found], page)

    async def save(self, caller: Caller, segment: Segment, session: Session) -> None:
        await self._segments.replace_one({"_id": segment.id}, to_document(segment), upsert=True, session=session)

    # ------------------------------------------------------------------------------ picked one by one

    async def pick(self, caller: Caller, segment: Segment, records: Iterable[str], session: Session) -> None:
        """A fact of the source record: it goes where that goes."""
        writes = [
            ReplaceOne({"_id": f"{segment.id}/{record}"}, _pick(caller, segment, record), upsert=True)
            for record in records
        ]
        await self._picks.bulk_write(writes, ordered=False, session=session)

    async def drop(self, caller: Caller, segment: Segment, customers: Iterable[str], session: Session) -> None:
        """Whichever of their source records they were picked by."""
        of_customers = self._records.find({"customer": {"$in": list(customers)}}, {"_id": 1}, session=session)
        records = [document["_id"] async for document in of_customers]
        await self._picks.delete_many({"record": {"$in": records}, "segment": segment.id}, session=session)

    async def picked(
        self, caller: Caller, customers: Iterable[str], session: Session | None = None
    ) -> dict[str, set[str]]:
        """Customer -> the segments that any of its source records was picked for."""
        pipeline: list[Document] = [
            {"$match": {"customer": {"$in": list(customers)}}},
            {"$lookup": {"from": self._picks.name, "localField": "_id", "foreignField": "record", "as": "picks"}},
            {"$match": {"picks.0": {"$exists": True}}},
            {"$project": {"customer": 1, "picks.segment": 1}},
        ]
        found: dict[str, set[str]] = {}
        async for document in self._records.aggregate(pipeline, session=session, batchSize=ONE_REPLY):
            found.setdefault(document["customer"], set()).update(pick["segment"] for pick in document["picks"])
        return found


_LOOKED_AT: Sequence[Document] = (
    {
        "$lookup": {
            "from": "segment_sizes",
            "localField": "_id",
            "foreignField": "segment",
            "pipeline": [{"$group": {"_id": None, "n": {"$sum": "$n"}, "faults": {"$sum": "$faults"}}}],
            "as": "sizes",
        }
    },
    {
        "$lookup": {
            "from": "jobs",
            "localField": "_id",
            "foreignField": "subject_id",
            "pipeline": [{"$sort": {"_id": DESCENDING}}, {"$limit": 1}, {"$match": {"state": {"$ne": "DONE"}}}],
            "as": "jobs",
        }
    },
)


def _shown(document: Document) -> Shown:
    sizes = document["sizes"][0] if document["sizes"] else {"n": 0, "faults": 0}
    job = job_from_document(document["jobs"][0]) if document["jobs"] else None
    return Shown(from_document(document), sizes["n"], sizes["faults"], job)


def _pick(caller: Caller, segment: Segment, record: str) -> Document:
    return {
        "_id": f"{segment.id}/{record}",
        "segment": segment.id,
        "record": record,
        "by": caller.subject,
        "source": segment.source,
        "team": segment.team,
        "owner": segment.owner,
    }


def to_document(segment: Segment) -> Document:
    market = segment.market
    return {
        "_id": segment.id,
        "key": segment.key,
        "name": segment.name,
        "description": segment.description,
        "expectations": list(segment.expectations),
        "market": {"industry": market.industry, "region": market.region, "company_size": market.company_size},
        "rule": segment.rule,
        "active": segment.active,
        "owner": segment.owner,
        "team": segment.team,
        "source": segment.source,
        "version": segment.version,
    }


def from_document(document: Mapping[str, Any]) -> Segment:
    return Segment(
        id=document["_id"],
        key=document["key"],
        name=document["name"],
        description=document["description"],
        expectations=tuple(document["expectations"]),
        market=TargetMarket(**document["market"]),
        rule=document["rule"],
        active=document["active"],
        owner=document["owner"],
        team=document["team"],
        source=document["source"],
        version=document["version"],
    )
