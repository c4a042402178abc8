"""Sends what is due: claims it, asks whether it may be sent now, hands it over, and says what became of it.

Each delivery is claimed for longer than handing it over can take, so that no two replicas send it. Who is killed after
it was taken and before that is written down leaves it to be sent again, under the same Message-ID: at least once.
"""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from pymongo.errors import PyMongoError

from chassis import telemetry
from chassis.caller import service_caller
from chassis.errors import DomainError
from chassis.ids import with_prefix
from chassis.mongo import Database, Session, in_transaction
from services.customers.consent.domain import ConsentPurpose, Permission
from services.customers.consent.permissions import Permissions
from services.customers.customer.repository import MongoCustomerRepository
from services.customers.delivery.carriers import (
    Away,
    Carrier,
    Carriers,
    Message,
    TryAgain,
    Undeliverable,
    filled,
    links,
)
from services.customers.delivery.domain import Delivery
from services.customers.delivery.places import Places
from services.customers.delivery.queueing import Queueing
from services.customers.delivery.repository import END, MongoDeliveryRepository
from services.customers.interaction.domain import Direction, Interaction, InteractionKind
from services.customers.interaction.recording import Recording
from services.customers.touchpoint.domain import Channel

log = logging.getLogger(__name__)

_HANDING_OVER = timedelta(minutes=1)
# Longer than that, and what is asked before and written after it.
CLAIM = timedelta(minutes=2)
# So long nobody knocks at a carrier that was away.
PAUSE = timedelta(seconds=30)
_LOOK = 1.0
_LOOK_BACK = timedelta(seconds=10)
_KINDS = {ConsentPurpose.MARKETING: InteractionKind.CAMPAIGN, ConsentPurpose.SURVEY: InteractionKind.MESSAGE}


