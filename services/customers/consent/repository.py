"""Where the ledger of consent is kept. Entries are added, and never changed but for whose they are today."""

from collections.abc import Iterable, Sequence
from typing import Any

from pymongo import ASCENDING, DESCENDING

from chassis.caller import Caller
from chassis.mongo import ONE_REPLY, Database, Document, Session, of_sources, some_ids
from chassis.page import Page, Slice, keyset_filter, keyset_sort, slice_of
from services.customers.consent.domain import ConsentEntry, ConsentPurpose, ConsentStatus, Ledger, Statement
from services.customers.customer.documents import record_from_document
from services.customers.touchpoint.domain import Channel

ORDER = (("occurred_at", DESCENDING), ("_id", DESCENDING))


class MongoConsentRepository:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._entries = database["consent_entries"]
        self._former = database["former_customers"]
        self._records = database["source_records"]

    async def ensure_indexes(self) -> None:
        await self._entries.create_index([("customer", ASCENDING), *ORDER], name="history")
        await self._entries.create_index([("source_record", ASCENDING), ("customer", ASCENDING)], name="record")
        for field in ("token_hash", "confirms"):
            await self._entries.create_index(
                [(field, ASCENDING)], name=field, unique=True, partialFilterExpression={field: {"$exists": True}}
            )

    async def ledgers(
        self, caller: Caller, customers: Iterable[str], session: Session | None = None
    ) -> dict[str, Ledger]:
        """By the id asked for; a former id answers the present one's, unknown ids are left out.

        By source records and not by the golden id beside each entry: that one follows a merge a moment later, and in
        that moment nobody must be contacted who refused. A partner's is over what its own sources say.
        """
        pipeline: list[Document] = [
            *self._present(customers),
            {
                "$lookup": {
                    "from": self._records.name,
                    "localField": "present",
                    "foreignField": "customer",
                    "as": "all",
                }
            },
            {"$set": {"ids": "$all._id", "records": _of_sources(caller, "$all")}},
            {"$match": {"records": {"$ne": []}}},
            {
                "$lookup": {
                    "from": self._entries.name,
                    "localField": "ids",
                    "foreignField": "source_record",
                    "pipeline": [{"$match": {"$and": [{}, of_sources(caller)]}}],
                    "as": "entries",
                }
            },
            {"$project": {"records": 1, "entries": 1}},
        ]
        found: dict[str, Ledger] = {}
        async for document in self._database.aggregate(pipeline, session=session, batchSize=ONE_REPLY):
            found[document["_id"]] = Ledger(
                records=sorted(map(record_from_document, document["records"]), key=lambda record: record.id),
                entries=[from_document(entry) for entry in document["entries"]],
            )
        return found

    async def statements(self, caller: Caller, ids: Iterable[str], session: Session) -> dict[str, Statement]:
        """What the entries with these ids say."""
        found = self._entries.find({"_id": {"$in": list(ids)}}, session=session, batch_size=ONE_REPLY)
        return {document["_id"]: from_document(document).said async for document in found}

    async def pages(self, caller: Caller, customers: Sequence[str], page: Page) -> dict[str, Slice[ConsentEntry]]:
        """One page of each customer's entries, newest first, with one command."""
        pipeline: list[Document] = [
            *self._present(customers),
            {
                "$lookup": {
                    "from": self._entries.name,
                    "localField": "present",
                    "foreignField": "customer",
                    "pipeline": [
                        {"$match": {"$and": [{}, of_sources(caller), keyset_filter(ORDER, page)]}},
                        {"$sort": dict(keyset_sort(ORDER, page))},
                        {"$limit": page.size + 1},
                    ],
                    "as": "found",
                }
            },
        ]
        slices: dict[str, Slice[ConsentEntry]] = {}
        async for document in self._database.aggregate(pipeline, batchSize=ONE_REPLY):
            found = document["found"]
            slices[document["_id"]] = slice_of(
                [from_document(one) for one in found],
                [(one["occurred_at"], one["_id"]) for one in found],
                page,
            )
        return slices

    def _present(self, customers: Iterable[str]) -> list[Document]:
        return [
            {"$documents": [{"_id": customer} for customer in dict.fromkeys(customers)]},
            {"$lookup": {"from": self._former.name, "localField": "_id", "foreignField": "_id", "as": "former"}},
            {"$set": {"present": {"$ifNull": [{"$first": "$former.into"}, "$_id"]}}},
        ]

    async def of_token(self, caller: Caller, token_hash: bytes, session: Session) -> tuple[ConsentEntry | None, bool]:
        """The entry that this token confirms, and whether that was done."""
        pending = await self._entries.find_one({"token_hash": token_hash, **of_sources(caller)}, session=session)
        if pending is None:
            return None, False
        used = await self._entries.find_one({"confirms": pending["_id"]}, {"_id": 1}, session=session)
        return from_document(pending), used is not None

    async def add(self, caller: Caller, entry: ConsentEntry, session: Session) -> None:
        await self._entries.insert_one(to_document(entry), session=session)

    async def give(self, caller: Caller, record: str, customer: str, session: Session) -> None:
        """All entries of a source record to whom the record belongs."""
        await self._entries.update_many(
            {"source_record": record, "customer": {"$ne": customer}}, {"$set": {"customer": customer}}, session=session
        )

    async def some(self, caller: Caller, after: str | None, size: int) -> list[ConsentEntry]:
        """The next entries in the order of their ids; without a place to start any, by chance."""
        ids = await some_ids(self._entries, after, size)
        documents = self._entries.find({"_id": {"$in": ids}, **of_sources(caller)}, batch_size=ONE_REPLY)
        found = {document["_id"]: from_document(document) async for document in documents}
        return [found[id] for id in ids if id in found]


