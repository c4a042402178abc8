"""The feedback service over the real customers and metrics services, each on its own database."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import pytest
from rundblick.customers.v1 import (
    customer_pb2,
    customer_pb2_grpc,
    employee_pb2,
    employee_pb2_grpc,
    interaction_pb2,
    interaction_pb2_grpc,
    reference_pb2,
    touchpoint_pb2,
    touchpoint_pb2_grpc,
)
from rundblick.feedback.v1 import enquiry_pb2, enquiry_pb2_grpc
from rundblick.metrics.v1 import event_pb2
from rundblick.shared.v1 import alias_pb2_grpc, verification_pb2_grpc

from chassis.caller import Caller
from chassis.channel import open_channel
from chassis.mongo import Database
from chassis.server import running_server
from chassis.tokens import Authenticator
from services.customers.wiring import CustomersService
from services.feedback.enquiry.references import FILES
from services.feedback.wiring import FeedbackService
from services.metrics.wiring import MetricsService
from tests import tokens
from tests.databases import Databases


@dataclass
class Running:
    """The service as a client sees it, with a customer, an employee and a touchpoint to refer to."""

    service: FeedbackService
    database: Database
    enquiries: Any
    journey: Any
    customer: str
    employee: str
    touchpoint: str
    stack: AsyncExitStack
    customers_server: AsyncExitStack
    customers_service: CustomersService
    customers_address: str
    authenticator: Authenticator

    aliases: Any
    verification: Any
    channel: Any

    async def delivered(self) -> None:
        """Until nothing waits to be told any more."""
        async with self.service.relaying():
            end = time.monotonic() + 20
            while await self.database["outbox"].count_documents({"parked": False}):
                assert time.monotonic() < end
                await asyncio.sleep(0.02)

    async def journey_of(self, customer: str) -> Any:
        request = interaction_pb2.BatchListInteractionsRequest(customer_ids=[customer])
        return (await self.journey.BatchListInteractions(request, timeout=10)).pages[customer].edges

    def lookups(self, *external_ids: str) -> list[reference_pb2.CustomerReference]:
        return [reference_pb2.CustomerReference(external_id=id) for id in external_ids]

    async def stop_customers(self) -> None:
        await self.customers_server.aclose()

    async def start_customers(self) -> None:
        """Where it was before."""
        server = running_server(
            self.customers_address,
            self.customers_service.register,
            rights=self.customers_service.rights,
            authenticator=self.authenticator,
            grace=0.1,
        )
        await self.customers_server.enter_async_context(server)

    async def call(self, request: Any, caller: Caller | None = None) -> Any:
        name = type(request).__name__.removesuffix("Request")
        token = tokens.token_for(caller) if caller else None
        metadata = (("authorization", f"Bearer {token}"),) if token else None
        return await getattr(self.enquiries, name)(request, timeout=10, metadata=metadata)

    async def imported(self, *batches: enquiry_pb2.ImportEnquiriesRequest) -> list[enquiry_pb2.ImportEnquiriesResponse]:
        return [answer async for answer in self.enquiries.ImportEnquiries(iter(batches), timeout=30)]


@pytest.fixture
async def feedback(databases: Databases, database: Database) -> AsyncIterator[Running]:
    authenticator = tokens.authenticator()
    async with AsyncExitStack() as stack:

        async def opened(kind: str) -> Any:
            return await stack.enter_async_context(databases.lent(kind))

        async def serve(service: Any, on: AsyncExitStack) -> str:
            await service.ready.ensure_indexes()
            server = running_server(
                "127.0.0.1:0", service.register, rights=service.rights, authenticator=authenticator, grace=0.1
            )
            return f"127.0.0.1:{(await on.enter_async_context(server)).port}"

        customers_server = await stack.enter_async_context(AsyncExitStack())
        customers_service = CustomersService(await opened("customers"))
        address = await serve(customers_service, customers_server)
        customers = await stack.enter_async_context(open_channel(address, FILES))
        to_metrics = open_channel(
            await serve(MetricsService(await opened("metrics")), stack), [event_pb2.DESCRIPTOR], process="feedback"
        )
        service = FeedbackService(
            database,
            await stack.enter_async_context(open_channel(address, FILES, process="feedback")),
            await stack.enter_async_context(to_metrics),
        )
        channel = await stack.enter_async_context(open_channel(await serve(service, stack)))
        customer = await customer_pb2_grpc.CustomerServiceStub(customers).CreateCustomer(
            customer_pb2.CreateCustomerRequest(
                kind=customer_pb2.CUSTOMER_KIND_PERSON,
                fields=customer_pb2.CustomerFields(display_name="Somebody"),
                external_id=customer_pb2.ExternalId(source="shop", id="c1"),
            ),
            timeout=10,
        )
        employee = await employee_pb2_grpc.EmployeeServiceStub(customers).CreateEmployee(
            employee_pb2.CreateEmployeeRequest(display_name="Somebody Else", team_key="support"), timeout=10
        )
        touchpoint = await touchpoint_pb2_grpc.TouchpointServiceStub(customers).CreateTouchpoint(
            touchpoint_pb2.CreateTouchpointRequest(
                key="form",
                name="Form",
                channel=touchpoint_pb2.CHANNEL_WEB_FORM,
                nature=touchpoint_pb2.TOUCHPOINT_NATURE_DIGITAL,
                control=touchpoint_pb2.TOUCHPOINT_CONTROL_OWNED,
            ),
            timeout=10,
        )
        yield Running(
            service,
            database,
            enquiry_pb2_grpc.EnquiryServiceStub(channel),
            interaction_pb2_grpc.InteractionServiceStub(customers),
            customer.customer.id,
            employee.employee.id,
            touchpoint.touchpoint.id,
            stack,
            customers_server,
            customers_service,
            address,
            authenticator,
            alias_pb2_grpc.AliasServiceStub(channel),
            verification_pb2_grpc.VerificationServiceStub(channel),
            channel,
        )
