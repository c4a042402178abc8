"""What all tests stand on: one real MongoDB for the run, a database of its own for each test that asks."""

import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import hypothesis
import pytest

from chassis.caller import DEVELOPMENT_CALLER, Caller
from chassis.mongo import Database
from cli.mongod import running_mongod
from tests.commands import Commands
from tests.databases import Databases

_TESTS = Path(__file__).parent

# A busy machine is not a wrong result.
_TOO_SLOW = [hypothesis.HealthCheck.too_slow]
hypothesis.settings.register_profile("any machine", deadline=None, suppress_health_check=_TOO_SLOW)
hypothesis.settings.load_profile("any machine")

# What tests delete is gone at once, and what they write is soon in its files: mongod stays small.
_FORGETFUL = ("--syncdelay", "5", "--setParameter", "minSnapshotHistoryWindowInSeconds=0")


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@pytest.fixture(scope="session")
def mongo_uri(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    data: Path = tmp_path_factory.mktemp("mongod")
    with running_mongod(data, free_port(), options=_FORGETFUL) as mongod:
        yield mongod.uri


@pytest.fixture(scope="session")
def databases(mongo_uri: str) -> Databases:
    return Databases(mongo_uri)


@pytest.fixture
async def database(databases: Databases, request: pytest.FixtureRequest) -> AsyncIterator[Database]:
    """Empty. Of the service whose tests ask."""
    async with databases.lent(request.path.relative_to(_TESTS).parts[0]) as database:
        yield database


@pytest.fixture
def commands(database: Database) -> Commands:
    return Commands(database)


@pytest.fixture
def caller() -> Caller:
    return DEVELOPMENT_CALLER
