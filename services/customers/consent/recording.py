"""Adds entries to the ledger: whose they are and for whom they speak is settled in the write's own transaction."""

from collections.abc import Callable
from datetime import datetime

from chassis.caller import Caller
from chassis.errors import InvalidInput, NotFound
from chassis.ids import new_id
from chassis.mongo import Session
from chassis.outbox import Outbox
from services.customers.consent.domain import ConsentEntry, ConsentStatus, Statement, confirmation
from services.customers.consent.opt_in import token_hash
from services.customers.consent.repository import MongoConsentRepository
from services.customers.customer.domain import CustomerNotFound
from services.customers.customer.repository import MongoCustomerRepository
from services.customers.reference.resolver import Resolver
from services.customers.standing.outgoing import changed
from services.customers.stream.outgoing import changed_customers
from services.customers.webhook.notification import Event
from services.customers.webhook.outgoing import happened


class ConsentRecording:
    def __init__(
        self,
        consents: MongoConsentRepository,
        customers: MongoCustomerRepository,
        resolver: Resolver,
        outbox: Outbox,
        now: Callable[[], datetime],
    ) -> None:
        self._consents = consents
        self._customers = customers
        self._resolver = resolver
        self._outbox = outbox
        self._now = now

    async def whose(self, caller: Caller, customer: str | None, external_id: tuple[str, str] | None) -> str:
        """The source record that is meant.

        InvalidInput: not exactly one of both is given. NotFound: the caller knows no such customer.
        """
        if (customer is None) == (external_id is None):
            raise InvalidInput("name a customer by id or by external id", ("customer_id",))
        record = None
        id = customer or ""
        if external_id is not None:
            source, key = external_id
            found = await self._customers.of_external_ids(caller, source, [key])
            if key not in found:
                raise NotFound(f"{source} has no record {key}", ("external_id",))
            id, record = found[key][0], found[key][1].id
        # Made if there is none yet, also where it is not meant: whoever speaks for the customer from now on speaks for
        # it too, so that it makes no difference which of two entries comes in first.
        own = await self._resolver.own_records(caller, [id])
        if id not in own:
            raise CustomerNotFound(id, ("customer_id",))
        return record or own[id]

    async def record(
        self, caller: Caller, session: Session, record: str, said: Statement, *, imported_as: str | None = None
    ) -> ConsentEntry:
        """imported_as: the id of what was said elsewhere. A grant of that kind speaks for its own record alone: whoever
        heard it knew of no other, and what those refused stays refused.
        """
        customer = await self._held(caller, session, record)
        found = await self._customers.of_ids(caller, [customer], session, whole=True)
        if customer not in found:
            raise CustomerNotFound(customer, ("customer_id",))
        alone = imported_as is not None and said.status is ConsentStatus.GRANTED
        entry = ConsentEntry(
            id=imported_as or new_id("cns"),
            customer=customer,
            source_record=record,
            said=said,
            covers=frozenset({record}) if alone else frozenset(one.id for one in found[customer].records),
            sources=caller.sources,
            recorded_by=caller.subject,
            owner=caller.employee,
            team=caller.team,
        )
        await self._add(caller, entry, session)
        return entry

    async def confirm(self, caller: Caller, session: Session, token: str, ip_address: str | None) -> ConsentEntry:
        """NotFound: the caller knows no such token. TokenUnusable: why it comes too late."""
        pending, used = await self._consents.of_token(caller, token_hash(token), session)
        if pending is None or not await self._customers.seen(caller, [pending.customer]):
            raise NotFound("there is no such token", ("token",))
        customer = await self._held(caller, session, pending.source_record)
        ledgers = await self._consents.ledgers(caller, [customer], session)
        entry = confirmation(
            pending,
            used=used,
            refused=customer in ledgers and ledgers[customer].refused_since(pending),
            id=new_id("cns"),
            customer=customer,
            ip_address=ip_address,
            recorded_by=caller.subject,
            now=self._now(),
        )
        await self._add(caller, entry, session)
        return entry

    def told(self) -> None:
        """After the commit: deliver now instead of at the next look."""
        self._outbox.wake()

    async def _add(self, caller: Caller, entry: ConsentEntry, session: Session) -> None:
        await self._consents.add(caller, entry, session)
        told = changed_customers([entry.customer], [entry.said.source])
        happening = happened(Event.CONSENT_CHANGED, entry.customer, self._now())
        await self._outbox.append(session, [*told, *changed([entry.customer]), happening])

    async def _held(self, caller: Caller, session: Session, record: str) -> str:
        """Whose the record is; no merge or split changes that before the session commits."""
        return (await self._customers.customers_of_records(caller, [record], session, hold=True))[record]
