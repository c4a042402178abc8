"""A small real service that stands in for all: what it answers is given by the test."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import grpc
from rundblick.customers.v1 import customer_pb2, customer_pb2_grpc, team_pb2, team_pb2_grpc

from chassis.channel import open_channel
from chassis.server import running_server
from chassis.tokens import Authenticator

FILES = (team_pb2.DESCRIPTOR, customer_pb2.DESCRIPTOR)

Read = Callable[[], Awaitable[team_pb2.BatchGetTeamsResponse]]
Write = Callable[[], Awaitable[customer_pb2.CreateCustomerResponse]]


async def nothing_read() -> team_pb2.BatchGetTeamsResponse:
    return team_pb2.BatchGetTeamsResponse()


async def nothing_written() -> customer_pb2.CreateCustomerResponse:
    return customer_pb2.CreateCustomerResponse()


class Teams(team_pb2_grpc.TeamServiceServicer):
    def __init__(self, read: Read) -> None:
        self._read = read

    async def BatchGetTeams(
        self, request: team_pb2.BatchGetTeamsRequest, context: Any
    ) -> team_pb2.BatchGetTeamsResponse:
        return await self._read()


class Customers(customer_pb2_grpc.CustomerServiceServicer):
    def __init__(self, write: Write) -> None:
        self._write = write

    async def CreateCustomer(
        self, request: customer_pb2.CreateCustomerRequest, context: Any
    ) -> customer_pb2.CreateCustomerResponse:
        return await self._write()


@asynccontextmanager
async def served(
    read: Read = nothing_read, write: Write = nothing_written, *, authenticator: Authenticator | None = None
) -> AsyncIterator[grpc.aio.Channel]:
    """A channel to a running server with one read (BatchGetTeams) and one write (CreateCustomer)."""

    def register(server: grpc.aio.Server) -> None:
        team_pb2_grpc.add_TeamServiceServicer_to_server(Teams(read), server)
        customer_pb2_grpc.add_CustomerServiceServicer_to_server(
            Customers(write),  # type: ignore[abstract]  # the others are not called
            server,
        )

    async with (
        running_server("localhost:0", register, authenticator=authenticator, grace=0.1) as running,
        open_channel(f"localhost:{running.port}", FILES) as channel,
    ):
        yield channel
