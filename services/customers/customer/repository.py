"""Where customers and their source records are kept."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from pymongo import ASCENDING, DESCENDING, ReplaceOne, UpdateOne

from chassis.caller import Caller, Reach
from chassis.mongo import ONE_REPLY, Database, Document, Session, documents_after, of_rows, of_sources, some_ids
from chassis.page import Page, Slice, keyset_filter, keyset_sort, slice_of
from services.customers.customer.documents import (
    customer_from_document,
    customer_to_document,
    former_from_document,
    former_to_document,
    found_by,
    match_keys,
    record_from_document,
    record_to_document,
)
from services.customers.customer.domain import Customer, SourceRecord, seen_by
from services.customers.customer.domain.merging import Former, Moved
from services.customers.customer.domain.searching import Search, filed, terms
from services.customers.customer.search import SHOWN, alike, beginning

ORDERS: dict[str, tuple[tuple[str, int], ...]] = {
    "NEWEST": (("created_at", DESCENDING), ("_id", DESCENDING)),
    "OLDEST": (("created_at", ASCENDING), ("_id", ASCENDING)),
    "NAME": (("folded_name", ASCENDING), ("_id", ASCENDING)),
    "FILED": (("filed", ASCENDING), ("_id", ASCENDING)),
}


class MongoCustomerRepository:
    def __init__(self, database: Database) -> None:
        self._customers = database["customers"]
        self._employees = database["employees"]
        self._former = database["former_customers"]
        self._records = database["source_records"]

    async def _shown_to(self, caller: Caller) -> Document:
        """A partner sees customers that one of its sources knows, and of them what its sources say.

        A customer is of the team that its owner is in today: whoever changes teams takes their customers along.
        """
        if caller.rows is not Reach.TEAM or caller.team is None:
            return {**of_sources(caller, "sources"), **of_rows(caller)}
        members = self._employees.find({"team": caller.team}, {"_id": 1}, batch_size=ONE_REPLY)
        ids = {document["_id"] async for document in members} | {caller.employee} - {None}
        return {**of_sources(caller, "sources"), "owner": {"$in": sorted(ids)}}

    async def rows_of(self, caller: Caller) -> Document:
        """The condition for what carries the owner of its customer: whose customers the caller sees."""
        return await self._shown_to(caller)

    async def ensure_indexes(self) -> None:
        await self._customers.create_index(ORDERS["NEWEST"], name="newest")
        await self._customers.create_index(ORDERS["NAME"], name="name")
        await self._customers.create_index(ORDERS["FILED"], name="filed")
        await self._customers.create_index([("terms", ASCENDING)], name="terms")
        await self._customers.create_index([("near", ASCENDING)], name="near")
        for field in ("sources", "owner", "kind"):
            await self._customers.create_index([(field, ASCENDING), *ORDERS["NEWEST"]], name=field)
        await self._customers.create_index(
            [("external_ids.source", ASCENDING), ("external_ids.id", ASCENDING)], name="external_id"
        )
        await self._former.create_index([("into", ASCENDING)], name="into")
        await self._records.create_index([("customer", ASCENDING)], name="customer")
        await self._records.create_index(
            [("source", ASCENDING), ("external_id", ASCENDING)],
            name="external_id",
            unique=True,
            # Not $type: that is not seen to hold for an $in of strings, and all documents would be read.
            partialFilterExpression={"external_id": {"$gt": ""}},
        )

    async def of_ids(
        self, caller: Caller, ids: Iterable[str], session: Session | None = None, *, whole: bool = False
    ) -> dict[str, Customer]:
        """The golden records with their source records, by the id asked for; unknown ids are left out.

        The id of a merged customer answers the present one. whole: with the records the caller does not see too, for
        who projects the customer anew and shows it to nobody.
        """
        asked = list(ids)
        found = await self._present(caller, asked, session, whole=whole)
        missing = [id for id in asked if id not in found]
        if missing:
            leads = await self.leads_to(caller, missing, session)
            present = await self._present(caller, leads.values(), session, whole=whole) if leads else {}
            found |= {id: present[into] for id, into in leads.items() if into in present}
        return found

    async def _present(
        self, caller: Caller, ids: Iterable[str], session: Session | None, *, whole: bool
    ) -> dict[str, Customer]:
        documents = await self._customers.find(
            {"_id": {"$in": list(ids)}, **await self._shown_to(caller)}, SHOWN, session=session, batch_size=ONE_REPLY
        ).to_list(None)
        return await self._with_records(caller, documents, session, whole=whole)

    async def seen(self, caller: Caller, ids: Iterable[str]) -> set[str]:
        """Those of the ids, present or former, whose customer the caller's rows cover."""
        asked = set(ids)
        if caller.rows is Reach.ALL or not asked:
            return asked
        leads = await self.leads_to(caller, asked)
        documents = self._customers.find(
            {"_id": {"$in": [leads.get(id, id) for id in asked]}, **await self._shown_to(caller)},
            {"_id": 1},
            batch_size=ONE_REPLY,
        )
        covered = {document["_id"] async for document in documents}
        return {id for id in asked if leads.get(id, id) in covered}

    async def leads_to(self, caller: Caller, ids: Iterable[str], session: Session | None = None) -> dict[str, str]:
        """Former golden id -> the present one."""
        documents = self._former.find({"_id": {"$in": list(ids)}}, {"into": 1}, session=session, batch_size=ONE_REPLY)
        return {document["_id"]: document["into"] async for document in documents}

    async def _with_records(
        self, caller: Caller, documents: Sequence[Document], session: Session | None, *, whole: bool = False
    ) -> dict[str, Customer]:
        if not documents:
            return {}
        ids = [document["_id"] for document in documents]
        records: dict[str, list[SourceRecord]] = {id: [] for id in ids}
        async for document in self._records.find({"customer": {"$in": ids}}, session=session, batch_size=ONE_REPLY):
            records[document["customer"]].append(record_from_document(document))
        found = {
            document["_id"]: customer_from_document(document, sorted(records[document["_id"]], key=lambda r: r.id))
            for document in documents
        }
        if caller.sources is None or whole:
            return found
        return {id: seen_by(customer, caller.sources) for id, customer in found.items()}

    async def of_external_ids(
        self, caller: Caller, source: str, external_ids: Iterable[str], session: Session | None = None
    ) -> dict[str, tuple[str, SourceRecord]]:
        """external id -> (customer id, source record)."""
        documents = await self._records.find(
            {"$and": [{"source": source, "external_id": {"$in": list(external_ids)}}, of_sources(caller)]},
            session=session,
            batch_size=ONE_REPLY,
        ).to_list(None)
        return {d["external_id"]: (d["customer"], record_from_document(d)) for d in documents}

    async def of_external_id(self, caller: Caller, source: str, external_id: str) -> Customer | None:
        if caller.sources is not None and source not in caller.sources:
            return None
        documents = await self._customers.find(
            {"external_ids": {"$elemMatch": {"source": source, "id": external_id}}, **await self._shown_to(caller)},
            SHOWN,
        ).to_list(1)
        found = await self._with_records(caller, documents, None)
        return next(iter(found.values()), None)

    async def page(self, caller: Caller, page: Page, *, order: str, filter: Mapping[str, Any]) -> Slice[Customer]:
        # Both may speak of the source: one must not take the other's place.
        conditions: list[Document] = [dict(filter), await self._shown_to(caller)]
        keys = ORDERS[order]
        documents = await (
            self._customers.find({"$and": [*conditions, keyset_filter(keys, page)]}, SHOWN)
            .sort(keyset_sort(keys, page))
            .limit(page.size + 1)
        ).to_list(page.size + 1)
        return _slice(await self._with_records(caller, documents, None), documents, order, page)

    async def search(self, caller: Caller, page: Page, search: Search, *, filter: Mapping[str, Any]) -> Slice[Customer]:
        """Those whose name begins so; when their list ends on the page, those that are like it fill it, and end it."""
        conditions: Document = {"$and": [dict(filter), await self._shown_to(caller)]}
        keys = ORDERS["FILED"]
        names = {"$and": [conditions, beginning(search, "filed"), keyset_filter(keys, page)]}
        pipeline: list[Document] = [
            {"$match": names},
            {"$sort": dict(keyset_sort(keys, page))},
            {"$limit": page.size + 1},
            {"$project": SHOWN},
        ]
        ended = page.boundary is not None and page.boundary[0] == search.end
        if not page.backward and not ended:
            pipeline += alike(search, conditions, self._customers.name)
        documents = await self._customers.aggregate(pipeline, batchSize=ONE_REPLY).to_list(None)
        begin = [document for document in documents if "alike" not in document]
        room = max(page.size - len(begin), 0)
        others = {d["_id"]: d for d in documents if "alike" in d and not d["filed"].startswith(search.name)}
        if room == 0 or caller.sources is None:
            # To a partner they are like it only by what its own sources say, which is known when all were read.
            best = search.ranked({id: document["terms"] for id, document in others.items()})
            others = {id: others[id] for id in best[:room]}
        found = await self._with_records(caller, [*begin, *others.values()], None)
        part = _slice(found, begin, "FILED", page)
        if caller.sources is not None:
            part = _with_names_seen(part, search)
        like = [found[id] for id in search.ranked({id: terms(found[id]) for id in others})[:room]]
        boundaries = tuple((search.end, customer.id) for customer in like)
        return replace(part, items=(*part.items, *like), boundaries=(*part.boundaries, *boundaries))

    async def save(self, caller: Caller, customers: Sequence[Customer], session: Session) -> None:
        """Write the golden records and the source records they carry."""
        if not customers:
            return
        await self._records.bulk_write(
            [
                ReplaceOne({"_id": record.id}, record_to_document(record, customer), upsert=True)
                for customer in customers
                for record in customer.records
            ],
            ordered=False,
            session=session,
        )
        await self._customers.bulk_write(
            [ReplaceOne({"_id": c.id}, customer_to_document(c), upsert=True) for c in customers],
            ordered=False,
            session=session,
        )

    async def add(self, caller: Caller, customers: Sequence[Customer], session: Session) -> None:
        """Write new golden records with their source records."""
        if customers:
            records = [record_to_document(record, customer) for customer in customers for record in customer.records]
            await self._records.insert_many(records, ordered=False, session=session)
            await self._customers.insert_many(
                [customer_to_document(customer) for customer in customers], ordered=False, session=session
            )

    # --------------------------------------------------------------------------- merge and split

    async def formers_of(self, caller: Caller, ids: Iterable[str], session: Session | None = None) -> list[Former]:
        """The former customers that lead to any of these."""
        documents = self._former.find({"into": {"$in": list(ids)}}, session=session, batch_size=ONE_REPLY)
        return [former_from_document(document) async for document in documents]

    async def move(self, caller: Caller, moved: Moved, session: Session) -> None:
        """Write a merge or a split."""
        await self.save(caller, moved.customers, session)
        if moved.gone:
            await self._customers.delete_many({"_id": {"$in": list(moved.gone)}}, session=session)
        if moved.revived is not None:
            await self._former.delete_one({"_id": moved.revived}, session=session)
        if moved.formers:
            await self._former.bulk_write(
                [ReplaceOne({"_id": f.id}, former_to_document(f), upsert=True) for f in moved.formers],
                ordered=False,
                session=session,
            )

    async def aliases(self, caller: Caller, ids: Iterable[str]) -> dict[str, tuple[str, int]]:
        """Whose source records and golden ids are: id -> (present golden id, how often it moved)."""
        asked = list(ids)
        condition = {"_id": {"$in": asked}}
        kept = {"customer": 1, "into": 1, "moves": 1}
        found: dict[str, tuple[str, int]] = {}
        for collection in (self._records, self._former, self._customers):
            async for document in collection.find(condition, kept, batch_size=ONE_REPLY):
                present = document.get("customer") or document.get("into") or document["_id"]
                found[document["_id"]] = (present, document["moves"])
        return found

    async def aliases_after(
        self, caller: Caller, after: str, size: int, session: Session | None = None
    ) -> list[tuple[str, str, int]]:
        """The next source records and golden ids in their order, each as in `aliases`."""
        found: list[tuple[str, str, int]] = []
        for collection in (self._records, self._former, self._customers):
            found += [
                (one["_id"], one.get("customer") or one.get("into") or one["_id"], one["moves"])
                for one in await documents_after(collection, after, size, session)
            ]
        return sorted(found)[:size]

    async def customers_of_records(
        self, caller: Caller, records: Iterable[str], session: Session | None = None, *, hold: bool = False
    ) -> dict[str, str]:
        """Source record -> its golden id today. hold: no merge or split may change that before the session commits."""
        condition = {"_id": {"$in": list(records)}}
        if hold:
            await self._records.update_many(condition, {"$inc": {"held": 1}}, session=session)
        documents = self._records.find(condition, {"customer": 1}, session=session, batch_size=ONE_REPLY)
        return {document["_id"]: document["customer"] async for document in documents}

    async def found_by(self, caller: Caller, ids: Iterable[str], session: Session | None = None) -> dict[str, Document]:
        """What is kept to find them, by id."""
        kept = {"_id": 1, "folded_name": 1, "filed": 1, "terms": 1, "near": 1}
        documents = self._customers.find({"_id": {"$in": list(ids)}}, kept, session=session, batch_size=ONE_REPLY)
        return {document.pop("_id"): document async for document in documents}

    async def match_keys(
        self, caller: Caller, customers: Iterable[str], session: Session | None = None
    ) -> dict[str, list[str] | None]:
        """By which the match rules find the source records of these customers, as they are kept."""
        condition = {"customer": {"$in": list(customers)}}
        documents = self._records.find(condition, {"keys": 1}, session=session, batch_size=ONE_REPLY)
        return {document["_id"]: document.get("keys") async for document in documents}

    async def file(self, caller: Caller, customers: Sequence[Customer], session: Session) -> None:
        """They are found by what follows from what they say."""
        if not customers:
            return
        await self._customers.bulk_write(
            [UpdateOne({"_id": one.id}, {"$set": found_by(one)}) for one in customers], ordered=False, session=session
        )
        await self._records.bulk_write(
            [
                UpdateOne({"_id": record.id}, {"$set": {"keys": match_keys(record)}})
                for one in customers
                for record in one.records
            ],
            ordered=False,
            session=session,
        )

    async def some(self, caller: Caller, after: str | None, size: int, session: Session | None = None) -> list[str]:
        """Ids of the next customers in the order of ids; without a place to start, of any, by chance."""
        return await some_ids(self._customers, after, size, session)

    async def count(self, caller: Caller) -> int:
        """About how many there are."""
        return await self._customers.estimated_document_count()


def _slice(found: Mapping[str, Customer], documents: Sequence[Document], order: str, page: Page) -> Slice[Customer]:
    boundaries = [tuple(document[name] for name, _ in ORDERS[order]) for document in documents]
    return slice_of([found[document["_id"]] for document in documents], boundaries, page)


def _with_names_seen(part: Slice[Customer], search: Search) -> Slice[Customer]:
    """Without those that were found by a name the caller does not see."""
    seen = [filed(customer).startswith(search.name) for customer in part.items]
    return replace(
        part,
        items=tuple(item for item, keep in zip(part.items, seen, strict=True) if keep),
        boundaries=tuple(boundary for boundary, keep in zip(part.boundaries, seen, strict=True) if keep),
    )