def _of_sources(caller: Caller, records: str) -> Any:
    """The expression for those of the records that the caller sees."""
    if caller.sources is None:
        return records
    return {"$filter": {"input": records, "cond": {"$in": ["$$this.source", sorted(caller.sources)]}}}


def to_document(entry: ConsentEntry) -> Document:
    said = entry.said
    document: Document = {
        "_id": entry.id,
        "customer": entry.customer,
        "source_record": entry.source_record,
        "channel": said.channel.value,
        "purpose": said.purpose.value,
        "status": said.status.value,
        "source": said.source,
        "team": entry.team,
        "owner": entry.owner,
        "occurred_at": said.occurred_at,
        "recorded_at": said.recorded_at,
        "covers": sorted(entry.covers),
        "sources": sorted(entry.sources) if entry.sources is not None else None,
        "address": said.address,
        "expires_at": said.expires_at,
        "wording_version": said.wording_version,
        "ip_address": said.ip_address,
        "recorded_by": entry.recorded_by,
    }
    # Left out where there is none: their indexes are unique.
    if said.token_hash is not None:
        document |= {"token_hash": said.token_hash, "token_until": said.token_until}
    return document if entry.confirms is None else {**document, "confirms": entry.confirms}


def from_document(document: Document) -> ConsentEntry:
    said = Statement(
        channel=Channel(document["channel"]),
        purpose=ConsentPurpose(document["purpose"]),
        status=ConsentStatus(document["status"]),
        source=document["source"],
        occurred_at=document["occurred_at"],
        recorded_at=document["recorded_at"],
        address=document["address"],
        expires_at=document["expires_at"],
        wording_version=document["wording_version"],
        ip_address=document["ip_address"],
        token_hash=document.get("token_hash"),
        token_until=document.get("token_until"),
    )
    return ConsentEntry(
        id=document["_id"],
        customer=document["customer"],
        source_record=document["source_record"],
        said=said,
        covers=frozenset(document["covers"]),
        sources=frozenset(document["sources"]) if document["sources"] is not None else None,
        recorded_by=document["recorded_by"],
        owner=document["owner"],
        team=document["team"],
        confirms=document.get("confirms"),
    )
