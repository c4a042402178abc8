"""What goes out to customers: the parts of delivery and webhook put together, for the wiring of the process."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import grpc
from rundblick.customers.v1 import delivery_pb2_grpc, webhook_pb2_grpc

from chassis.idempotency import Writes
from chassis.mongo import Database
from chassis.outbox import Outbox
from services.customers.consent.permissions import Permissions
from services.customers.consent.recording import ConsentRecording
from services.customers.customer.repository import MongoCustomerRepository
from services.customers.delivery.carriers import Carrier
from services.customers.delivery.checking import DeliveryCheck
from services.customers.delivery.confirming import Confirming
from services.customers.delivery.domain import CHANNELS
from services.customers.delivery.ending import Ending
from services.customers.delivery.forgetting import Forgetting
from services.customers.delivery.places import Places
from services.customers.delivery.queueing import Queueing
from services.customers.delivery.repository import MongoDeliveryRepository
from services.customers.delivery.sending import Sending
from services.customers.delivery.servicer import CustomerDeliveryServicer
from services.customers.interaction.recording import Recording
from services.customers.reference.resolver import Resolver
from services.customers.touchpoint.repository import MongoTouchpointRepository
from services.customers.webhook.carrying import Carrying
from services.customers.webhook.notifying import Notifying
from services.customers.webhook.repository import MongoEndpointRepository, MongoNotificationRepository
from services.customers.webhook.resealing import Resealing
from services.customers.webhook.sealing import Sealing
from services.customers.webhook.servicer import WebhookServicer
from services.customers.webhook.telling import Telling

# So many are sent at once.
_SENDERS = 4
# And so many endpoints told of what happened.
_TELLERS = 4


@dataclass(frozen=True, slots=True)
class Outside:
    """How this company reaches its customers. mail: None, there is no mail server. public_url: of the gateway.

    language: de or en, for customers whose own is not known. production: webhooks lead to the internet, encrypted.
    sealing: how secrets of webhooks are kept. texts_kept: how long it is known what a delivery said.
    """

    mail: Carrier | None = None
    public_url: str | None = None
    language: str = "en"
    production: bool = False
    sealing: Sealing = field(default_factory=Sealing)
    texts_kept: timedelta = timedelta(days=30)


class Delivering:
    def __init__(
        self,
        database: Database,
        customers: MongoCustomerRepository,
        permissions: Permissions,
        touchpoints: MongoTouchpointRepository,
        recording: Recording,
        writes: Writes,
        outbox: Outbox,
        outside: Outside,
        now: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._customers = customers
        self._permissions = permissions
        self._writes = writes
        self._outside = outside
        self._now = now
        self.deliveries = MongoDeliveryRepository(database)
        self.endpoints = MongoEndpointRepository(database)
        self.check = DeliveryCheck(customers, self.deliveries)
        self.forgetting = Forgetting(database, self.deliveries, outside.texts_kept, now)
        self.resealing = Resealing(database, self.endpoints, outside.sealing)
        self._queueing = Queueing(self.deliveries)
        self.notifications = MongoNotificationRepository(database)
        self.notifying = Notifying(outbox, self.endpoints, self.notifications, now)
        carrying = Carrying(self.endpoints, outside.mail, now, outside.sealing, production=outside.production)
        self.telling = Telling(self.endpoints, self.notifications, carrying, self.notifying.waker, now)
        self.confirming = Confirming(
            self._queueing, customers, carrying, now, public_url=outside.public_url, language=outside.language
        )
        self.sending = Sending(
            database,
            self.deliveries,
            self._queueing,
            customers,
            permissions,
            carrying,
            recording,
            Places(touchpoints),
            now,
            public_url=outside.public_url,
        )

    def register(self, server: grpc.aio.Server, resolver: Resolver, consents: ConsentRecording) -> None:
        ending = Ending(self._database, self.deliveries, self._permissions, consents, self._now)
        delivery_pb2_grpc.add_CustomerDeliveryServiceServicer_to_server(
            CustomerDeliveryServicer(
                self.deliveries, self._queueing, ending, self._customers, resolver, self._writes, self._now
            ),
            server,
        )
        webhook_pb2_grpc.add_WebhookServiceServicer_to_server(
            WebhookServicer(
                self.endpoints,
                self.notifications,
                self.notifying,
                self._writes,
                CHANNELS,
                self._now,
                self._outside.sealing,
                production=self._outside.production,
            ),
            server,
        )

    def loops(self) -> list[Coroutine[Any, Any, None]]:
        telling = (self.telling.run() for _ in range(_TELLERS))
        return [*(self.sending.run() for _ in range(_SENDERS)), *telling, self.forgetting.run(), self.resealing.run()]
