"""Source records: what each source says of a customer, kept as it came."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from chassis.errors import InvalidInput
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
    """values: what the source says; since: when it first said each value.

    retracted: entries of lists that people took out here, whoever had said them until then. home: the golden id it was
    made for, never changed; moves: how often a merge or split gave it to another one.
    """

    id: str
    source: str
    external_id: str | None
    values: Values
    since: Mapping[str, datetime]
    received_at: datetime
    updated_at: datetime
    home: str
    retracted: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    moves: int = 0


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


def new_record(source: str, external_id: str | None, values: Values, now: datetime, home: str) -> SourceRecord:
    return SourceRecord(
        id=new_id("src"),
        source=source,
        external_id=external_id,
        values=values,
        since=dict.fromkeys(values, now),
        received_at=now,
        updated_at=now,
        home=home,
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


def retracted(record: SourceRecord, golden: Values, values: Values, now: datetime) -> SourceRecord:
    """Rundblick's own record after people said `values` of a customer that reads `golden`: lists are meant whole."""
    gone = dict(record.retracted)
    since = dict(record.since)
    for name in LIST_FIELDS:
        if name in values:
            kept = values[name]
            missing = [value for value in golden.get(name, ()) if value not in kept]
            before = [value for value in gone.get(name, ()) if value not in kept and value not in missing]
            if [*before, *missing] != list(gone.get(name, ())):
                gone[name] = [*before, *missing]
                since[name] = now
    return record if gone == record.retracted else replace(record, retracted=gone, since=since, updated_at=now)
