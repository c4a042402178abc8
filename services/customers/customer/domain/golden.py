"""The golden record: a projection over the source records, with the provenance of each field."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum
from typing import Any

from chassis.errors import AlreadyExists, Conflict, InvalidInput, NotFound
from services.customers.customer.domain.record import (
    LIST_FIELDS,
    OWN_SOURCE,
    TEXT_FIELDS,
    SourceRecord,
    Values,
    attributes_in,
    new_record,
    retracted,
    said,
    same,
)


class CustomerKind(Enum):
    PERSON = "PERSON"
    ORGANISATION = "ORGANISATION"


class CustomerNotFound(NotFound):
    def __init__(self, id: str, path: Sequence[str] = ("id",)) -> None:
        super().__init__(f"there is no customer {id}", path)


class StaleVersion(Conflict):
    def __init__(self, id: str, present: int, made_from: int) -> None:
        super().__init__(f"{id} is at version {present}, the update was made from version {made_from}", ("version",))


class ExternalIdTaken(AlreadyExists):
    def __init__(self, source: str, id: str) -> None:
        super().__init__(f"the external id {id} of {source} belongs to another customer", ("external_id",))


@dataclass(frozen=True, slots=True)
class Provenance:
    field: str
    source_record: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Customer:
    """The golden record.

    owner: who is accountable; assigned: whom people named for this very customer ("": nobody, None: never said), which
    differs after a merge. source: of the first record; sources: of all. moves: how often the id was merged or revived.
    """

    id: str
    kind: CustomerKind
    display_name: str
    values: Values
    provenance: tuple[Provenance, ...]
    records: tuple[SourceRecord, ...]
    owner: str | None
    version: int
    created_at: datetime
    updated_at: datetime
    source: str
    team: str | None = None
    external_ids: tuple[tuple[str, str], ...] = field(default=())
    assigned: str | None = None
    moves: int = 0


def project(records: Sequence[SourceRecord]) -> tuple[dict[str, Any], tuple[Provenance, ...]]:
    """The golden values and which records said them: of a list what all of them say, else what was said last."""
    values: dict[str, Any] = {}
    provenance: list[Provenance] = []
    named = {name for record in records for name in attributes_in(record.values)}
    for name in (*TEXT_FIELDS, *sorted(named)):
        sayings = _last_first(records, name)
        if sayings and sayings[0].values[name] not in ("", None):
            values[name] = sayings[0].values[name]
            provenance.append(Provenance(name, sayings[0].id, sayings[0].since[name]))
    for name in LIST_FIELDS:
        entries: list[Any] = []
        for record in _last_first(records, name):
            known = [same(name, entry) for entry in entries]
            new = [
                v for v in record.values[name] if same(name, v) not in known and not taken_out(v, name, record, records)
            ]
            if new:
                entries += new
                provenance.append(Provenance(name, record.id, record.since[name]))
        if entries:
            values[name] = entries
    return values, tuple(provenance)


def _last_first(records: Iterable[SourceRecord], name: str) -> list[SourceRecord]:
    """Those that say something of the field."""
    sayings = [record for record in records if name in record.values]
    return sorted(sayings, key=lambda record: (record.since[name], record.id), reverse=True)


def taken_out(value: Any, name: str, record: SourceRecord, records: Iterable[SourceRecord]) -> bool:
    """Did people take it out after the record had said it?"""
    return any(
        same(name, value) in [same(name, gone) for gone in other.retracted.get(name, ())]
        and other.since[name] >= record.since[name]
        for other in records
        if other.id != record.id
    )


def display_name(kind: CustomerKind, values: Values, records: Iterable[SourceRecord]) -> str:
    """How people call the customer. InvalidInput: no name at all."""
    person = " ".join(filter(None, (values.get("given_name"), values.get("family_name"))))
    organisation = values.get("organisation_name")
    names = (organisation, person) if kind is CustomerKind.ORGANISATION else (person, organisation)
    external = next((record.external_id for record in records if record.external_id), None)
    name = next(filter(None, (values.get("display_name"), *names, external)), None)
    if name is None:
        raise InvalidInput("a customer needs a name", ("fields", "display_name"))
    return str(name)


def golden(
    id: str, kind: CustomerKind, records: Sequence[SourceRecord], *, owner: str | None, now: datetime
) -> Customer:
    """A new customer over its records."""
    values, provenance = project(records)
    return Customer(
        id=id,
        kind=kind,
        display_name=display_name(kind, values, records),
        values=values,
        provenance=provenance,
        records=tuple(records),
        owner=owner,
        version=1,
        created_at=now,
        updated_at=now,
        source=records[0].source,
        external_ids=_external_ids(records),
        assigned=owner,
    )


def _external_ids(records: Iterable[SourceRecord]) -> tuple[tuple[str, str], ...]:
    return tuple((record.source, record.external_id) for record in records if record.external_id)


def with_records(
    customer: Customer, records: Iterable[SourceRecord], now: datetime, *, nameless: bool = False
) -> Customer:
    """The customer projected anew, one version on. InvalidInput: no name at all, unless it may be nameless.

    A record that says nothing of its own, such as Rundblick's, may be all that a split leaves: then the id must do.
    """
    ordered = sorted(records, key=lambda record: record.id)
    values, provenance = project(ordered)
    return replace(
        customer,
        display_name=_name(customer, values, ordered) if nameless else display_name(customer.kind, values, ordered),
        values=values,
        provenance=provenance,
        records=tuple(ordered),
        external_ids=_external_ids(ordered),
        version=customer.version + 1,
        updated_at=now,
    )


def _name(customer: Customer, values: Values, records: Sequence[SourceRecord]) -> str:
    try:
        return display_name(customer.kind, values, records)
    except InvalidInput:
        return customer.id


def seen_by(customer: Customer, sources: Collection[str]) -> Customer:
    """The customer as a partner with these sources sees it: the projection of their records alone.

    Neither the version nor an owner or a team: they would tell that others know the customer too.
    """
    records = [record for record in customer.records if record.source in sources]
    shown = with_records(customer, records, customer.updated_at, nameless=True)
    return replace(
        shown,
        version=1,
        owner=None,
        team=None,
        created_at=min(record.received_at for record in records),
        updated_at=max(record.updated_at for record in records),
        source=records[0].source,
    )


def own_record_says(customer: Customer, values: Values, now: datetime) -> tuple[SourceRecord, ...]:
    """The records after people said `values` here: in Rundblick's own record, which is made when there is none.

    A merged customer may have several: the one that was made for it is meant, else the oldest.
    """
    own = own_record(customer)
    before = own or new_record(OWN_SOURCE, None, {}, now, customer.id)
    after = retracted(said(before, values, now), customer.values, values, now)
    if own is None:
        return (*customer.records, after)
    return tuple(after if record.id == own.id else record for record in customer.records)


def own_record(customer: Customer) -> SourceRecord | None:
    own = [record for record in customer.records if record.source == OWN_SOURCE]
    return min(own, key=lambda record: (record.home != customer.id, record.id), default=None)


def assigned_to(customer: Customer, owner: str | None, now: datetime) -> Customer:
    """The customer after people named its owner; the same one when that is nothing new."""
    if customer.owner == owner and customer.assigned == (owner or ""):
        return customer
    return replace(customer, owner=owner, assigned=owner or "", version=customer.version + 1, updated_at=now)


def require_version(customer: Customer, made_from: int | None) -> None:
    if made_from is not None and made_from != customer.version:
        raise StaleVersion(customer.id, customer.version, made_from)
