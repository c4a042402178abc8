"""A process on its own account does what its row in the table says, and nothing that people may."""

from contextlib import AsyncExitStack
from typing import Any

import grpc
import pytest
from rundblick.customers.v1 import customer_pb2, customer_pb2_grpc, reference_pb2, reference_pb2_grpc

from chassis.channel import open_channel
from chassis.mongo import Database
from chassis.server import running_server
from services.customers.wiring import CustomersService
from tests import tokens


async def said(database: Database, process: str, ask: Any) -> grpc.StatusCode:
    """What a process is told."""
    service = CustomersService(database)
    await service.ready.ensure_indexes()
    async with AsyncExitStack() as stack:
        server = running_server(
            "127.0.0.1:0", service.register, rights=service.rights, authenticator=tokens.authenticator(), grace=0.1
        )
        port = (await stack.enter_async_context(server)).port
        channel = await stack.enter_async_context(open_channel(f"127.0.0.1:{port}", process=process))
        try:
            await ask(channel)
        except grpc.aio.AioRpcError as error:
            return error.code()
        return grpc.StatusCode.OK


async def resolve(channel: grpc.aio.Channel) -> None:
    stub: Any = reference_pb2_grpc.ReferenceServiceStub(channel)
    await stub.ResolveReferences(reference_pb2.ResolveReferencesRequest(source="shop"), timeout=10)


async def read(channel: grpc.aio.Channel) -> None:
    stub: Any = customer_pb2_grpc.CustomerServiceStub(channel)
    await stub.ListCustomers(customer_pb2.ListCustomersRequest(), timeout=10)


@pytest.mark.parametrize(
    ("process", "ask", "status"),
    [
        ("feedback", resolve, grpc.StatusCode.OK),
        ("metrics", resolve, grpc.StatusCode.PERMISSION_DENIED),
        ("gateway", resolve, grpc.StatusCode.OK),
        ("issuer", resolve, grpc.StatusCode.PERMISSION_DENIED),
        ("feedback", read, grpc.StatusCode.PERMISSION_DENIED),
        ("metrics", read, grpc.StatusCode.PERMISSION_DENIED),
        ("gateway", read, grpc.StatusCode.PERMISSION_DENIED),
        ("somebody", resolve, grpc.StatusCode.UNAUTHENTICATED),
    ],
)
async def test_a_process_may_what_its_row_says(
    database: Database, process: str, ask: Any, status: grpc.StatusCode
) -> None:
    assert await said(database, process, ask) is status
