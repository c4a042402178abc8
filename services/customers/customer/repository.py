"""Where customers and their source records are kept."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pymongo import ASCENDING, DESCENDING, ReplaceOne

from chassis.caller import Caller
from chassis.mongo import ONE_REPLY, Database, Document, Session, visible_to
from chassis.page import Page, Slice, keyset_filter, keyset_sort, slice_of
from services.customers.customer.domain import Address, Customer, CustomerKind, Provenance, SourceRecord

ORDERS: dict[str, tuple[tuple[str, int], ...]] = {
    "NEWEST": (("created_at", DESCENDING), ("_id", DESCENDING)),
    "OLDEST": (("created_at", ASCENDING), ("_id", ASCENDING)),
    "NAME": (("folded_name", ASCENDING), ("_id", ASCENDING)),
}


class MongoCustomerRepository:
    def __init__(self, database: Database) -> None:
        self._customers = database["customers"]
        self._records = database["source_records"]

    async def ensure_indexes(self) -> None:
        await self._customers.create_index(ORDERS["NEWEST"], name="newest")
        await self._customers.create_index(ORDERS["NAME"], name="name")
        for field in ("source", "owner", "kind"):
            await self._customers.create_index([(field, ASCENDING), *ORDERS["NEWEST"]], name=field)
        await self._customers.create_index(
            [("external_ids.source", ASCENDING), ("external_ids.id", ASCENDING)], name="external_id"
        )
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
        """The golden records with their source records; unknown ids are left out.

        whole: with the records the caller does not see too, for who projects the customer anew and shows it to nobody.
        """
        documents = await self._customers.find(
            {"_id": {"$in": list(ids)}, **visible_to(caller)}, session=session, batch_size=ONE_REPLY
        ).to_list(None)
        return await self._with_records(caller, documents, session, whole=whole)

    async def _with_records(
        self, caller: Caller, documents: Sequence[Document], session: Session | None, *, whole: bool = False
    ) -> dict[str, Customer]:
        if not documents:
            return {}
        ids = [document["_id"] for document in documents]
        records: dict[str, list[SourceRecord]] = {id: [] for id in ids}
        seen = {} if whole else visible_to(caller)
        async for document in self._records.find(
            {"customer": {"$in": ids}, **seen}, session=session, batch_size=ONE_REPLY
        ):
            records[document["customer"]].append(record_from_document(document))
        return {
            document["_id"]: customer_from_document(document, sorted(records[document["_id"]], key=lambda r: r.id))
            for document in documents
        }

    async def of_external_ids(
        self, caller: Caller, source: str, external_ids: Iterable[str], session: Session | None = None
    ) -> dict[str, tuple[str, SourceRecord]]:
        """external id -> (customer id, source record)."""
        documents = await self._records.find(
            {"$and": [{"source": source, "external_id": {"$in": list(external_ids)}}, visible_to(caller)]},
            session=session,
            batch_size=ONE_REPLY,
        ).to_list(None)
        return {d["external_id"]: (d["customer"], record_from_document(d)) for d in documents}

    async def of_external_id(self, caller: Caller, source: str, external_id: str) -> Customer | None:
        if caller.sources is not None and source not in caller.sources:
            return None
        documents = await self._customers.find(
            {"external_ids": {"$elemMatch": {"source": source, "id": external_id}}, **visible_to(caller)}
        ).to_list(1)
        found = await self._with_records(caller, documents, None)
        return next(iter(found.values()), None)

    async def page(
        self, caller: Caller, page: Page, *, order: str, search: str | None, filter: Mapping[str, Any]
    ) -> Slice[Customer]:
        # Both may speak of the source: one must not take the other's place.
        conditions: list[Document] = [dict(filter), visible_to(caller)]
        folded = (search or "").strip().casefold()
        if folded:
            conditions.append({"folded_name": {"$gte": folded, "$lt": folded + "\U0010ffff"}})
            order = "NAME"
        keys = ORDERS[order]
        documents = await (
            self._customers.find({"$and": [*conditions, keyset_filter(keys, page)]})
            .sort(keyset_sort(keys, page))
            .limit(page.size + 1)
        ).to_list(page.size + 1)
        found = await self._with_records(caller, documents, None)
        return slice_of(
            [found[document["_id"]] for document in documents],
            [tuple(document[name] for name, _ in keys) for document in documents],
            page,
        )

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


def record_to_document(record: SourceRecord, customer: Customer) -> Document:
    values = dict(record.values)
    if "addresses" in values:
        values["addresses"] = [_address_to_document(address) for address in values["addresses"]]
    return {
        "_id": record.id,
        "source": record.source,
        "external_id": record.external_id,
        "customer": customer.id,
        "values": values,
        "since": dict(record.since),
        "received_at": record.received_at,
        "updated_at": record.updated_at,
        "team": customer.team,
        "owner": customer.owner,
    }


def record_from_document(document: Document) -> SourceRecord:
    return SourceRecord(
        id=document["_id"],
        source=document["source"],
        external_id=document["external_id"],
        values=_values(document["values"]),
        since=document["since"],
        received_at=document["received_at"],
        updated_at=document["updated_at"],
    )


def _values(values: Document) -> Document:
    if "addresses" in values:
        return {**values, "addresses": [_address_from_document(address) for address in values["addresses"]]}
    return values


def _address_to_document(address: Address) -> Document:
    return {
        "lines": list(address.lines),
        "postal_code": address.postal_code,
        "city": address.city,
        "region": address.region,
        "country": address.country,
    }


def _address_from_document(document: Document) -> Address:
    return Address(**{**document, "lines": tuple(document["lines"])})


def customer_to_document(customer: Customer) -> Document:
    values = dict(customer.values)
    if "addresses" in values:
        values["addresses"] = [_address_to_document(address) for address in values["addresses"]]
    return {
        "_id": customer.id,
        "kind": customer.kind.value,
        "display_name": customer.display_name,
        "folded_name": customer.display_name.casefold(),
        "values": values,
        "provenance": [
            {"field": p.field, "source_record": p.source_record, "since": p.since} for p in customer.provenance
        ],
        "external_ids": [{"source": source, "id": id} for source, id in customer.external_ids],
        "owner": customer.owner,
        "team": customer.team,
        "source": customer.source,
        "version": customer.version,
        "created_at": customer.created_at,
        "updated_at": customer.updated_at,
    }


def customer_from_document(document: Document, records: Sequence[SourceRecord]) -> Customer:
    return Customer(
        id=document["_id"],
        kind=CustomerKind(document["kind"]),
        display_name=document["display_name"],
        values=_values(document["values"]),
        provenance=tuple(Provenance(**entry) for entry in document["provenance"]),
        records=tuple(records),
        owner=document["owner"],
        version=document["version"],
        created_at=document["created_at"],
        updated_at=document["updated_at"],
        source=document["source"],
        team=document["team"],
        external_ids=tuple((entry["source"], entry["id"]) for entry in document["external_ids"]),
    )
