"""Customers and source records as documents, and back."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time
from typing import Any

from chassis.mongo import Document
from services.customers.customer.domain import (
    ATTRIBUTES,
    Address,
    Customer,
    CustomerKind,
    Provenance,
    SourceRecord,
    Values,
)
from services.customers.customer.domain.merging import Former
from services.customers.customer.domain.searching import filed, folded, names_of, near, terms
from services.customers.matching.domain.keys import keys_of


def record_to_document(record: SourceRecord, customer: Customer) -> Document:
    return {
        "_id": record.id,
        "source": record.source,
        "external_id": record.external_id,
        "customer": customer.id,
        # By these the match rules find it.
        "keys": match_keys(record),
        "home": record.home,
        "moves": record.moves,
        "values": _values_to_document(record.values),
        "retracted": _values_to_document(record.retracted),
        "since": _nested(record.since),
        "received_at": record.received_at,
        "updated_at": record.updated_at,
        "team": customer.team,
        "owner": customer.owner,
    }


def match_keys(record: SourceRecord) -> list[str]:
    """By which the match rules find it; follows from what the record says."""
    return keys_of(record.values, record.external_id)


def record_from_document(document: Document) -> SourceRecord:
    return SourceRecord(
        id=document["_id"],
        source=document["source"],
        external_id=document["external_id"],
        values=_values(document["values"]),
        since=_flat(document["since"]),
        received_at=document["received_at"],
        updated_at=document["updated_at"],
        home=document["home"],
        retracted=_values(document["retracted"]),
        moves=document["moves"],
    )


def _nested(fields: Mapping[str, Any]) -> Document:
    """With the fields attributes.<key> as one document: a dot in a name is a path to MongoDB."""
    found: Document = {}
    for name, value in fields.items():
        field, _, key = name.partition(".")
        if key:
            found.setdefault(field, {})[key] = value
        else:
            found[field] = value
    return found


def _flat(document: Document) -> Document:
    found = {name: value for name, value in document.items() if name != ATTRIBUTES}
    return found | {f"{ATTRIBUTES}.{key}": value for key, value in document.get(ATTRIBUTES, {}).items()}


def _values_to_document(values: Values) -> Document:
    found: Document = {}
    for name, value in values.items():
        if name == "addresses":
            found[name] = [_address_to_document(address) for address in value]
        else:
            found[name] = _day_to_document(value) if isinstance(value, date) else value
    return _nested(found)


def _values(document: Document) -> Document:
    found: Document = {
        name: value.date() if isinstance(value, datetime) else value for name, value in _flat(document).items()
    }
    if "addresses" in found:
        found["addresses"] = [_address_from_document(address) for address in found["addresses"]]
    return found


def _day_to_document(day: date) -> datetime:
    """MongoDB knows no days, and expressions compare moments."""
    return datetime.combine(day, time(), UTC)


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


def found_by(customer: Customer) -> Document:
    """What is kept to find the customer, which follows from what its records say."""
    return {
        "folded_name": folded(customer.display_name),
        "filed": filed(customer),
        "terms": terms(customer),
        "near": near(names_of(customer)),
    }


def customer_to_document(customer: Customer) -> Document:
    return {
        "_id": customer.id,
        "kind": customer.kind.value,
        "display_name": customer.display_name,
        **found_by(customer),
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
