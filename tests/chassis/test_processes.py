"""A process is who its certificate says, and without TLS who it says itself; a token goes before both."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from rundblick.customers.v1 import team_pb2, team_pb2_grpc

from chassis.caller import DEVELOPMENT_CALLER, Caller, current_caller
from chassis.calls import call
from chassis.channel import open_channel
from chassis.errors import Unauthenticated
from chassis.server import running_server
from chassis.tls import Tls
from cli.certs import renew, tls_of
from tests import tokens
from tests.callers import EVERYWHERE

FEEDBACK = Caller("service:feedback", EVERYWHERE.processes["feedback"])


class Heard(team_pb2_grpc.TeamServiceServicer):
    """Notes for whom it is called."""

    def __init__(self) -> None:
        self.callers: list[Caller] = []

    async def BatchGetTeams(self, request: Any, context: Any) -> team_pb2.BatchGetTeamsResponse:
        self.callers.append(current_caller())
        return team_pb2.BatchGetTeamsResponse()


@pytest.fixture
def heard() -> Heard:
    return Heard()


@asynccontextmanager
async def served(heard: Heard, tls: Tls | None, *, production: bool) -> AsyncIterator[str]:
    def register(server: grpc.aio.Server) -> None:
        team_pb2_grpc.add_TeamServiceServicer_to_server(heard, server)

    authenticator = tokens.authenticator(production=production)
    async with running_server("localhost:0", register, authenticator=authenticator, tls=tls, grace=0.1) as running:
        yield f"localhost:{running.port}"


async def ask(address: str, tls: Tls | None, process: str | None, token: str | None = None) -> None:
    async with open_channel(address, tls=tls, process=process) as channel:
        stub = team_pb2_grpc.TeamServiceStub(channel)
        await call(stub.BatchGetTeams, team_pb2.BatchGetTeamsRequest(), timeout=10, token=token)


async def test_over_tls_a_process_is_who_its_certificate_says(tmp_path: Path, heard: Heard) -> None:
    renew(tmp_path)
    async with served(heard, tls_of(tmp_path, "customers"), production=True) as address:
        await ask(address, tls_of(tmp_path, "feedback"), "feedback")
        assert heard.callers == [FEEDBACK]
        for certificate in ("metrics", "operator", "router"):
            with pytest.raises(Unauthenticated, match="the certificate is not that of feedback"):
                await ask(address, tls_of(tmp_path, certificate), "feedback")
        # On nobody's account: whatever the certificate is.
        with pytest.raises(Unauthenticated, match="a token is needed"):
            await ask(address, tls_of(tmp_path, "feedback"), None)
        await ask(address, tls_of(tmp_path, "gateway"), None, tokens.token_for(Caller("ada")))
    assert heard.callers[1:] == [Caller("ada")]


async def test_without_tls_a_process_is_believed_and_nobody_may_everything(heard: Heard) -> None:
    async with served(heard, None, production=False) as address:
        await ask(address, None, "feedback")
        await ask(address, None, None)
        await ask(address, None, "feedback", tokens.token_for(Caller("ada")))
        with pytest.raises(Unauthenticated, match="no process is called billing"):
            await ask(address, None, "billing")
    assert heard.callers == [FEEDBACK, DEVELOPMENT_CALLER, Caller("ada")]
