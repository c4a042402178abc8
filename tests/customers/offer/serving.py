"""A customers service in which the lot leaves out whom a test says, and customers as it needs them."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rundblick.customers.v1 import (
    consent_pb2,
    consent_pb2_grpc,
    customer_pb2,
    customer_pb2_grpc,
    interaction_pb2_grpc,
    offer_pb2_grpc,
    opportunity_pb2_grpc,
    recommendation_pb2_grpc,
    signal_pb2,
    signal_pb2_grpc,
    touchpoint_pb2_grpc,
)
from rundblick.customers.v1 import offer_pb2 as pb
from rundblick.metrics.v1 import event_pb2
from rundblick.shared.v1 import verification_pb2_grpc

from chassis.channel import open_channel
from chassis.mongo import Database
from chassis.server import running_server
from chassis.times import to_timestamp, utc_now
from services.customers.contract import FILES
from services.customers.standing.outgoing import STANDING
from services.customers.wiring import CustomersService
from tests import tokens
from tests.customers.conftest import Running


@dataclass
class Offering(Running):
    service: CustomersService
    database: Database

    async def customer(self, source: str = "shop", id: str = "1", **fields: Any) -> customer_pb2.Customer:
        said = customer_pb2.CustomerFields(display_name=f"{source} {id}", **fields)
        request = customer_pb2.CreateCustomerRequest(
            kind=customer_pb2.CUSTOMER_KIND_PERSON,
            fields=said,
            external_id=customer_pb2.ExternalId(source=source, id=id),
        )
        made: customer_pb2.Customer = (await self.call(request)).customer
        return made

    async def define(self, key: str, version: int | None = None, **fields: Any) -> pb.Offer:
        said = pb.OfferFields(key=key, title=fields.pop("title", key), **fields)
        offer: pb.Offer = (await self.call(pb.DefineOfferRequest(fields=said, version=version))).offer
        return offer

    async def outcome(self, offer: str, customer: str, result: str, **fields: Any) -> pb.OfferOutcome:
        number = pb.OfferResult.Value(f"OFFER_RESULT_{result}")
        request = pb.RecordOfferOutcomeRequest(offer=offer, customer_id=customer, result=number, **fields)
        kept: pb.OfferOutcome = (await self.call(request)).outcome
        return kept

    async def needs(self, customer: str, *topics: str) -> None:
        need = signal_pb2.NeedSignal(kind=signal_pb2.NEED_KIND_WISH, topics=topics, open=True)
        signal = signal_pb2.Signal(
            id=f"fee_{customer}",
            version=1,
            at=to_timestamp(utc_now()),
            source="shop",
            customer_id=customer,
            need=need,
        )
        [answer] = (await self.call(signal_pb2.RecordSignalsRequest(signals=[signal]))).answers
        assert not answer.HasField("error"), answer

    async def consent(self, customer: str, channel: Any, *, granted: bool = True) -> None:
        statement = consent_pb2.ConsentStatement(
            customer_id=customer, channel=channel, purpose=consent_pb2.CONSENT_PURPOSE_MARKETING
        )
        request = consent_pb2.RecordConsentRequest if granted else consent_pb2.RevokeConsentRequest
        await self.call(request(statement=statement))

    async def judged(self) -> None:
        """Everybody whose standing was touched is judged, as the relay does."""
        outbox = self.service._outbox
        while entries := await outbox.pending(STANDING, utc_now(), 500):
            await self.service._standing.deliver(entries)
            await outbox.done([entry.id for entry in entries])

    async def swept(self) -> None:
        """Everybody is judged, if there is a reason to."""
        while await self.service._sweep.step():
            pass

    async def events(self, name: str) -> list[event_pb2.Event]:
        """What metrics is told, in order."""
        found = self.database["outbox"].find({"destination": "metrics", "kind": "events"}).sort("_id", 1)
        return [
            event
            async for entry in found
            for event in event_pb2.IngestEventsRequest.FromString(entry["payload"]).events
            if event.name == name
        ]


@asynccontextmanager
async def offering(
    database: Database, clock: Callable[[], datetime] = utc_now, *, holdout: float = 0.0, **options: Any
) -> AsyncIterator[Offering]:
    authenticator = tokens.authenticator()
    service = CustomersService(database, clock, holdout=holdout, **options)
    await service.ready.ensure_indexes()
    async with (
        running_server(
            "127.0.0.1:0", service.register, rights=service.rights, authenticator=authenticator, grace=0.1
        ) as server,
        open_channel(f"127.0.0.1:{server.port}", FILES) as channel,
        open_channel(f"127.0.0.1:{server.port}", process="feedback") as of_feedback,
    ):
        stubs = [
            offer_pb2_grpc.OfferServiceStub(channel),
            recommendation_pb2_grpc.RecommendationServiceStub(channel),
            consent_pb2_grpc.ConsentServiceStub(channel),
            customer_pb2_grpc.CustomerServiceStub(channel),
            interaction_pb2_grpc.InteractionServiceStub(channel),
            opportunity_pb2_grpc.OpportunityServiceStub(channel),
            touchpoint_pb2_grpc.TouchpointServiceStub(channel),
            verification_pb2_grpc.VerificationServiceStub(channel),
            signal_pb2_grpc.SignalServiceStub(of_feedback),
        ]
        yield Offering(stubs, authenticator, f"127.0.0.1:{server.port}", service, database)
