"""What goes out to customers: the parts of delivery and webhook put together, for the wiring of the process."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import grpc
from rundblick.customers.v1 import delivery_pb2_grpc, webhook_pb2_grpc

from chassis.idempotency import Writes
from chassis.mongo import Database
from services.customers.consent.permissions import Permissions
from services.customers.consent.recording import ConsentRecording
from services.customers.customer.repository import MongoCustomerRepository
from services.customers.delivery.carriers import Carrier
from services.customers.delivery.checking import DeliveryCheck
from services.customers.delivery.confirming import Confirming
from services.customers.delivery.domain import CHANNELS
from services.customers.delivery.ending import Ending
from services.customers.delivery.places import Places
from services.customers.delivery.queueing import Queueing
from services.customers.delivery.repository import MongoDeliveryRepository
from services.customers.delivery.sending import Sending
from services.customers.delivery.servicer import CustomerDeliveryServicer
from services.customers.interaction.recording import Recording
from services.customers.reference.resolver import Resolver
from services.customers.touchpoint.repository import MongoTouchpointRepository
from services.customers.webhook.carrying import Carrying
from services.customers.webhook.repository import MongoEndpointRepository
from services.customers.webhook.servicer import WebhookServicer

# So many are sent at once.
_SENDERS = 4


@dataclass(frozen=True, slots=True)
class Outside:
    """How this company reaches its customers. mail: None, there is no mail server. public_url: of the gateway.

    language: de or en, for customers whose own is not known. production: webhooks lead to the internet, encrypted.
    """

    mail: Carrier | None = None
    public_url: str | None = None
    language: str = "en"
    production: bool = False


class Delivering:
    def __init__(
        self,
        database: Database,
        customers: MongoCustomerRepository,
        permissions: Permissions,
        touchpoints: MongoTouchpointRepository,
        recording: Recording,
        writes: Writes,
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
        self._queueing = Queueing(self.deliveries)
        carrying = Carrying(self.endpoints, outside.mail, now, production=outside.production)
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
            WebhookServicer(self.endpoints, self._writes, CHANNELS, self._now, production=self._outside.production),
            server,
        )

    def loops(self) -> list[Coroutine[Any, Any, None]]:
        return [self.sending.run() for _ in range(_SENDERS)]
