"""Source records: what each source says of a customer, kept as it came."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from chassis.ids import new_id

# Rundblick's own records: what people enter here, and facts that came in for no other record.
OWN_SOURCE = "rundblick"

TEXT_FIELDS = ("display_name", "given_name", "family_name", "organisation_name", "locale")
LIST_FIELDS = ("emails", "phones", "addresses")
FIELDS = TEXT_FIELDS + LIST_FIELDS
# What a company declared beyond these is a field each: attributes.<key>
ATTRIBUTES = "attributes"


@dataclass(frozen=True, slots=True)
class Address:
    lines: tuple[str, ...] = ()
    postal_code: str | None = None
    city: str | None = None
    region: str | None = None
    country: str | None = None


# A field that is absent was not said; an empty text or list, or an attribute that is None, says that there is none.
Values = Mapping[str, Any]


def attributes_in(values: Values) -> list[str]:
    """The fields of attributes, in the order of their keys."""
    return sorted(name for name in values if name.startswith(f"{ATTRIBUTES}."))


def same(name: str, entry: Any) -> Any:
    """Two entries of a list of which this is the same are one: e-mail addresses in any case."""
    return entry.casefold() if name == "emails" else entry


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
    news = {name: value for name, value in values.items() if name not in record.values or record.values[name] != value}
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
            still = [same(name, value) for value in kept]
            missing = [value for value in golden.get(name, ()) if same(name, value) not in still]
            before = [v for v in gone.get(name, ()) if same(name, v) not in still and v not in missing]
            if [*before, *missing] != list(gone.get(name, ())):
                gone[name] = [*before, *missing]
                since[name] = now
    return record if gone == record.retracted else replace(record, retracted=gone, since=since, updated_at=now)
