"""A running customers service over a database of its own."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import grpc
import pytest
from rundblick.customers.v1 import (
    customer_pb2_grpc,
    employee_pb2_grpc,
    interaction_pb2_grpc,
    reference_pb2_grpc,
    team_pb2_grpc,
    touchpoint_pb2_grpc,
)
from rundblick.shared.v1 import verification_pb2_grpc

from chassis.caller import Authenticator, Caller
from chassis.channel import open_channel
from chassis.mongo import Database
from chassis.server import running_server
from services.customers.wiring import FILES, CustomersService

SECRET = "a secret that is long enough to sign tokens with"
NOBODY = "00000000000000000000000000"


@dataclass
class Running:
    """The service as a client sees it: every RPC by its request's name."""

    stubs: list[Any]
    authenticator: Authenticator

    async def call(self, request: Any, caller: Caller | None = None) -> Any:
        name = type(request).__name__.removesuffix("Request")
        token = self.authenticator.issue(caller) if caller else None
        metadata = (("authorization", f"Bearer {token}"),) if token else None
        [stub] = [stub for stub in self.stubs if hasattr(stub, name)]
        return await getattr(stub, name)(request, timeout=10, metadata=metadata)

    async def refused(self, request: Any, caller: Caller | None = None) -> tuple[grpc.StatusCode, str]:
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await self.call(request, caller)
        return error.value.code(), error.value.details() or ""


@pytest.fixture
async def customers(database: Database) -> AsyncIterator[Running]:
    authenticator = Authenticator(SECRET, production=False)
    service = CustomersService(database)
    await service.ready.ensure_indexes()
    async with (
        running_server("127.0.0.1:0", service.register, authenticator=authenticator, grace=0.1) as server,
        open_channel(f"127.0.0.1:{server.port}", FILES) as channel,
    ):
        stubs = [
            customer_pb2_grpc.CustomerServiceStub(channel),
            employee_pb2_grpc.EmployeeServiceStub(channel),
            interaction_pb2_grpc.InteractionServiceStub(channel),
            reference_pb2_grpc.ReferenceServiceStub(channel),
            team_pb2_grpc.TeamServiceStub(channel),
            touchpoint_pb2_grpc.TouchpointServiceStub(channel),
            verification_pb2_grpc.VerificationServiceStub(channel),
        ]
        yield Running(stubs, authenticator)
