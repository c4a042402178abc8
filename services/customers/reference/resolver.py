"""Turns the keys other systems use into ids: read first, and write only what is new, in one transaction."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from chassis.caller import Caller
from chassis.errors import DomainError, Fault, InvalidInput
from chassis.ids import new_id
from chassis.mongo import Database, Session, in_transaction
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
from services.customers.team.repository import MongoTeamRepository
from services.customers.touchpoint.domain import Touchpoint
from services.customers.touchpoint.repository import MongoTouchpointRepository


@dataclass(frozen=True, slots=True)
class CustomerKey:
    """values None: looked up only."""

    external_id: str
    kind: CustomerKind
    values: Values | None


@dataclass(frozen=True, slots=True)
class Resolved:
    customer: str
    record: str
    created: bool = False


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
        now: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._customers = customers
        self._touchpoints = touchpoints
        self._teams = teams
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
        now = self._now()
        changed: defaultdict[str, list[SourceRecord]] = defaultdict(list)
        created: list[Customer] = []
        for external_id, key in asked.customers.items():
            if external_id in known:
                customer_id, record = known[external_id]
                found.customers[external_id] = Resolved(customer_id, record.id)
                news = said(record, key.values or {}, now)
                if news is not record:
                    changed[customer_id].append(news)
            elif key.values is not None:
                self._create(asked.source, key, now, found, created)
        if write and session is not None:
            await self._customers.add(caller, created, session)
            await self._say(caller, changed, now, session)
        return bool(created or changed)

    def _create(self, source: str, key: CustomerKey, now: datetime, found: Found, created: list[Customer]) -> None:
        id = new_id("cus")
        record = new_record(source, key.external_id, key.values or {}, now, id)
        try:
            customer = golden(id, key.kind, [record], owner=None, now=now)
        except DomainError as error:
            found.faults["customers", key.external_id] = error.fault
        else:
            created.append(customer)
            found.customers[key.external_id] = Resolved(customer.id, record.id, created=True)

    async def _say(
        self, caller: Caller, changed: Mapping[str, Sequence[SourceRecord]], now: datetime, session: Session
    ) -> None:
        customers = await self._customers.of_ids(caller, changed, session, whole=True)
        await self._customers.save(
            caller,
            [with_records(c, _replaced(c.records, changed[c.id]), now, nameless=True) for c in customers.values()],
            session,
        )

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
            found.by_id[id] = Resolved(customer.id, record.id)
        if write and session is not None:
            await self._customers.save(caller, list(without.values()), session)
        return bool(without)


def _replaced(records: Sequence[SourceRecord], news: Sequence[SourceRecord]) -> list[SourceRecord]:
    by_id = {record.id: record for record in news}
    return [by_id.get(record.id, record) for record in records]


def unknown(what: str, key: str, path: str) -> Fault:
    return InvalidInput(f"there is no {what} {key}", (path,)).fault
