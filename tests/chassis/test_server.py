"""A server tells the truth about its health, describes itself, and ends gracefully."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from rundblick.customers.v1 import team_pb2, team_pb2_grpc

from chassis.calls import call
from chassis.channel import open_channel
from chassis.server import LIVE, Running, running_server
from tests.chassis.conftest import FILES, Teams, nothing_read

NAME = team_pb2.DESCRIPTOR.services_by_name["TeamService"].full_name
Status = health_pb2.HealthCheckResponse


def register(server: grpc.aio.Server) -> None:
    team_pb2_grpc.add_TeamServiceServicer_to_server(Teams(nothing_read), server)


@asynccontextmanager
async def watched(ready: Callable[[], Awaitable[bool]]) -> AsyncIterator[tuple[Running, Any]]:
    async with (
        running_server("localhost:0", register, services=(NAME,), ready=ready, grace=0.1) as running,
        open_channel(f"localhost:{running.port}", FILES) as channel,
    ):
        yield running, channel


async def health(channel: Any, service: str = "") -> int:
    request = health_pb2.HealthCheckRequest(service=service)
    stub: Any = health_pb2_grpc.HealthStub(channel)
    answer = await stub.Check(request, timeout=5)
    status: int = answer.status
    return status


async def until(channel: Any, status: int) -> None:
    """Follow the health as a balancer does, until it is `status`."""
    request = health_pb2.HealthCheckRequest(service=NAME)
    stub: Any = health_pb2_grpc.HealthStub(channel)
    async for answer in stub.Watch(request, timeout=20):
        if answer.status == status:
            return
    raise AssertionError("the watch ended")


async def test_a_server_is_not_serving_until_what_it_stands_on_is_ready() -> None:
    database = asyncio.Event()

    async def ready() -> bool:
        return database.is_set()

    async with watched(ready) as (_, channel):
        assert await health(channel) == await health(channel, NAME) == Status.NOT_SERVING
        database.set()
        await until(channel, Status.SERVING)
        assert await health(channel) == Status.SERVING


async def test_a_server_without_what_it_stands_on_is_alive_nevertheless() -> None:
    async def ready() -> bool:
        return False

    async with watched(ready) as (_, channel):
        assert await health(channel, LIVE) == Status.SERVING
        assert await health(channel) == Status.NOT_SERVING


async def test_a_server_stops_serving_when_what_it_stands_on_fails_and_serves_again_after() -> None:
    fault: list[Exception] = []

    async def ready() -> bool:
        if fault:
            raise fault[0]
        return True

    async with watched(ready) as (_, channel):
        await until(channel, Status.SERVING)
        fault.append(ConnectionError("the database is away"))
        await until(channel, Status.NOT_SERVING)
        fault.clear()
        await until(channel, Status.SERVING)


async def test_a_server_that_ends_is_not_serving_though_the_database_answers() -> None:
    async def ready() -> bool:
        return True

    async with watched(ready) as (running, channel):
        await until(channel, Status.SERVING)
        await running.health.enter_graceful_shutdown()
        assert await health(channel) == await health(channel, NAME) == Status.NOT_SERVING
        answer = await call(
            team_pb2_grpc.TeamServiceStub(channel).BatchGetTeams, team_pb2.BatchGetTeamsRequest(), timeout=5
        )
    assert isinstance(answer, team_pb2.BatchGetTeamsResponse), "calls that still arrive are answered"


async def test_a_running_call_ends_well_while_the_server_stops() -> None:
    entered, leave = asyncio.Event(), asyncio.Event()

    async def read() -> team_pb2.BatchGetTeamsResponse:
        entered.set()
        await leave.wait()
        return team_pb2.BatchGetTeamsResponse()

    def slow(server: grpc.aio.Server) -> None:
        team_pb2_grpc.add_TeamServiceServicer_to_server(Teams(read), server)

    context = running_server("localhost:0", slow, grace=10)
    running = await context.__aenter__()
    async with open_channel(f"localhost:{running.port}") as channel:
        answer = asyncio.ensure_future(
            call(team_pb2_grpc.TeamServiceStub(channel).BatchGetTeams, team_pb2.BatchGetTeamsRequest(), timeout=10)
        )
        await entered.wait()
        stopped = asyncio.ensure_future(context.__aexit__(None, None, None))
        await asyncio.sleep(0)
        leave.set()
        assert isinstance(await answer, team_pb2.BatchGetTeamsResponse)
        await stopped


async def test_an_unknown_service_has_no_health() -> None:
    async def ready() -> bool:
        return True

    async with watched(ready) as (_, channel):
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await health(channel, "rundblick.nobody.v1.Service")
    assert refused.value.code() is grpc.StatusCode.NOT_FOUND


async def test_a_server_describes_itself_to_tools_without_a_deadline() -> None:
    async def ready() -> bool:
        return True

    async def asked() -> AsyncIterator[reflection_pb2.ServerReflectionRequest]:
        yield reflection_pb2.ServerReflectionRequest(list_services="")

    async with watched(ready) as (_, channel):
        stub: Any = reflection_pb2_grpc.ServerReflectionStub(channel)
        names = [
            service.name
            async for answer in stub.ServerReflectionInfo(asked())
            for service in answer.list_services_response.service
        ]
    assert {NAME, "grpc.health.v1.Health"} <= set(names)


async def test_two_servers_never_share_a_port() -> None:
    async with running_server("localhost:0", register, grace=0.1) as running:
        with pytest.raises(RuntimeError):
            async with running_server(f"localhost:{running.port}", register, grace=0.1):
                pass


async def test_a_stream_that_is_quiet_for_long_goes_on() -> None:
    """A subscription in which nothing changes, a long recomputation: the client keeps asking whether it is there."""
    async with (
        running_server("localhost:0", register, grace=0.1, keepalive_ms=1000) as running,
        open_channel(f"localhost:{running.port}", FILES, keepalive_ms=1000) as channel,
    ):
        stub: Any = health_pb2_grpc.HealthStub(channel)
        stream = stub.Watch(health_pb2.HealthCheckRequest(service="nothing of the kind"), timeout=30)
        await stream.read()
        # Long enough for more questions than are forgiven: gRPC asks once a second at most.
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.shield(asyncio.ensure_future(stream.read())), 6)
        assert not stream.done()
        stream.cancel()
