"""Replicas of the customers service over one database, with what gives events their places running."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from rundblick.customers.v1 import (
    consent_pb2_grpc,
    customer_pb2,
    customer_pb2_grpc,
    employee_pb2_grpc,
    interaction_pb2_grpc,
    reference_pb2_grpc,
    stream_pb2,
    stream_pb2_grpc,
    touchpoint_pb2_grpc,
)

from chassis.background import working
from chassis.caller import Caller
from chassis.channel import open_channel
from chassis.mongo import Database
from chassis.server import running_server
from services.customers.contract import FILES
from services.customers.wiring import CustomersService
from tests import tokens
from tests.customers.conftest import Running


class Watcher:
    """One call of Watch."""

    def __init__(self, call: Any) -> None:
        self._call = call
        self.cursor = ""

    async def sign_of_life(self) -> None:
        answer = await self._call.read()
        assert (answer.customer_id, answer.interaction_id) == ("", ""), answer
        self.cursor = answer.cursor

    async def event(self) -> str:
        """The customer that changed, or the interaction that was recorded."""
        while True:
            answer = await self._call.read()
            self.cursor = answer.cursor
            if told := answer.customer_id or answer.interaction_id:
                return str(told)

    async def events(self, count: int) -> list[str]:
        return [await self.event() for _ in range(count)]


@dataclass
class Replica(Running):
    service: CustomersService

    @asynccontextmanager
    async def watching(
        self, wanted: Any, after: str | None = None, caller: Caller | None = None
    ) -> AsyncIterator[Watcher]:
        """wanted: a customer that may change, or interactions. Without a cursor, it has begun when it is handed out."""
        name = "customer_changed" if isinstance(wanted, stream_pb2.CustomerChanged) else "interaction_recorded"
        given: dict[str, Any] = {name: wanted}
        token = tokens.token_for(caller) if caller else None
        metadata = (("authorization", f"Bearer {token}"),) if token else None
        [stub] = [stub for stub in self.stubs if hasattr(stub, "Watch")]
        call = stub.Watch(stream_pb2.WatchRequest(after=after, **given), timeout=15, metadata=metadata)
        watcher = Watcher(call)
        try:
            if after is None:
                await watcher.sign_of_life()
            yield watcher
        finally:
            call.cancel()

    async def created(self, source: str = "shop", name: str = "Ada") -> str:
        request = customer_pb2.CreateCustomerRequest(
            kind=customer_pb2.CUSTOMER_KIND_PERSON,
            fields=customer_pb2.CustomerFields(display_name=name),
            external_id=customer_pb2.ExternalId(source=source, id=name),
        )
        return str((await self.call(request)).customer.id)

    async def rename(self, id: str, name: str) -> None:
        fields = customer_pb2.CustomerFields(display_name=name)
        await self.call(customer_pb2.UpdateCustomerRequest(id=id, fields=fields))


@asynccontextmanager
async def replica(database: Database) -> AsyncIterator[Replica]:
    authenticator = tokens.authenticator()
    service = CustomersService(database)
    await service.ready.ensure_indexes()
    async with AsyncExitStack() as stack:
        serving = running_server(
            "127.0.0.1:0", service.register, rights=service.rights, authenticator=authenticator, grace=0.1
        )
        port = (await stack.enter_async_context(serving)).port
        channel = await stack.enter_async_context(open_channel(f"127.0.0.1:{port}", FILES))
        relays = [one for one in service.relays(channel, channel) if one.destination in ("stream", "journey")]
        await stack.enter_async_context(working(service._tail.changes.run(), *(relay.run() for relay in relays)))
        stubs = [
            consent_pb2_grpc.ConsentServiceStub(channel),
            customer_pb2_grpc.CustomerServiceStub(channel),
            employee_pb2_grpc.EmployeeServiceStub(channel),
            interaction_pb2_grpc.InteractionServiceStub(channel),
            reference_pb2_grpc.ReferenceServiceStub(channel),
            stream_pb2_grpc.StreamServiceStub(channel),
            touchpoint_pb2_grpc.TouchpointServiceStub(channel),
        ]
        yield Replica(stubs, authenticator, f"127.0.0.1:{port}", service)


@pytest.fixture
async def running(database: Database) -> AsyncIterator[Replica]:
    async with replica(database) as one:
        yield one
