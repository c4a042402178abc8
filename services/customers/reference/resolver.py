"""Turns the keys other systems use into ids: read first, and write only what is new, in one transaction."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from chassis.caller import Caller
from chassis.errors import DomainError, Fault, InvalidInput
from chassis.ids import new_id
from chassis.mongo import Database, Session, in_transaction
from chassis.outbox import Outbox
from services.customers.customer.domain import (
    OWN_SOURCE,
    Customer,
    CustomerKind,
    SourceRecord,
    Values,
    golden,
    new_record,
    own_record,
    said,
    with_records,
)
from services.customers.customer.repository import MongoCustomerRepository
from services.customers.matching.matcher import Matcher
from services.customers.source.domain import SourceNotRegistered, split
from services.customers.source.repository import MongoSourceRepository
from services.customers.standing.outgoing import changed as judged_anew
from services.customers.stream.outgoing import changed_customers
from services.customers.team.repository import MongoTeamRepository
from services.customers.touchpoint.domain import Touchpoint
from services.customers.touchpoint.repository import MongoTouchpointRepository


@dataclass(frozen=True, slots=True)
class CustomerKey:
    """values None: looked up only. left_out: what could not be read."""

    external_id: str
    kind: CustomerKind
    values: Values | None
    left_out: tuple[Fault, ...] = ()


@dataclass(frozen=True, slots=True)
class Resolved:
    """left_out: why something of what was said was not taken. locale: of a customer asked for by id."""

    customer: str
    record: str
    created: bool = False
    changed: bool = False
    left_out: tuple[Fault, ...] = ()
    locale: str | None = None


@dataclass
class Asked:
    """What is to be resolved. touchpoints: key -> the one to create; teams: key -> the name to create it with."""

    source: str
    customers: dict[str, CustomerKey] = field(default_factory=dict)
    touchpoints: dict[str, Touchpoint | None] = field(default_factory=dict)
    teams: dict[str, str | None] = field(default_factory=dict)
    customer_ids: list[str] = field(default_factory=list)


@dataclass
class Found:
    customers: dict[str, Resolved] = field(default_factory=dict)
    touchpoints: dict[str, Touchpoint] = field(default_factory=dict)
    teams: dict[str, str] = field(default_factory=dict)
    by_id: dict[str, Resolved] = field(default_factory=dict)
    faults: dict[tuple[str, str], Fault] = field(default_factory=dict)


class Resolver:
    def __init__(
        self,
        database: Database,
        customers: MongoCustomerRepository,
        touchpoints: MongoTouchpointRepository,
        teams: MongoTeamRepository,
        sources: MongoSourceRepository,
        matcher: Matcher,
        outbox: Outbox,
        now: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._customers = customers
        self._touchpoints = touchpoints
        self._teams = teams
        self._sources = sources
        self._matcher = matcher
        self._outbox = outbox
        self._now = now

    async def resolve(self, caller: Caller, asked: Asked) -> Found:
        found, missing = await self._look(caller, asked, None)
        if missing:

            async def work(session: Session) -> Found:
                # What was missing a moment ago may have been made by another writer since.
                again, _ = await self._look(caller, asked, session, write=True)
                return again

            found = await in_transaction(self._database, work)
        return found

    async def resolve_within(self, caller: Caller, asked: Asked, session: Session) -> Found:
        """As resolve, kept or not with the rest of the transaction."""
        found, _ = await self._look(caller, asked, session, write=True)
        return found

    async def own_records(self, caller: Caller, ids: Iterable[str]) -> dict[str, str]:
        """customer id -> the source record of Rundblick's own; customers that are not known are left out."""
        found = await self.resolve(caller, Asked(OWN_SOURCE, customer_ids=list(ids)))
        return {id: resolved.record for id, resolved in found.by_id.items()}

    async def _look(
        self, caller: Caller, asked: Asked, session: Session | None, *, write: bool = False
    ) -> tuple[Found, bool]:
        found = Found()
        missing = [
            await self._look_for_touchpoints(caller, asked, found, session, write=write),
            await self._look_for_teams(caller, asked, found, session, write=write),
            await self._look_for_customers(caller, asked, found, session, write=write),
            await self._look_for_own_records(caller, asked, found, session, write=write),
        ]
        return found, any(missing)

    async def _look_for_touchpoints(
        self, caller: Caller, asked: Asked, found: Found, session: Session | None, *, write: bool
    ) -> bool:
        if not asked.touchpoints:
            return False
        found.touchpoints = await self._touchpoints.of_keys(caller, asked.touchpoints, session)
        new = [t for key, t in asked.touchpoints.items() if t is not None and key not in found.touchpoints]
        if write and new and session is not None:
            await self._touchpoints.add(caller, new, session)
            found.touchpoints |= {touchpoint.key: touchpoint for touchpoint in new}
        return bool(new)

    async def _look_for_teams(
        self, caller: Caller, asked: Asked, found: Found, session: Session | None, *, write: bool
    ) -> bool:
        if not asked.teams:
            return False
        found.teams = await self._teams.of_keys(caller, asked.teams, session)
        new = {key: name for key, name in asked.teams.items() if name and key not in found.teams}
        if write and new and session is not None:
            found.teams |= await self._teams.add(caller, new, session)
        return bool(new)

    async def _look_for_customers(
        self, caller: Caller, asked: Asked, found: Found, session: Session | None, *, write: bool
    ) -> bool:
        if not asked.customers:
            return False
        known = await self._customers.of_external_ids(caller, asked.source, asked.customers, session)
        # Before anything is written nobody needs to know what the source may write.
        keys = await self._writable(caller, asked, session) if write else asked.customers
        now = self._now()
        changed: defaultdict[str, list[SourceRecord]] = defaultdict(list)
        created: list[Customer] = []
        for external_id, key in keys.items():
            if external_id in known:
                customer_id, record = known[external_id]
                news = said(record, key.values or {}, now)
                found.customers[external_id] = Resolved(
                    customer_id, record.id, changed=news is not record, left_out=key.left_out
                )
                if news is not record:
                    changed[customer_id].append(news)
            elif key.values is not None:
                self._create(asked.source, key, now, found, created)
            elif asked.customers[external_id].values is not None:
                found.faults["customers", external_id] = key.left_out[-1]
        if write and session is not None:
            await self._customers.add(caller, created, session)
            await self._attach(caller, created, found, session)
            await self._say(caller, changed, now, session)
            concerned = judged_anew([*changed, *(customer.id for customer in created)])
            await self._outbox.append(session, [*changed_customers(changed, [asked.source]), *concerned])
        return bool(created or changed)

    async def _writable(self, caller: Caller, asked: Asked, session: Session | None) -> dict[str, CustomerKey]:
        """Without what the source may not say: of a source that must be registered, and is not, nothing is taken."""
        try:
            writer = await self._sources.of_writer(caller, asked.source, session)
        except SourceNotRegistered as error:
            refused = (error.fault,)
            return {id: replace(key, values=None, left_out=refused) for id, key in asked.customers.items()}
        keys = {}
        for external_id, key in asked.customers.items():
            values, refusals = split(writer, key.values or {})
            left_out = (*key.left_out, *refusals)
            keys[external_id] = replace(key, values=values if key.values is not None else None, left_out=left_out)
        return keys

    def _create(self, source: str, key: CustomerKey, now: datetime, found: Found, created: list[Customer]) -> None:
        id = new_id("cus")
        record = new_record(source, key.external_id, key.values or {}, now, id)
        try:
            customer = golden(id, key.kind, [record], owner=None, now=now)
        except DomainError as error:
            found.faults["customers", key.external_id] = error.fault
        else:
            created.append(customer)
            found.customers[key.external_id] = Resolved(customer.id, record.id, created=True, left_out=key.left_out)

    async def _attach(self, caller: Caller, created: Sequence[Customer], found: Found, session: Session) -> None:
        """Who is known already is no new customer."""
        attached = await self._matcher.came_in(caller, created, session)
        for external_id, resolved in found.customers.items():
            if resolved.customer in attached:
                present = attached[resolved.customer].id
                found.customers[external_id] = replace(resolved, customer=present, created=False, changed=True)

    async def _say(
        self, caller: Caller, changed: Mapping[str, Sequence[SourceRecord]], now: datetime, session: Session
    ) -> None:
        customers = await self._customers.of_ids(caller, changed, session, whole=True)
        news = [with_records(c, _replaced(c.records, changed[c.id]), now, nameless=True) for c in customers.values()]
        await self._customers.save(caller, news, session)
        await self._matcher.changed(news, session)

    async def _look_for_own_records(
        self, caller: Caller, asked: Asked, found: Found, session: Session | None, *, write: bool
    ) -> bool:
        if not asked.customer_ids:
            return False
        customers = await self._customers.of_ids(caller, asked.customer_ids, session, whole=True)
        now = self._now()
        without: dict[str, Customer] = {}
        own = {customer.id: own_record(customer) for customer in customers.values()}
        for id, customer in customers.items():
            record = own[customer.id]
            if record is None:
                record = own[customer.id] = new_record(OWN_SOURCE, None, {}, now, customer.id)
                without[customer.id] = with_records(customer, [*customer.records, record], now, nameless=True)
            found.by_id[id] = Resolved(customer.id, record.id, locale=customer.values.get("locale"))
        if write and session is not None:
            await self._customers.save(caller, list(without.values()), session)
            await self._outbox.append(session, changed_customers(without, [OWN_SOURCE]))
        return bool(without)


def _replaced(records: Sequence[SourceRecord], news: Sequence[SourceRecord]) -> list[SourceRecord]:
    by_id = {record.id: record for record in news}
    return [by_id.get(record.id, record) for record in records]


def unknown(what: str, key: str, path: str) -> Fault:
    return InvalidInput(f"there is no {what} {key}", (path,)).fault
