"""Which events entries of the outbox speak of, at the moment at which they get their places."""

from collections.abc import Sequence
from dataclasses import replace

from chassis.events import CALLER
from chassis.mongo import Session
from chassis.outbox import Entry
from services.customers.customer.repository import MongoCustomerRepository
from services.customers.stream.domain import DomainEvent, DomainEventKind
from services.customers.stream.outgoing import said


class OfToday:
    def __init__(self, customers: MongoCustomerRepository) -> None:
        self._customers = customers

    async def __call__(self, entries: Sequence[Entry], session: Session) -> Sequence[DomainEvent]:
        """A contact is told to who watches the customer that its record belongs to now."""
        events = [event for entry in entries for event in said(entry)]
        recorded = [one for one in events if one.kind is DomainEventKind.INTERACTION_RECORDED]
        customers = {one.customer for one in recorded if one.customer is not None}
        leads = await self._customers.leads_to(CALLER, customers, session) if customers else {}
        moved = {id(one) for one in recorded if one.customer in leads}
        return [replace(e, customer=leads[e.customer or ""]) if id(e) in moved else e for e in events]
