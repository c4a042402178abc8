"""The directory over gRPC, of a real customers service: remembered for a moment, and longer while that is away."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
from rundblick.customers.v1 import client_pb2, client_pb2_grpc, employee_pb2, employee_pb2_grpc

from chassis.channel import open_channel
from chassis.directory import Identity
from chassis.errors import Unauthenticated, Unavailable
from chassis.mongo import Database
from chassis.remote_directory import FILES, FRESH_SECONDS, KEPT_SECONDS, RemoteDirectory
from chassis.server import running_server
from services.customers.wiring import CustomersService
from tests.commands import Commands

ISSUER = "https://login.example"


class World:
    """Customers, that can be stopped; a directory that asks it; and the directory's clock, which stands still."""

    def __init__(self, database: Database) -> None:
        self.service = CustomersService(database)
        self.commands = Commands(database)
        self.seconds = 0.0
        self.address = "127.0.0.1:0"
        self._running = AsyncExitStack()

    async def start(self) -> None:
        server = running_server(self.address, self.service.register, rights=self.service.rights, grace=0.1)
        self.address = f"127.0.0.1:{(await self._running.enter_async_context(server)).port}"

    async def stop(self) -> None:
        await self._running.aclose()

    def directory(self, channel: Any, most: int = 100) -> RemoteDirectory:
        return RemoteDirectory(channel, most=most, clock=lambda: self.seconds)

    async def call(self, stub: Any, request: Any) -> Any:
        async with open_channel(self.address) as channel:
            method = getattr(stub(channel), type(request).__name__.removesuffix("Request"))
            return await method(request, timeout=10)

    async def client(self) -> str:
        request = client_pb2.CreateClientRequest(name="Shop", sources=["shop"], scopes=["customers:read"])
        return str((await self.call(client_pb2_grpc.ClientServiceStub, request)).client.id)

    async def revoke(self, id: str) -> None:
        await self.call(client_pb2_grpc.ClientServiceStub, client_pb2.RevokeClientRequest(id=id))

    async def employee(self, *subjects: str) -> employee_pb2.Employee:
        said = [employee_pb2.EmployeeSubject(issuer=ISSUER, subject=subject) for subject in subjects]
        request = employee_pb2.CreateEmployeeRequest(display_name="Ada", team_key="night", subjects=said)
        made: employee_pb2.Employee = (await self.call(employee_pb2_grpc.EmployeeServiceStub, request)).employee
        return made

    def asked(self) -> int:
        """How often customers looked somebody up within the recorded block."""
        return sum(1 for _, command in self.commands.found if command.get("find") == "employees")


@pytest.fixture
async def world(database: Database) -> AsyncIterator[World]:
    world = World(database)
    await world.service.ready.ensure_indexes()
    await world.start()
    yield world
    await world.stop()


@pytest.fixture
async def channel(world: World) -> AsyncIterator[Any]:
    async with open_channel(world.address, FILES, process="feedback") as channel:
        yield channel


async def test_it_tells_employees_clients_and_that_nobody_is_known(world: World, channel: Any) -> None:
    ada, id = await world.employee("ada"), await world.client()
    directory = world.directory(channel)
    assert await directory.identity_of(ISSUER, "ada", None) == Identity(employee=ada.id, team=ada.team_id)
    limits = Identity(sources=frozenset({"shop"}), scopes=frozenset({"customers:read"}))
    assert await directory.identity_of(ISSUER, id, id) == limits
    assert await directory.identity_of(ISSUER, "ben", None) is None


async def test_an_answer_counts_for_a_while_and_then_a_revoked_client_is_revoked(world: World, channel: Any) -> None:
    id = await world.client()
    directory = world.directory(channel)
    with world.commands.recorded():
        first = await directory.identity_of(ISSUER, id, id)
        await world.revoke(id)
        world.seconds = FRESH_SECONDS - 1
        assert await directory.identity_of(ISSUER, id, id) == first
    assert world.asked() == 1
    world.seconds = FRESH_SECONDS
    later = await directory.identity_of(ISSUER, id, id)
    assert later is not None
    assert later.revoked


async def test_that_nobody_is_known_counts_for_a_while_too(world: World, channel: Any) -> None:
    directory = world.directory(channel)
    with world.commands.recorded():
        for _ in range(5):
            assert await directory.identity_of(ISSUER, "ada", None) is None
    assert world.asked() == 1
    ada = await world.employee("ada")
    world.seconds = FRESH_SECONDS
    assert await directory.identity_of(ISSUER, "ada", None) == Identity(ada.id, ada.team_id)


async def test_many_who_ask_for_one_key_at_once_ask_once(world: World, channel: Any) -> None:
    await world.employee("ada")
    directory = world.directory(channel)
    with world.commands.recorded():
        answers = await asyncio.gather(*(directory.identity_of(ISSUER, "ada", None) for _ in range(20)))
        assert len(set(answers)) == 1
        assert answers[0] is not None
    assert world.asked() == 1


async def test_who_goes_away_does_not_take_the_answer_from_the_others(world: World, channel: Any) -> None:
    ada = await world.employee("ada")
    directory = world.directory(channel)
    first, second = (asyncio.create_task(directory.identity_of(ISSUER, "ada", None)) for _ in range(2))
    await asyncio.sleep(0)  # both have asked
    first.cancel()
    assert await second == Identity(ada.id, ada.team_id)
    assert first.cancelled()


async def test_while_customers_is_away_what_was_last_said_counts_for_ten_minutes(world: World, channel: Any) -> None:
    ada = await world.employee("ada")
    directory = world.directory(channel)
    known = await directory.identity_of(ISSUER, "ada", None)
    assert known == Identity(ada.id, ada.team_id)
    await world.stop()
    world.seconds = KEPT_SECONDS - 10
    assert await directory.identity_of(ISSUER, "ada", None) == known
    world.seconds = KEPT_SECONDS
    with pytest.raises(Unavailable):
        await directory.identity_of(ISSUER, "ada", None)


async def test_while_customers_is_away_nobody_new_is_let_in(world: World, channel: Any) -> None:
    directory = world.directory(channel)
    await world.stop()
    with pytest.raises(Unavailable):
        await directory.identity_of(ISSUER, "ada", None)


async def test_when_customers_is_back_it_is_asked_again(world: World, channel: Any) -> None:
    id = await world.client()
    directory = world.directory(channel)
    await directory.identity_of(ISSUER, id, id)
    await world.stop()
    world.seconds = 60
    assert await directory.identity_of(ISSUER, id, id) is not None
    await world.start()
    await channel.channel_ready()
    await world.revoke(id)
    world.seconds += 5
    later = await directory.identity_of(ISSUER, id, id)
    assert later is not None
    assert later.revoked


async def test_it_remembers_so_many_and_forgets_those_used_longest_ago(world: World, channel: Any) -> None:
    await world.employee("ada", "countess", "lovelace")
    directory = world.directory(channel, most=2)
    for subject in ("ada", "countess", "ada", "lovelace"):
        await directory.identity_of(ISSUER, subject, None)
    with world.commands.recorded():
        await directory.identity_of(ISSUER, "ada", None)
    assert world.asked() == 0
    with world.commands.recorded():
        await directory.identity_of(ISSUER, "countess", None)
    assert world.asked() == 1


async def test_a_refusal_is_told_and_not_remembered(world: World) -> None:
    async with open_channel(world.address, process="nobody") as channel:
        directory = world.directory(channel)
        with pytest.raises(Unauthenticated):
            await directory.identity_of(ISSUER, "ada", None)
