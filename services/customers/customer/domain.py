"""What a customer record is: source records are kept as they came, the golden record is a projection over them."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum
from typing import Any

from chassis.errors import AlreadyExists, Conflict, InvalidInput, NotFound
from chassis.ids import new_id

# Rundblick's own records: what people enter here, and facts that came in for no other record.
OWN_SOURCE = "rundblick"

TEXT_FIELDS = ("display_name", "given_name", "family_name", "organisation_name", "locale")
LIST_FIELDS = ("emails", "phones", "addresses")
FIELDS = TEXT_FIELDS + LIST_FIELDS

_EMAIL = re.compile(r"^[^@\s]+@[^@\s]+\.[^@\s]+$")
_PHONE = re.compile(r"^\+[1-9][0-9]{1,14}$")
_LOCALE = re.compile(r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$")
_LONGEST_TEXT = 500
_LONGEST_LIST = 50


class CustomerKind(Enum):
    PERSON = "PERSON"
    ORGANISATION = "ORGANISATION"


class CustomerNotFound(NotFound):
    def __init__(self, id: str) -> None:
        super().__init__(f"there is no customer {id}", ("id",))


class StaleVersion(Conflict):
    def __init__(self, id: str, present: int, made_from: int) -> None:
        super().__init__(f"{id} is at version {present}, the update was made from version {made_from}", ("version",))


class ExternalIdTaken(AlreadyExists):
    def __init__(self, source: str, id: str) -> None:
        super().__init__(f"the external id {id} of {source} belongs to another customer", ("external_id",))


@dataclass(frozen=True, slots=True)
class Address:
    lines: tuple[str, ...] = ()
    postal_code: str | None = None
    city: str | None = None
    region: str | None = None
    country: str | None = None


# A field that is absent was not said; an empty text or list says that there is none.
Values = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class SourceRecord:
    """values: what the source says; since: when it first said each value."""

    id: str
    source: str
    external_id: str | None
    values: Values
    since: Mapping[str, datetime]
    received_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Provenance:
    field: str
    source_record: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Customer:
    """The golden record."""

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


def checked(values: Values) -> dict[str, Any]:
    """The values, trimmed. InvalidInput: which field and why."""
    result: dict[str, Any] = {}
    for name, value in values.items():
        if name in TEXT_FIELDS:
            text = value.strip()
            if len(text) > _LONGEST_TEXT:
                raise InvalidInput(f"{name} has at most {_LONGEST_TEXT} characters", ("fields", name))
            result[name] = text
        else:
            if len(value) > _LONGEST_LIST:
                raise InvalidInput(f"{name} has at most {_LONGEST_LIST} entries", ("fields", name))
            result[name] = list(value)
    for position, email in enumerate(result.get("emails", ())):
        if not _EMAIL.match(email):
            raise InvalidInput("this is not an e-mail address", ("fields", "emails", str(position)))
    for position, phone in enumerate(result.get("phones", ())):
        if not _PHONE.match(phone):
            raise InvalidInput(
                "a phone number reads +, country code, number (E.164)", ("fields", "phones", str(position))
            )
    if result.get("locale") and not _LOCALE.match(result["locale"]):
        raise InvalidInput("a locale reads like de or en-GB (BCP 47)", ("fields", "locale"))
    return result


def new_record(source: str, external_id: str | None, values: Values, now: datetime) -> SourceRecord:
    return SourceRecord(
        id=new_id("src"),
        source=source,
        external_id=external_id,
        values=values,
        since=dict.fromkeys(values, now),
        received_at=now,
        updated_at=now,
    )


def said(record: SourceRecord, values: Values, now: datetime) -> SourceRecord:
    """The record after its source said `values`; the same object when that is nothing new."""
    news = {name: value for name, value in values.items() if record.values.get(name) != value}
    if not news:
        return record
    return replace(
        record,
        values={**record.values, **news},
        since={**record.since, **dict.fromkeys(news, now)},
        updated_at=now,
    )


def project(records: Sequence[SourceRecord]) -> tuple[dict[str, Any], tuple[Provenance, ...]]:
    """The golden values: of each field what was said last, and which record said it."""
    values: dict[str, Any] = {}
    provenance = []
    for name in FIELDS:
        sayings = [record for record in records if name in record.values]
        if sayings:
            last = max(sayings, key=lambda record: (record.since[name], record.id))
            if last.values[name] not in ("", []):
                values[name] = last.values[name]
                provenance.append(Provenance(name, last.id, last.since[name]))
    return values, tuple(provenance)


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
    )


def _external_ids(records: Iterable[SourceRecord]) -> tuple[tuple[str, str], ...]:
    return tuple((record.source, record.external_id) for record in records if record.external_id)


def with_records(customer: Customer, records: Sequence[SourceRecord], now: datetime) -> Customer:
    """The customer projected anew, one version on."""
    values, provenance = project(records)
    return replace(
        customer,
        display_name=display_name(customer.kind, values, records),
        values=values,
        provenance=provenance,
        records=tuple(records),
        external_ids=_external_ids(records),
        version=customer.version + 1,
        updated_at=now,
    )


def require_version(customer: Customer, made_from: int | None) -> None:
    if made_from is not None and made_from != customer.version:
        raise StaleVersion(customer.id, customer.version, made_from)
