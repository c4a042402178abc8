"""Ends messages that the customer did not ask for, by the token of the link in one of them (RFC 8058)."""

from collections.abc import Callable
from datetime import datetime

from chassis.caller import Caller
from chassis.errors import NotFound
from chassis.mongo import Database, Session, in_transaction
from services.customers.consent.domain import ConsentStatus, ContactReason, Statement
from services.customers.consent.permissions import Permissions
from services.customers.consent.recording import ConsentRecording
from services.customers.customer.domain import OWN_SOURCE
from services.customers.delivery.repository import MongoDeliveryRepository


class Ending:
    def __init__(
        self,
        database: Database,
        deliveries: MongoDeliveryRepository,
        permissions: Permissions,
        recording: ConsentRecording,
        now: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._deliveries = deliveries
        self._permissions = permissions
        self._recording = recording
        self._now = now

    async def end(self, caller: Caller, token: str) -> None:
        """Refused from now on: that purpose on that channel, at every address; again it says nothing new. NotFound."""

        async def work(session: Session) -> None:
            delivery = await self._deliveries.of_end(caller, token, session)
            if delivery is None or delivery.customer is None or delivery.purpose is None:
                raise NotFound("there is no such token", ("token",))
            now, customer = self._now(), delivery.customer
            ledger = (await self._permissions.ledgers(caller, [customer], session)).get(customer)
            if ledger is not None:
                standing = ledger.permission(delivery.channel, delivery.purpose, now)
                if standing.reason is ContactReason.REVOKED:
                    return
            said = Statement(delivery.channel, delivery.purpose, ConsentStatus.REVOKED, OWN_SOURCE, now, now)
            await self._recording.record(caller, session, delivery.source_record or "", said)

        await in_transaction(self._database, work)
        self._recording.told()
