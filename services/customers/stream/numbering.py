"""Gives events their places in one order, as the end of a relay: so no reader passes by what commits late."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from chassis.caller import service_caller
from chassis.errors import Fault
from chassis.mongo import Session, in_transaction
from chassis.outbox import Entry, Outbox
from services.customers.customer.repository import MongoCustomerRepository
from services.customers.stream.domain import DomainEvent, DomainEventKind
from services.customers.stream.outgoing import said
from services.customers.stream.repository import MongoEventRepository

_CALLER = service_caller("customers")


class Numbering:
    """kept: so long events can be read again. told: called when there are new ones."""

    def __init__(
        self,
        outbox: Outbox,
        events: MongoEventRepository,
        customers: MongoCustomerRepository,
        kept: timedelta,
        now: Callable[[], datetime],
        told: Callable[[], None],
    ) -> None:
        self._outbox = outbox
        self._events = events
        self._customers = customers
        self._kept = kept
        self._now = now
        self._told = told

    async def deliver(self, told: Sequence[Entry]) -> Mapping[str, Fault]:
        """Each exactly once: an entry leaves the outbox in the transaction in which its events get their places."""

        async def work(session: Session) -> None:
            taken = await self._outbox.take(session, [entry.id for entry in told])
            events = [event for entry in told if entry.id in taken for event in said(entry)]
            events = await self._of_today(events, session)
            await self._events.add(_CALLER, events, self._now() + self._kept, session)

        await in_transaction(self._outbox.database, work)
        self._told()
        return {}

    async def _of_today(self, events: Sequence[DomainEvent], session: Session) -> list[DomainEvent]:
        """A contact is told to who watches the customer that its record belongs to now."""
        recorded = [one for one in events if one.kind is DomainEventKind.INTERACTION_RECORDED]
        customers = {one.customer for one in recorded if one.customer is not None}
        leads = await self._customers.leads_to(_CALLER, customers, session) if customers else {}
        moved = {id(one) for one in recorded if one.customer in leads}
        return [replace(e, customer=leads[e.customer or ""]) if id(e) in moved else e for e in events]
