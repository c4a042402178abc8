"""A channel sends a failed read again, never a write, and says when nobody answers."""

import asyncio

import pytest
from rundblick.customers.v1 import customer_pb2, customer_pb2_grpc, team_pb2, team_pb2_grpc

from chassis import errors
from chassis.calls import call
from chassis.channel import open_channel
from tests.chassis.conftest import FILES, served
from tests.conftest import free_port


async def test_a_read_that_finds_nobody_is_sent_again() -> None:
    attempts = 0

    async def read() -> team_pb2.BatchGetTeamsResponse:
        nonlocal attempts
        attempts += 1
        if attempts < 3:
            raise errors.Unavailable("just starting")
        return team_pb2.BatchGetTeamsResponse()

    async with served(read) as channel:
        await call(team_pb2_grpc.TeamServiceStub(channel).BatchGetTeams, team_pb2.BatchGetTeamsRequest(), timeout=5)
    assert attempts == 3


async def test_a_read_is_given_up_after_three_tries() -> None:
    attempts = 0

    async def read() -> team_pb2.BatchGetTeamsResponse:
        nonlocal attempts
        attempts += 1
        raise errors.Unavailable("away")

    async with served(read) as channel:
        with pytest.raises(errors.Unavailable):
            await call(team_pb2_grpc.TeamServiceStub(channel).BatchGetTeams, team_pb2.BatchGetTeamsRequest(), timeout=5)
    assert attempts == 3


async def test_a_refused_read_is_not_sent_again() -> None:
    attempts = 0

    async def read() -> team_pb2.BatchGetTeamsResponse:
        nonlocal attempts
        attempts += 1
        raise errors.NotFound("tea_1")

    async with served(read) as channel:
        with pytest.raises(errors.NotFound):
            await call(team_pb2_grpc.TeamServiceStub(channel).BatchGetTeams, team_pb2.BatchGetTeamsRequest(), timeout=5)
    assert attempts == 1


async def test_a_write_is_never_sent_twice() -> None:
    attempts = 0

    async def write() -> customer_pb2.CreateCustomerResponse:
        nonlocal attempts
        attempts += 1
        raise errors.Unavailable("perhaps written, perhaps not")

    async with served(write=write) as channel:
        with pytest.raises(errors.Unavailable):
            await call(
                customer_pb2_grpc.CustomerServiceStub(channel).CreateCustomer,
                customer_pb2.CreateCustomerRequest(),
                timeout=5,
            )
    assert attempts == 1


async def test_nobody_at_the_address_is_unavailable_and_the_address_is_not_told() -> None:
    port = free_port()
    async with open_channel(f"localhost:{port}", FILES) as channel:
        with pytest.raises(errors.Unavailable) as refused:
            await call(team_pb2_grpc.TeamServiceStub(channel).BatchGetTeams, team_pb2.BatchGetTeamsRequest(), timeout=5)
    assert str(port) not in refused.value.message


async def test_an_answer_that_takes_too_long_is_a_deadline() -> None:
    async def read() -> team_pb2.BatchGetTeamsResponse:
        await asyncio.Event().wait()
        raise AssertionError("an event nobody sets was set")

    async with served(read) as channel:
        with pytest.raises(errors.DeadlineExceeded):
            await call(
                team_pb2_grpc.TeamServiceStub(channel).BatchGetTeams, team_pb2.BatchGetTeamsRequest(), timeout=0.2
            )
