"""A customers service as segments need it: customers, what changes them, and the work that goes on by itself."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from rundblick.customers.v1 import (
    attribute_pb2_grpc,
    campaign_pb2_grpc,
    customer_pb2,
    customer_pb2_grpc,
    employee_pb2_grpc,
    job_pb2_grpc,
    offer_pb2_grpc,
    segment_pb2_grpc,
    state_pb2_grpc,
)
from rundblick.customers.v1 import segment_pb2 as pb
from rundblick.metrics.v1 import event_pb2
from rundblick.shared.v1 import page_pb2, verification_pb2, verification_pb2_grpc

from chassis.caller import Caller
from chassis.channel import open_channel
from chassis.mongo import Database
from chassis.server import running_server
from chassis.times import from_timestamp, utc_now
from services.customers.contract import FILES
from services.customers.standing.outgoing import STANDING
from services.customers.wiring import CustomersService
from services.metrics.rollup.history import Fact, History
from tests import tokens
from tests.customers.conftest import Running


@dataclass
class Segments(Running):
    service: CustomersService
    database: Database

    async def customer(self, locale: str = "de", owner: str | None = None, source: str = "shop") -> str:
        number = await self.database["source_records"].estimated_document_count()
        request = customer_pb2.CreateCustomerRequest(
            kind=customer_pb2.CUSTOMER_KIND_PERSON,
            fields=customer_pb2.CustomerFields(display_name=f"Customer {number}", locale=locale),
            external_id=customer_pb2.ExternalId(source=source, id=str(number)),
            owner_id=owner,
        )
        id: str = (await self.call(request)).customer.id
        return id

    async def speaks(self, customer: str, locale: str) -> None:
        request = customer_pb2.UpdateCustomerRequest(id=customer, fields=customer_pb2.CustomerFields(locale=locale))
        await self.call(request)

    async def define(self, key: str, rule: str | None = None, version: int | None = None, **fields: Any) -> pb.Segment:
        said = pb.SegmentFields(key=key, name=fields.pop("name", key), rule=rule, **fields)
        segment: pb.Segment = (await self.call(pb.DefineSegmentRequest(fields=said, version=version))).segment
        return segment

    async def add(self, segment: str, *customers: str) -> int:
        changed: int = (await self.call(pb.AddToSegmentRequest(segment_id=segment, customer_ids=customers))).changed
        return changed

    async def remove(self, segment: str, *customers: str) -> int:
        request = pb.RemoveFromSegmentRequest(segment_id=segment, customer_ids=customers)
        changed: int = (await self.call(request)).changed
        return changed

    async def get(self, id: str) -> pb.Segment:
        found: pb.Segment = (await self.call(pb.BatchGetSegmentsRequest(ids=[id]))).answers[id].value
        return found

    async def members(self, segment: str, caller: Caller | None = None, **page: Any) -> list[str]:
        request = pb.BatchListSegmentCustomersRequest(
            segment_ids=[segment], page=page_pb2.PageRequest(**(page or {"first": 100}))
        )
        return [edge.customer_id for edge in (await self.call(request, caller)).pages[segment].edges]

    async def segments(self, customer: str, caller: Caller | None = None) -> set[str]:
        request = pb.BatchListCustomerSegmentsRequest(customer_ids=[customer])
        return {one.segment_id for one in (await self.call(request, caller)).lists[customer].segments}

    async def judged(self) -> None:
        """Everybody whose standing was touched is judged, as the relay does."""
        outbox = self.service._outbox
        while entries := await outbox.pending(STANDING, utc_now(), 500):
            await self.service._standing.deliver(entries)
            await outbox.done([entry.id for entry in entries])

    async def evaluated(self) -> None:
        while await self.service._segmenting.evaluating.step():
            pass

    async def settled(self) -> None:
        await self.judged()
        await self.evaluated()

    async def differences(self) -> list[tuple[str, str]]:
        """What the self-check finds."""
        request = verification_pb2.CheckBatchRequest(part="segments", after="", size=1000)
        return [(one.what, one.id) for one in (await self.call(request)).differences]

    async def facts(self) -> dict[str, list[Fact]]:
        """Customer -> what metrics is told of it."""
        told: dict[str, list[Fact]] = {}
        async for entry in self.database["outbox"].find({"destination": "metrics", "kind": "events"}):
            for event in event_pb2.IngestEventsRequest.FromString(entry["payload"]).events:
                if event.name == "customer.segment_changed":
                    after = event.after
                    at, member = from_timestamp(after.started_at, ()), after.attributes["member"].flag
                    fact = Fact(at, event.subject_id, "segment", after.dimensions["segment"], member)
                    told.setdefault(after.customer_id, []).append(fact)
        return told

    async def told(self, *customers: str) -> set[str]:
        """The segments in which metrics sees these, as one customer, from now on."""
        facts = await self.facts()
        history = History.of(fact for customer in customers for fact in facts.get(customer, ()))
        return set(history.segments(utc_now() + timedelta(days=400)))


@asynccontextmanager
async def segmenting(database: Database, clock: Callable[[], datetime] = utc_now) -> AsyncIterator[Segments]:
    authenticator = tokens.authenticator()
    service = CustomersService(database, clock)
    await service.ready.ensure_indexes()
    async with (
        running_server(
            "127.0.0.1:0", service.register, rights=service.rights, authenticator=authenticator, grace=0.1
        ) as server,
        open_channel(f"127.0.0.1:{server.port}", FILES) as channel,
    ):
        stubs = [
            attribute_pb2_grpc.AttributeServiceStub(channel),
            campaign_pb2_grpc.CampaignServiceStub(channel),
            customer_pb2_grpc.CustomerServiceStub(channel),
            employee_pb2_grpc.EmployeeServiceStub(channel),
            job_pb2_grpc.JobServiceStub(channel),
            offer_pb2_grpc.OfferServiceStub(channel),
            segment_pb2_grpc.SegmentServiceStub(channel),
            state_pb2_grpc.StateServiceStub(channel),
            verification_pb2_grpc.VerificationServiceStub(channel),
        ]
        yield Segments(stubs, authenticator, f"127.0.0.1:{server.port}", service, database)
