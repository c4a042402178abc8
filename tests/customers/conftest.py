"""A running customers service over a database of its own."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import grpc
import pytest
from rundblick.customers.v1 import (
    attribute_pb2_grpc,
    campaign_pb2_grpc,
    candidate_pb2_grpc,
    client_pb2_grpc,
    code_pb2_grpc,
    consent_pb2_grpc,
    customer_pb2_grpc,
    delivery_pb2_grpc,
    employee_pb2_grpc,
    importing_pb2_grpc,
    interaction_pb2_grpc,
    matching_pb2_grpc,
    opportunity_pb2_grpc,
    reference_pb2_grpc,
    signal_pb2_grpc,
    source_pb2_grpc,
    spend_pb2_grpc,
    state_pb2_grpc,
    team_pb2_grpc,
    touchpoint_pb2_grpc,
)
from rundblick.shared.v1 import identity_pb2_grpc, verification_pb2_grpc

from chassis.caller import Caller
from chassis.calls import error_of
from chassis.channel import open_channel
from chassis.errors import DomainError
from chassis.mongo import Database
from chassis.server import running_server
from chassis.times import utc_now
from chassis.tokens import Authenticator
from services.customers.contract import FILES
from services.customers.wiring import CustomersService
from tests import tokens

NOBODY = "00000000000000000000000000"


@dataclass
class Running:
    """The service as a client sees it: every RPC by its request's name."""

    stubs: list[Any]
    authenticator: Authenticator
    address: str

    async def call(self, request: Any, caller: Caller | None = None) -> Any:
        name = type(request).__name__.removesuffix("Request")
        token = tokens.token_for(caller) if caller else None
        metadata = (("authorization", f"Bearer {token}"),) if token else None
        [stub] = [stub for stub in self.stubs if hasattr(stub, name)]
        return await getattr(stub, name)(request, timeout=10, metadata=metadata)

    async def refused(self, request: Any, caller: Caller | None = None) -> tuple[grpc.StatusCode, str]:
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await self.call(request, caller)
        return error.value.code(), error.value.details() or ""

    async def fault(self, request: Any, caller: Caller | None = None) -> DomainError:
        """The refusal as other processes read it, with the path to the field."""
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await self.call(request, caller)
        return error_of(error.value)


@dataclass
class Clock:
    """What the service takes for now: the true time, and what a test puts on top."""

    ahead: timedelta = timedelta()

    def __call__(self) -> datetime:
        return utc_now() + self.ahead


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def customers(database: Database, clock: Clock) -> AsyncIterator[Running]:
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
            source_pb2_grpc.SourceServiceStub(channel),
            campaign_pb2_grpc.CampaignServiceStub(channel),
            candidate_pb2_grpc.CandidateServiceStub(channel),
            matching_pb2_grpc.MatchingServiceStub(channel),
            code_pb2_grpc.CodeServiceStub(channel),
            signal_pb2_grpc.SignalServiceStub(channel),
            spend_pb2_grpc.SpendServiceStub(channel),
            state_pb2_grpc.StateServiceStub(channel),
            client_pb2_grpc.ClientServiceStub(channel),
            consent_pb2_grpc.ConsentServiceStub(channel),
            customer_pb2_grpc.CustomerServiceStub(channel),
            delivery_pb2_grpc.CustomerDeliveryServiceStub(channel),
            employee_pb2_grpc.EmployeeServiceStub(channel),
            identity_pb2_grpc.IdentityServiceStub(channel),
            importing_pb2_grpc.ImportServiceStub(channel),
            interaction_pb2_grpc.InteractionServiceStub(channel),
            opportunity_pb2_grpc.OpportunityServiceStub(channel),
            reference_pb2_grpc.ReferenceServiceStub(channel),
            team_pb2_grpc.TeamServiceStub(channel),
            touchpoint_pb2_grpc.TouchpointServiceStub(channel),
            verification_pb2_grpc.VerificationServiceStub(channel),
        ]
        yield Running(stubs, authenticator, f"127.0.0.1:{server.port}")
