"""May customers be contacted? For whoever sends, invites or recommends, and for what was sent already."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from chassis.caller import Caller
from chassis.mongo import Session
from services.customers.consent.domain import ConsentPurpose, Ledger, Permission
from services.customers.consent.repository import MongoConsentRepository
from services.customers.customer.repository import MongoCustomerRepository
from services.customers.touchpoint.domain import Channel


class Permissions:
    def __init__(self, customers: MongoCustomerRepository, consents: MongoConsentRepository) -> None:
        self._customers = customers
        self._consents = consents

    async def may_contact(
        self,
        caller: Caller,
        customers: Iterable[str],
        channel: Channel,
        purpose: ConsentPurpose,
        at: datetime,
        session: Session | None = None,
    ) -> dict[str, Permission]:
        """Customer id -> whether it is allowed at that moment, and why; one read for all of them.

        Left out is whom the caller does not see. A command that finds nobody in the answer, or a permission that is not
        allowed, does not send.
        """
        ledgers = await self.ledgers(caller, customers, session)
        return {id: ledger.permission(channel, purpose, at) for id, ledger in ledgers.items()}

    async def ledgers(
        self, caller: Caller, customers: Iterable[str], session: Session | None = None
    ) -> Mapping[str, Ledger]:
        """Customer id -> all that was said, of those that the caller sees."""
        seen = await self._customers.seen(caller, customers)
        return await self._consents.ledgers(caller, seen, session) if seen else {}
