"""Where it is kept who belongs to which segments: one document for each customer, and how many each segment has.

Derived from rules and picks, and written with every judgement, changed or not: of two judgements of a customer at once
one begins anew, so an older look at the facts never has the last word.
"""

import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from pymongo import ASCENDING, ReplaceOne, UpdateMany, UpdateOne

from chassis.caller import Caller, Reach
from chassis.mongo import ONE_REPLY, Database, Document, Session, documents_after
from chassis.page import Page, Slice, keyset_filter, keyset_sort, slice_of
from services.customers.customer.repository import MongoCustomerRepository
from services.customers.segment.domain import Change, Membership

ORDER = (("_id", ASCENDING),)
# A size is the sum of so many counters, of which a write takes any: writers hardly ever meet in one.
_COUNTERS = 16


class MongoMembershipRepository:
    """Memberships follow from the facts of all sources: who may see one, its customer decides; partners see none."""

    def __init__(self, database: Database, customers: MongoCustomerRepository) -> None:
        self._database = database
        self._memberships = database["segment_memberships"]
        self._sizes = database["segment_sizes"]
        self._changes = database["segment_changes"]
        self._customers = customers

    async def ensure_indexes(self) -> None:
        await self._memberships.create_index([("segments.segment", ASCENDING), *ORDER], name="segment")
        await self._memberships.create_index(
            [("segments.segment", ASCENDING), ("owner", ASCENDING), *ORDER], name="owner"
        )
        await self._sizes.create_index([("segment", ASCENDING)], name="segment")

    async def of_customers(
        self, caller: Caller, customers: Iterable[str], session: Session | None = None
    ) -> dict[str, Membership]:
        """By present ids; without those whom nobody judged yet."""
        condition = {"_id": {"$in": list(customers)}}
        found = self._memberships.find(condition, session=session, batch_size=ONE_REPLY)
        return {document["_id"]: _from_document(document) async for document in found}

    async def active_of(self, caller: Caller, customers: Sequence[str]) -> dict[str, list[tuple[str, datetime]]]:
        """Customer -> active segments and since when, with one command; a former id shows the present one's."""
        pipeline: list[Document] = [
            {"$documents": [{"_id": customer} for customer in dict.fromkeys(customers)]},
            {"$lookup": {"from": "former_customers", "localField": "_id", "foreignField": "_id", "as": "former"}},
            {"$set": {"present": {"$ifNull": [{"$first": "$former.into"}, "$_id"]}}},
            {
                "$lookup": {
                    "from": self._memberships.name,
                    "localField": "present",
                    "foreignField": "_id",
                    "as": "memberships",
                }
            },
            {"$set": {"segments": {"$ifNull": [{"$first": "$memberships.segments"}, []]}}},
            {
                "$lookup": {
                    "from": "segments",
                    "localField": "segments.segment",
                    "foreignField": "_id",
                    "pipeline": [{"$match": {"active": True}}, {"$project": {"_id": 1}}],
                    "as": "active",
                }
            },
            {"$project": {"segments": 1, "active": 1}},
        ]
        if not customers:
            return {}
        found = {}
        async for document in self._database.aggregate(pipeline, batchSize=ONE_REPLY):
            active = {one["_id"] for one in document["active"]}
            found[document["_id"]] = [
                (one["segment"], one["since"]) for one in document["segments"] if one["segment"] in active
            ]
        return found

    async def pages(
        self, caller: Caller, segments: Sequence[str], page: Page
    ) -> dict[str, Slice[tuple[str, datetime]]]:
        """One page of each segment's customers, with since when: those that the caller's rows cover."""
        rows = await self._customers.rows_of(caller)
        # The owner beside a membership may be that of a moment ago; the customer's own word decides.
        own: list[Document] = [
            {
                "$lookup": {
                    "from": "customers",
                    "localField": "_id",
                    "foreignField": "_id",
                    "pipeline": [{"$match": rows}, {"$project": {"_id": 1}}],
                    "as": "shown",
                }
            },
            {"$match": {"shown.0": {"$exists": True}}},
        ]
        pipeline: list[Document] = [
            {"$documents": [{"_id": segment} for segment in dict.fromkeys(segments)]},
            {
                "$lookup": {
                    "from": self._memberships.name,
                    "localField": "_id",
                    "foreignField": "segments.segment",
                    "pipeline": [
                        {"$match": {"$and": [{}, rows, keyset_filter(ORDER, page)]}},
                        {"$sort": dict(keyset_sort(ORDER, page))},
                        *(own if caller.rows is not Reach.ALL else []),
                        {"$limit": page.size + 1},
                        {"$project": {"segments": 1}},
                    ],
                    "as": "found",
                }
            },
        ]
        slices: dict[str, Slice[tuple[str, datetime]]] = {}
        if segments:
            async for document in self._database.aggregate(pipeline, batchSize=ONE_REPLY):
                found = [(one["_id"], _since(one)[document["_id"]]) for one in document["found"]]
                slices[document["_id"]] = slice_of(found, [(customer,) for customer, _ in found], page)
        return slices

    async def save(
        self,
        caller: Caller,
        before: Sequence[Membership],
        after: Sequence[Membership],
        changes: Sequence[Change],
        session: Session,
    ) -> None:
        """after: in place of before, one for each. changes: between the two."""
        writes: list[Any] = []
        as_before: defaultdict[datetime | None, list[str]] = defaultdict(list)
        for old, new in zip(before, after, strict=True):
            if old.judged_at is not None and _said(old) == _said(new):
                as_before[new.judged_at].append(new.customer)
            else:
                writes.append(ReplaceOne({"_id": new.customer}, _to_document(new), upsert=True))
        writes += [UpdateMany({"_id": {"$in": ids}}, {"$set": {"judged_at": at}}) for at, ids in as_before.items()]
        if writes:
            await self._memberships.bulk_write(writes, ordered=False, session=session)
        await self._count(before, after, changes, session)

    async def forget(
        self, caller: Caller, gone: Sequence[Membership], changes: Sequence[Change], session: Session
    ) -> None:
        """Customers that are no more."""
        if gone:
            await self._memberships.delete_many({"_id": {"$in": [one.customer for one in gone]}}, session=session)
            await self._count(gone, [], changes, session)

    async def note(self, caller: Caller, changes: Mapping[str, Change], session: Session) -> None:
        """That they were told, by their ids: who lost it can be told again."""
        if changes:
            documents = [_change_to_document(id, change) for id, change in changes.items()]
            await self._changes.insert_many(documents, ordered=False, session=session)

    async def changes_after(
        self, caller: Caller, after: str, size: int, session: Session | None = None
    ) -> dict[str, Change]:
        """The next ones in the order of their ids."""
        found = await documents_after(self._changes, after, size, session)
        return {one["_id"]: Change(one["customer"], one["segment"], one["member"], one["at"]) for one in found}

    async def _count(
        self, before: Iterable[Membership], after: Iterable[Membership], changes: Iterable[Change], session: Session
    ) -> None:
        sizes: Counter[str] = Counter()
        for change in changes:
            sizes[change.segment] += 1 if change.member else -1
        faults = Counter(segment for one in after for segment in one.faults)
        faults.subtract(Counter(segment for one in before for segment in one.faults))
        counter = random.randrange(_COUNTERS)  # noqa: S311  # no secret
        writes = [
            UpdateOne(
                {"_id": f"{segment}/{counter}"},
                {"$inc": {"n": sizes[segment], "faults": faults[segment]}, "$setOnInsert": {"segment": segment}},
                upsert=True,
            )
            for segment in sorted({*sizes, *faults})
            if sizes[segment] or faults[segment]
        ]
        if writes:
            await self._sizes.bulk_write(writes, ordered=False, session=session)

    async def sizes(self, caller: Caller) -> dict[str, tuple[int, int]]:
        """Segment -> (customers, faults), as they were counted."""
        group = {"$group": {"_id": "$segment", "n": {"$sum": "$n"}, "faults": {"$sum": "$faults"}}}
        return {one["_id"]: (one["n"], one["faults"]) async for one in self._sizes.aggregate([group])}

    async def counted(self, caller: Caller) -> dict[str, tuple[int, int]]:
        """As sizes, counted anew over all customers."""
        found: Counter[tuple[str, str]] = Counter()
        for field, value in (("segments", "$segments.segment"), ("faults", "$faults")):
            pipeline: list[Document] = [{"$unwind": f"${field}"}, {"$group": {"_id": value, "n": {"$sum": 1}}}]
            async for one in self._memberships.aggregate(pipeline):
                found[one["_id"], field] = one["n"]
        return {id: (found[id, "segments"], found[id, "faults"]) for id, _ in found}


def _said(one: Membership) -> tuple[Any, ...]:
    return dict(one.since), one.faults, one.owner


def _change_to_document(id: str, change: Change) -> Document:
    return {
        "_id": id,
        "customer": change.customer,
        "segment": change.segment,
        "member": change.member,
        "at": change.at,
        "source": "rundblick",
        "team": None,
        "owner": None,
    }


def _since(document: Document) -> dict[str, datetime]:
    return {one["segment"]: one["since"] for one in document["segments"]}


def _to_document(one: Membership) -> Document:
    return {
        "_id": one.customer,
        "segments": [{"segment": segment, "since": since} for segment, since in one.since.items()],
        "faults": sorted(one.faults),
        "judged_at": one.judged_at,
        "source": "rundblick",
        "team": None,
        "owner": one.owner,
    }


def _from_document(document: Document) -> Membership:
    return Membership(
        customer=document["_id"],
        since=_since(document),
        faults=frozenset(document["faults"]),
        owner=document["owner"],
        judged_at=document["judged_at"],
    )
