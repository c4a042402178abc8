"""A company that reaches its customers: a service with a mail server of its own, sent from by hand."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
from cryptography.fernet import Fernet
from rundblick.customers.v1 import (
    consent_pb2,
    consent_pb2_grpc,
    customer_pb2_grpc,
    delivery_pb2,
    delivery_pb2_grpc,
    interaction_pb2_grpc,
    touchpoint_pb2,
    webhook_pb2_grpc,
)
from rundblick.shared.v1 import verification_pb2_grpc

from chassis.channel import open_channel
from chassis.mongo import Database
from chassis.server import running_server
from services.customers.contract import FILES
from services.customers.delivering import Outside
from services.customers.delivery.smtp import Server, Smtp, mailbox
from services.customers.webhook.sealing import Sealing
from services.customers.wiring import CustomersService
from tests import tokens
from tests.customers.conftest import Clock, Running
from tests.customers.delivery.mailserver import MailServer, running_mail_server

PUBLIC_URL = "https://company.example"
KEY = Fernet.generate_key().decode()


@dataclass
class Company:
    """The service (running), what it is made of (service), and where its mails arrive."""

    running: Running
    service: CustomersService
    outside: Outside
    mails: MailServer
    database: Database
    clock: Clock

    async def call(self, request: Any, caller: Any = None) -> Any:
        return await self.running.call(request, caller)

    async def send(self, customer: str | None, **fields: Any) -> delivery_pb2.Delivery:
        """Queue one."""
        given: dict[str, Any] = {"channel": touchpoint_pb2.CHANNEL_EMAIL, "subject": "News", "text": "Hello", **fields}
        new = delivery_pb2.NewDelivery(customer_id=customer, **given)
        [answer] = (await self.call(delivery_pb2.SendDeliveriesRequest(deliveries=[new]))).answers
        assert answer.HasField("value"), answer
        queued: delivery_pb2.Delivery = answer.value
        return queued

    async def sent(self) -> int:
        """Send all that is due; how many were looked at."""
        count = 0
        while await self.service.delivering.sending.send_once():
            count += 1
        return count

    async def get(self, id: str) -> delivery_pb2.Delivery:
        found = await self.call(delivery_pb2.BatchGetDeliveriesRequest(ids=[id]))
        delivery: delivery_pb2.Delivery = found.answers[id].value
        return delivery

    async def state(self, id: str) -> tuple[str, int, str]:
        """With the attempts, and the last error."""
        delivery = await self.get(id)
        name = delivery_pb2.DeliveryState.Name(delivery.state).removeprefix("DELIVERY_STATE_")
        return name, delivery.attempts, delivery.last_error

    async def consented(self, customer: str, granted: bool = True, **fields: Any) -> None:
        statement = consent_pb2.ConsentStatement(
            customer_id=customer,
            **{
                "channel": touchpoint_pb2.CHANNEL_EMAIL,
                "purpose": consent_pb2.CONSENT_PURPOSE_MARKETING,
                **fields,
            },
        )
        kind: Any = consent_pb2.RecordConsentRequest if granted else consent_pb2.RevokeConsentRequest
        await self.call(kind(statement=statement))


@pytest.fixture
async def company(database: Database, clock: Clock) -> AsyncIterator[Company]:
    authenticator = tokens.authenticator()
    async with running_mail_server() as mails:
        server = Server.of(f"smtp://127.0.0.1:{mails.port}")
        smtp = Smtp(server, mailbox("Company <news@company.example>"), mailbox("help@company.example"))
        outside = Outside(smtp, PUBLIC_URL, "en", sealing=Sealing([KEY]))
        service = CustomersService(database, clock, outside=outside)
        await service.ready.ensure_indexes()
        async with (
            running_server(
                "127.0.0.1:0", service.register, rights=service.rights, authenticator=authenticator, grace=0.1
            ) as running,
            open_channel(f"127.0.0.1:{running.port}", FILES) as channel,
        ):
            stubs = [
                consent_pb2_grpc.ConsentServiceStub(channel),
                customer_pb2_grpc.CustomerServiceStub(channel),
                delivery_pb2_grpc.CustomerDeliveryServiceStub(channel),
                interaction_pb2_grpc.InteractionServiceStub(channel),
                verification_pb2_grpc.VerificationServiceStub(channel),
                webhook_pb2_grpc.WebhookServiceStub(channel),
            ]
            address = f"127.0.0.1:{running.port}"
            yield Company(Running(stubs, authenticator, address), service, outside, mails, database, clock)
