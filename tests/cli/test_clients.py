"""rundblick client on a running system."""

import asyncio
import re
from collections.abc import Iterator

import pytest
from rundblick.customers.v1 import client_pb2, client_pb2_grpc

from chassis.calls import call
from chassis.channel import open_channel
from cli.system import System, running_system
from tests.cli.test_command import one_line, rundblick

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with running_system(tmp_path_factory.mktemp("clients") / "data") as system:
        yield system


def ran(system: System, *arguments: str) -> str:
    done = rundblick("client", *arguments, "--endpoint", system.endpoint)
    assert done.returncode == 0, done.stderr
    return done.stdout


def told(output: str) -> tuple[str, str]:
    """The id and the secret, as a script reads them."""
    said = dict(line.split("=", 1) for line in output.splitlines())
    assert said.keys() == {"client_id", "client_secret"}
    return said["client_id"], said["client_secret"]


def admitted(system: System, id: str, secret: str) -> bool:
    """Does customers let it in, when the process asks that issues tokens?"""

    async def ask() -> client_pb2.AuthenticateClientResponse:
        request = client_pb2.AuthenticateClientRequest(id=id, secret=secret)
        async with open_channel(system.addresses["customers"], process="issuer") as channel:
            stub = client_pb2_grpc.ClientServiceStub(channel)
            answer: client_pb2.AuthenticateClientResponse = await call(stub.AuthenticateClient, request, timeout=10)
            return answer

    return asyncio.run(ask()).HasField("grant")


def test_a_client_is_made_listed_rotated_and_revoked(system: System) -> None:
    assert "There are no clients" in ran(system, "list")
    made = ran(system, "create", "Shop [red]", "--source", "shop", "--source", "app", "--scope", "customers:read")
    id, first = told(made)
    assert admitted(system, id, first)
    listed = ran(system, "list")
    assert re.search(rf"{id} .*Shop \[red\] .*app, shop .*customers:read .*active", listed)
    assert first not in listed

    _, second = told(ran(system, "rotate", id))
    assert [admitted(system, id, secret) for secret in (first, second)] == [True, True]
    _, third = told(ran(system, "rotate", id, "--overlap", "0"))
    assert [admitted(system, id, secret) for secret in (first, second, third)] == [False, False, True]

    assert f"{id} is revoked" in ran(system, "revoke", id)
    assert not admitted(system, id, third)
    assert re.search(rf"{id} .*revoked", ran(system, "list"))
    assert "revoked" in one_line(rundblick("client", "rotate", id, "--endpoint", system.endpoint))


@pytest.mark.parametrize(
    ("arguments", "cause"),
    [
        (
            ("create", "Shop", "--source", "shop", "--scope", "employees:write"),
            "a partner does not get employees:write",
        ),
        (("create", "Shop", "--source", "rundblick", "--scope", "customers:read"), "the company's own"),
        (("create", " ", "--source", "shop", "--scope", "customers:read"), "a name has"),
        (("rotate", "cli_x"), "there is no client cli_x"),
        (("rotate", "cli_x", "--overlap", "1000"), "at most 30 days"),
        (("revoke", "cli_x"), "there is no client cli_x"),
    ],
)
def test_a_mistake_is_said_in_one_line(system: System, arguments: tuple[str, ...], cause: str) -> None:
    assert cause in one_line(rundblick("client", *arguments, "--endpoint", system.endpoint))


def test_a_system_that_is_not_there_is_said_in_one_line() -> None:
    assert "nothing answers" in one_line(rundblick("client", "list", "--endpoint", "http://127.0.0.1:1"))