class Sending:
    def __init__(
        self,
        database: Database,
        deliveries: MongoDeliveryRepository,
        queueing: Queueing,
        customers: MongoCustomerRepository,
        permissions: Permissions,
        carriers: Carriers,
        recording: Recording,
        places: Places,
        now: Callable[[], datetime],
        *,
        public_url: str | None,
    ) -> None:
        self._database = database
        self._deliveries = deliveries
        self._queueing = queueing
        self._customers = customers
        self._permissions = permissions
        self._carriers = carriers
        self._recording = recording
        self._places = places
        self._now = now
        self._public_url = public_url
        self._caller = service_caller("customers")
        self._paused: dict[Channel, datetime] = {}
        self._looked: datetime | None = None
        self._oldest: datetime | None = None
        telemetry.gauge("rundblick.deliveries.age", "s", self.age)

    async def run(self) -> None:
        """Until cancelled; several at once send several at once."""
        while True:
            try:
                await self.look()
                more = await self.send_once()
            except asyncio.CancelledError:
                raise
            except (PyMongoError, DomainError) as error:
                log.warning("deliveries: %s", type(error).__name__)
                more = False
            if not more:
                await self._pause()

    async def look(self) -> None:
        """See now and then how long what waits has waited."""
        now = self._now()
        if self._looked is None or now - self._looked >= _LOOK_BACK:
            self._looked = now
            self._oldest = await self._deliveries.oldest(self._caller)

    def age(self) -> telemetry.Readings:
        """Grows while nobody carries a channel, or a carrier is away."""
        return [((self._now() - self._oldest).total_seconds() if self._oldest is not None else 0.0, {})]

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(_LOOK):
                await self._queueing.waker.wait()
        except TimeoutError:
            return
        self._queueing.waker.clear()

    async def send_once(self) -> bool:
        """One delivery. False: none is due that somebody carries."""
        now = self._now()
        await self._deliveries.expire(self._caller, now)
        present = await self._carriers.present()
        carriers = {channel: one for channel, one in present.items() if self._paused.get(channel, now) <= now}
        claimed = await self._deliveries.claim(self._caller, carriers, now, now + CLAIM) if carriers else None
        if claimed is None:
            return False
        await self._send(claimed, carriers[claimed.channel])
        return True

    async def _send(self, claimed: Delivery, carrier: Carrier) -> None:
        permission = await self._permission(claimed)
        address = permission.addresses[0] if permission.addresses else None
        if not permission.allowed:
            await self._settle(claimed, claimed.refused(permission))
            return
        if address is None and claimed.needs_address:
            await self._settle(claimed, claimed.failed("the customer has no address on this channel"))
            return
        if "survey" in claimed.tokens and self._public_url is None:
            await self._settle(claimed, claimed.failed("there is no public address at which it could be answered"))
            return
        try:
            async with asyncio.timeout(_HANDING_OVER.total_seconds()):
                await carrier.carry(self._message(claimed, address))
        except Undeliverable as error:
            await self._settle(claimed, claimed.bounced(str(error)))
        except Away as error:
            log.warning("deliveries: %s is away: %s", claimed.channel.value, error)
            self._paused[claimed.channel] = self._now() + PAUSE
            await self._settle(claimed, claimed.released(self._now()))
        except TryAgain as error:
            await self._settle(claimed, claimed.postponed(str(error), self._now()))
        except Exception as error:  # noqa: BLE001  # of this one, whatever it is: it must not stop the others
            log.warning("deliveries: %s: %s", claimed.id, type(error).__name__)
            await self._settle(claimed, claimed.postponed(type(error).__name__, self._now()))
        else:
            await self._sent(claimed)

    async def _permission(self, delivery: Delivery) -> Permission:
        """Of the customer whose record it is today: a merge may have gone before, and refusals hold for all."""
        if delivery.customer is None:
            return delivery.whereto(None, self._now())
        record = delivery.source_record or ""
        today = await self._customers.customers_of_records(self._caller, [record])
        ledgers = await self._permissions.ledgers(self._caller, today.values())
        return delivery.whereto(ledgers.get(today.get(record, "")), self._now())

    def _message(self, delivery: Delivery, address: str | None) -> Message:
        lead = links(delivery.tokens, self._public_url)
        return Message(
            id=delivery.id,
            channel=delivery.channel,
            text=filled(delivery.text, lead),
            language=delivery.language,
            queued_at=delivery.queued_at,
            address=address,
            customer=delivery.customer,
            purpose=delivery.purpose,
            subject=delivery.subject,
            html=filled(delivery.html, lead, escaped=True) if delivery.html is not None else None,
            reference=delivery.reference,
            unsubscribe=lead.get(END),
        )

    async def _sent(self, claimed: Delivery) -> None:
        at = self._now()

        async def work(session: Session) -> None:
            if not await self._deliveries.settle(self._caller, claimed, claimed.sent(at), session):
                log.warning("deliveries: %s took longer than it was claimed for", claimed.id)
            elif claimed.can_be_ended and claimed.purpose is not None:
                contact = await self._contact(claimed, claimed.purpose, at, session)
                await self._recording.record(self._caller, session, [contact])

        await in_transaction(self._database, work)
        self._recording.told()

    async def _contact(
        self, delivery: Delivery, purpose: ConsentPurpose, at: datetime, session: Session
    ) -> Interaction:
        """Of what the customer did not ask for; what answers them is in the journey already."""
        record = delivery.source_record or ""
        # No merge comes between until the session commits.
        today = await self._customers.customers_of_records(self._caller, [record], session, hold=True)
        return Interaction(
            id=with_prefix("int", delivery.id),
            direction=Direction.OUTBOUND,
            kind=_KINDS[purpose],
            occurred_at=at,
            source=delivery.source,
            customer=today.get(record, delivery.customer),
            source_record=delivery.source_record,
            touchpoint=await self._places.of(delivery.channel, session),
            employee=delivery.owner,
            team=delivery.team,
            summary=delivery.subject,
            purpose=purpose,
        )

    async def _settle(self, claimed: Delivery, after: Delivery) -> None:
        if not await self._deliveries.settle(self._caller, claimed, after):
            log.warning("deliveries: %s took longer than it was claimed for", claimed.id)
