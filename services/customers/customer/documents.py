"""Customers and source records as documents, and back."""

from collections.abc import Sequence

from chassis.mongo import Document
from services.customers.customer.domain import Address, Customer, CustomerKind, Provenance, SourceRecord, Values
from services.customers.customer.domain.merging import Former


def record_to_document(record: SourceRecord, customer: Customer) -> Document:
    return {
        "_id": record.id,
        "source": record.source,
        "external_id": record.external_id,
        "customer": customer.id,
        "home": record.home,
        "moves": record.moves,
        "values": _values_to_document(record.values),
        "retracted": _values_to_document(record.retracted),
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
        home=document["home"],
        retracted=_values(document["retracted"]),
        moves=document["moves"],
    )


def _values_to_document(values: Values) -> Document:
    if "addresses" in values:
        return {**values, "addresses": [_address_to_document(address) for address in values["addresses"]]}
    return dict(values)


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
    return {
        "_id": customer.id,
        "kind": customer.kind.value,
        "display_name": customer.display_name,
        "folded_name": customer.display_name.casefold(),
        "values": _values_to_document(customer.values),
        "provenance": [
            {"field": p.field, "source_record": p.source_record, "since": p.since} for p in customer.provenance
        ],
        "external_ids": [{"source": source, "id": id} for source, id in customer.external_ids],
        "owner": customer.owner,
        "team": customer.team,
        "assigned": customer.assigned,
        "moves": customer.moves,
        "source": customer.source,
        "sources": sorted({record.source for record in customer.records}),
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
        assigned=document["assigned"],
        moves=document["moves"],
    )


def former_to_document(former: Former) -> Document:
    return {
        "_id": former.id,
        "into": former.into,
        "kind": former.kind.value,
        "assigned": former.assigned,
        "created_at": former.created_at,
        "source": former.source,
        "team": former.team,
        "version": former.version,
        "moves": former.moves,
        "brought": list(former.brought),
        "at": former.at,
    }


def former_from_document(document: Document) -> Former:
    return Former(
        id=document["_id"],
        into=document["into"],
        kind=CustomerKind(document["kind"]),
        assigned=document["assigned"],
        created_at=document["created_at"],
        source=document["source"],
        team=document["team"],
        version=document["version"],
        moves=document["moves"],
        brought=tuple(document["brought"]),
        at=document["at"],
    )
