"""What all tests stand on: one real MongoDB for the run, a database of its own for each test that asks."""

import secrets
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import hypothesis
import pytest

from chassis.caller import DEVELOPMENT_CALLER, Caller
from chassis.mongo import Database, open_database
from cli.mongod import running_mongod
from tests.commands import Commands

# A busy machine is not a wrong result.
_TOO_SLOW = [hypothesis.HealthCheck.too_slow]
hypothesis.settings.register_profile("any machine", deadline=None, suppress_health_check=_TOO_SLOW)
hypothesis.settings.load_profile("any machine")

# Each test has a database of its own and drops it: else the files of all of them would stay open for minutes.
_DROP_SOON = ("--syncdelay", "5", "--setParameter", "minSnapshotHistoryWindowInSeconds=0")


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@pytest.fixture(scope="session")
def mongo_uri(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    data: Path = tmp_path_factory.mktemp("mongod")
    with running_mongod(data, free_port(), options=_DROP_SOON) as mongod:
        yield mongod.uri


@pytest.fixture
async def database(mongo_uri: str) -> AsyncIterator[Database]:
    async with open_database(mongo_uri, f"test_{secrets.token_hex(6)}") as database:
        yield database
        await database.client.drop_database(database.name)


@pytest.fixture
def commands(database: Database) -> Commands:
    return Commands(database)


@pytest.fixture
def caller() -> Caller:
    return DEVELOPMENT_CALLER
