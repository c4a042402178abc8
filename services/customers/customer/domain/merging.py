"""Merge and split: which source records belong to which golden id, and what follows from that.

Nothing is copied and nothing is lost: a merge gives the source records of one golden id to another and keeps the id
as a former one; a split gives them back. Where a former id leads follows from where what it brought is today.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum
from typing import Any

from chassis.errors import InvalidInput, NotFound
from services.customers.customer.domain.golden import Customer, CustomerKind, project, with_records
from services.customers.customer.domain.record import FIELDS, LIST_FIELDS, SourceRecord, attributes_in


@dataclass(frozen=True, slots=True)
class Former:
    """A golden id that leads to another one, wherever most of what it brought is.

    brought: the records it had when it was merged; at: when that was.
    """

    id: str
    into: str
    kind: CustomerKind
    assigned: str | None
    created_at: datetime
    source: str
    team: str | None
    version: int
    moves: int
    brought: tuple[str, ...]
    at: datetime


@dataclass(frozen=True, slots=True)
class Moved:
    """What a merge or a split writes. records: those that changed hands; formers: all that lead somewhere else now."""

    customers: tuple[Customer, ...]
    records: tuple[SourceRecord, ...]
    formers: tuple[Former, ...]
    gone: tuple[str, ...] = ()  # ids of customers that are former ones now
    revived: str | None = None  # an id that is no former one any more


class Reason(Enum):
    KEPT = "KEPT"
    ADDED = "ADDED"
    REPLACED = "REPLACED"
    UNITED = "UNITED"
    OWN = "OWN"


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of one field, and whose words it is."""

    field: str
    before: Any
    after: Any
    reason: Reason
    records: tuple[str, ...] = ()
    candidates: tuple[SourceRecord, ...] = ()


def _moved(record: SourceRecord) -> SourceRecord:
    return replace(record, moves=record.moves + 1)


def owner_of(customer: Customer, formers: Iterable[Former]) -> str | None:
    """Whom people named for this very customer, else for the oldest of those that were merged into it."""
    if customer.assigned is not None:
        return customer.assigned or None
    for former in sorted(formers, key=lambda former: former.id):
        if former.assigned is not None:
            return former.assigned or None
    return None


def merge(survivor: Customer, duplicates: Sequence[Customer], formers: Sequence[Former], now: datetime) -> Moved:
    """formers: all that lead to any of them. InvalidInput: there is nothing to merge with."""
    others = {customer.id: customer for customer in duplicates if customer.id != survivor.id}
    if not others:
        raise InvalidInput(f"name customers other than {survivor.id} to merge with it", ("duplicates",))
    came = [_moved(record) for customer in others.values() for record in customer.records]
    gone = [
        Former(
            id=customer.id,
            into=survivor.id,
            kind=customer.kind,
            assigned=customer.assigned,
            created_at=customer.created_at,
            source=customer.source,
            team=customer.team,
            version=customer.version,
            moves=customer.moves + 1,
            brought=tuple(record.id for record in customer.records),
            at=now,
        )
        for customer in others.values()
    ]
    led = [replace(f, into=survivor.id, moves=f.moves + 1) for f in formers if f.into in others]
    merged = with_records(survivor, [*survivor.records, *came], now, nameless=True)
    owner = owner_of(merged, [*(f for f in formers if f.into == survivor.id), *led, *gone])
    return Moved((replace(merged, owner=owner),), tuple(came), (*gone, *led), gone=tuple(others))


def brought_by(customer: Customer, former: str, formers: Iterable[Former]) -> list[str]:
    """The records a former customer brought and that are still here. NotFound: it leads elsewhere or is unknown."""
    for one in formers:
        if one.id == former:
            return [record.id for record in customer.records if record.id in one.brought]
    raise NotFound(f"{former} was not merged into {customer.id}", ("former_customer",))


def split(customer: Customer, formers: Sequence[Former], leaving: Collection[str], new_id: str, now: datetime) -> Moved:
    """formers: those that lead to the customer. new_id: for records that were no customer before.

    InvalidInput: no record, or all of them, or one that is not the customer's.
    """
    known = {record.id for record in customer.records}
    for id in leaving:
        if id not in known:
            raise InvalidInput(f"{customer.id} has no source record {id}", ("source_records",))
    goes = [_moved(record) for record in customer.records if record.id in leaving]
    stays = [record for record in customer.records if record.id not in leaving]
    if not goes or not stays:
        raise InvalidInput("name some of the customer's source records, not all", ("source_records",))
    following = [f for f in formers if _leads_away(f, goes, stays)]
    # Who brought most of them; of two that brought the same, who came last was the customer just before.
    revived = max(following, key=lambda f: (_brought(f, goes), f.at, f.id), default=None)
    away = _revived(revived, goes, now) if revived is not None else _new(new_id, customer, goes, now)
    led = [replace(f, into=away.id, moves=f.moves + 1) for f in following if f is not revived]
    away = replace(away, owner=owner_of(away, led))
    here = with_records(customer, stays, now, nameless=True)
    here = replace(here, owner=owner_of(here, [f for f in formers if f not in following]))
    return Moved((here, away), tuple(goes), tuple(led), revived=revived.id if revived is not None else None)


def _leads_away(former: Former, goes: Iterable[SourceRecord], stays: Iterable[SourceRecord]) -> bool:
    """Is more of what it brought among the records that go than among those that stay?"""
    return _brought(former, goes) > _brought(former, stays)


def _brought(former: Former, records: Iterable[SourceRecord]) -> int:
    return sum(record.id in former.brought for record in records)


def _revived(former: Former, records: Sequence[SourceRecord], now: datetime) -> Customer:
    bare = Customer(
        id=former.id,
        kind=former.kind,
        display_name="",
        values={},
        provenance=(),
        records=(),
        owner=None,
        version=former.version,
        created_at=former.created_at,
        updated_at=now,
        source=former.source,
        team=former.team,
        assigned=former.assigned,
        moves=former.moves + 1,
    )
    return with_records(bare, records, now, nameless=True)


def _new(id: str, origin: Customer, records: Sequence[SourceRecord], now: datetime) -> Customer:
    first = min(records, key=lambda record: record.received_at)
    bare = Customer(
        id=id,
        kind=origin.kind,
        display_name="",
        values={},
        provenance=(),
        records=(),
        owner=None,
        version=0,
        created_at=first.received_at,
        updated_at=now,
        source=first.source,
        team=origin.team,
        moves=1,
    )
    return with_records(bare, records, now, nameless=True)


def changes(before: Customer, after: Customer) -> list[Change]:
    """What a merge makes of every field of the one that stays, and why."""
    found = []
    _, provenance = project(after.records)
    for name in (*FIELDS, *attributes_in({**before.values, **after.values})):
        old, new = before.values.get(name), after.values.get(name)
        if old is None and new is None:
            continue
        sayings = [record for record in after.records if name in record.values]
        sayings.sort(key=lambda record: (record.since[name], record.id), reverse=True)
        words = tuple(one.source_record for one in provenance if one.field == name)
        found.append(Change(name, old, new, _reason(name, old, new), words, tuple(sayings)))
    found.append(Change("kind", before.kind.value, after.kind.value, Reason.OWN))
    if before.owner or after.owner:
        reason = Reason.OWN if before.owner else Reason.ADDED
        found.append(Change("owner", before.owner, after.owner, reason))
    return found


def _reason(name: str, old: Any, new: Any) -> Reason:
    if old == new:
        return Reason.KEPT
    if old is None:
        return Reason.ADDED
    return Reason.UNITED if name in LIST_FIELDS else Reason.REPLACED
