"""All three services in one process, with deliveries that happen when a test says so, in the order it says."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import grpc
import pytest

from chassis.channel import open_channel
from chassis.mongo import Database
from chassis.outbox import Entry, Outbox
from chassis.relay import Relay
from chassis.server import running_server
from chassis.times import utc_now
from cli.verify import Report, verify
from services.customers.wiring import CustomersService
from services.feedback.wiring import FeedbackService
from services.metrics.wiring import MetricsService
from tests import tokens
from tests.databases import Databases

_FIELDS = ("destination", "aggregate", "sequence", "kind", "payload")


@dataclass
class Trio:
    """The services over their own databases; nothing moves between them by itself."""

    databases: dict[str, Database]
    addresses: dict[str, str]
    channels: dict[str, grpc.aio.Channel]
    customers: CustomersService
    feedback: FeedbackService
    metrics: MetricsService
    relays: dict[tuple[str, str], Relay]

    async def waiting(self) -> list[tuple[str, Entry]]:
        """Everything that is on its way: whose outbox it is in, and the entry."""
        found = []
        for name in ("customers", "feedback"):
            async for document in self.databases[name]["outbox"].find().sort("_id", 1):
                fields = {field: document[field] for field in _FIELDS}
                found.append((name, Entry(**fields, id=document["_id"], at=document["at"])))
        return found

    async def deliver(self, owner: str, entry: Entry, *, again: bool = False) -> None:
        """One entry, alone; again: as if its sender had died before it noted that it was delivered."""
        assert await self.relays[owner, entry.destination].deliver([entry]) == {}
        if not again:
            await Outbox(self.databases[owner]).done([entry.id])

    async def fold(self) -> None:
        while await self.metrics.folder.work_once():
            pass

    async def settle(self) -> None:
        """Deliver all that is left."""
        while waiting := await self.waiting():
            for owner, entry in waiting:
                await self.deliver(owner, entry)
        await self.fold()

    async def verified(self) -> Report:
        return await verify(self.addresses, None, seconds=0)


@asynccontextmanager
async def running_trio(
    lent: Databases, now: Callable[[], datetime] = utc_now, **of_customers: Any
) -> AsyncIterator[Trio]:
    authenticator = tokens.authenticator()
    async with AsyncExitStack() as stack:

        async def serve(service: Any) -> str:
            await service.ready.ensure_indexes()
            server = running_server(
                "127.0.0.1:0", service.register, rights=service.rights, authenticator=authenticator, grace=0.1
            )
            return f"127.0.0.1:{(await stack.enter_async_context(server)).port}"

        databases = {
            name: await stack.enter_async_context(lent.lent(name)) for name in ("customers", "feedback", "metrics")
        }
        customers = CustomersService(databases["customers"], now, **of_customers)
        metrics = MetricsService(databases["metrics"], now)
        addresses = {"customers": await serve(customers), "metrics": await serve(metrics)}
        channels = {name: await stack.enter_async_context(open_channel(address)) for name, address in addresses.items()}

        async def on_account_of(process: str, name: str) -> grpc.aio.Channel:
            return await stack.enter_async_context(open_channel(addresses[name], process=process))

        to_customers, to_metrics = [await on_account_of("feedback", name) for name in ("customers", "metrics")]
        feedback = FeedbackService(databases["feedback"], to_customers, to_metrics, now)
        addresses["feedback"] = await serve(feedback)
        channels["feedback"] = await stack.enter_async_context(open_channel(addresses["feedback"]))
        telling = customers.relays(*[await on_account_of("customers", name) for name in ("feedback", "metrics")])
        relays = {("customers", relay.destination): relay for relay in telling}
        relays |= {("feedback", relay.destination): relay for relay in feedback.relays}
        yield Trio(databases, addresses, channels, customers, feedback, metrics, relays)


@pytest.fixture
async def trio(databases: Databases) -> AsyncIterator[Trio]:
    async with running_trio(databases) as trio:
        yield trio
