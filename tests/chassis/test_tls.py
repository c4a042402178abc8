"""Processes know each other by certificates: who has none, or a wrong one, is not let in."""

import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from rundblick.customers.v1 import team_pb2, team_pb2_grpc

from chassis.calls import call, metadata_of
from chassis.channel import open_channel
from chassis.errors import Unavailable
from chassis.server import Running, running_server
from chassis.tls import PROCESS_METADATA, Tls, peer_of
from cli.certs import renew, tls_of
from cli.system import tls_variables
from tests.chassis.conftest import FILES

REQUEST = team_pb2.BatchGetTeamsRequest()
ROOT = Path(__file__).parents[2]


@dataclass
class Heard(team_pb2_grpc.TeamServiceServicer):
    """Notes who called: by certificate, and by what the call says of itself."""

    peers: list[str | None] = field(default_factory=list)
    said: list[str | None] = field(default_factory=list)

    async def BatchGetTeams(self, request: Any, context: Any) -> team_pb2.BatchGetTeamsResponse:
        self.peers.append(peer_of(context))
        self.said.append(dict(context.invocation_metadata()).get(PROCESS_METADATA))
        return team_pb2.BatchGetTeamsResponse()


@pytest.fixture
def certs(tmp_path: Path) -> Path:
    renew(tmp_path / "certs")
    return tmp_path / "certs"


@pytest.fixture
def heard() -> Heard:
    return Heard()


@asynccontextmanager
async def served(heard: Heard, tls: Tls | None, **more: Any) -> AsyncIterator[Running]:
    def register(server: grpc.aio.Server) -> None:
        team_pb2_grpc.add_TeamServiceServicer_to_server(heard, server)

    async with running_server("localhost:0", register, tls=tls, grace=0.1, **more) as running:
        yield running


async def ask(channel: grpc.aio.Channel, token: str | None = None) -> None:
    await call(team_pb2_grpc.TeamServiceStub(channel).BatchGetTeams, REQUEST, timeout=10, token=token)


async def refused(port: int, tls: Tls | None) -> bool:
    """Whether a new connection is."""
    async with open_channel(f"localhost:{port}", FILES, tls=tls) as channel:
        try:
            await ask(channel)
        except Unavailable:
            return True
    return False


async def test_a_certificate_of_our_authority_lets_in_and_says_who_calls(certs: Path, heard: Heard) -> None:
    async with served(heard, tls_of(certs, "customers")) as running:
        for name in ("feedback", "gateway"):
            async with open_channel(f"localhost:{running.port}", FILES, tls=tls_of(certs, name)) as channel:
                await ask(channel)
    assert heard.peers == ["feedback", "gateway"]


async def test_without_tls_nobody_is_proved(heard: Heard) -> None:
    async with served(heard, None) as running, open_channel(f"localhost:{running.port}", FILES) as channel:
        await ask(channel)
    assert heard.peers == [None]


async def test_a_plain_connection_is_refused(certs: Path, heard: Heard) -> None:
    async with served(heard, tls_of(certs, "customers")) as running:
        assert await refused(running.port, None)
        assert not await refused(running.port, tls_of(certs, "gateway"))


async def test_a_client_without_a_certificate_is_refused(certs: Path, heard: Heard) -> None:
    async with served(heard, tls_of(certs, "customers")) as running:
        credentials = grpc.ssl_channel_credentials((certs / "ca.crt").read_bytes())
        async with grpc.aio.secure_channel(f"localhost:{running.port}", credentials) as channel:
            with pytest.raises(Unavailable):
                await ask(channel)
    assert heard.peers == []


async def test_a_client_of_another_authority_is_refused(certs: Path, heard: Heard, tmp_path: Path) -> None:
    renew(tmp_path / "others")
    other = tls_of(tmp_path / "others", "gateway")
    # It believes the server, and is not believed.
    stranger = Tls(other.cert, other.key, certs / "ca.crt")
    async with served(heard, tls_of(certs, "customers")) as running:
        assert await refused(running.port, stranger)
    assert heard.peers == []


async def test_a_server_of_another_authority_is_not_talked_to(certs: Path, heard: Heard, tmp_path: Path) -> None:
    renew(tmp_path / "others")
    other = tls_of(tmp_path / "others", "customers")
    async with served(heard, Tls(other.cert, other.key, certs / "ca.crt")) as running:
        assert await refused(running.port, tls_of(certs, "gateway"))
    assert heard.peers == []


async def test_a_server_under_a_name_it_does_not_have_is_not_talked_to(certs: Path, heard: Heard) -> None:
    async with served(heard, tls_of(certs, "customers")) as running:
        for name, is_refused in (("customers", False), ("feedback", True)):
            options = [("grpc.ssl_target_name_override", name)]
            credentials = tls_of(certs, "gateway").channel_credentials()
            address = f"localhost:{running.port}"
            async with grpc.aio.secure_channel(address, credentials, options=options) as channel:
                try:
                    await ask(channel)
                except Unavailable:
                    assert is_refused
                else:
                    assert not is_refused


async def test_an_expired_certificate_is_refused(certs: Path, heard: Heard) -> None:
    long_ago = datetime.now(UTC) - timedelta(days=2)
    shutil.rmtree(certs / "gateway")
    renew(certs, ("gateway",), days=1, now=long_ago)
    async with served(heard, tls_of(certs, "customers")) as running:
        assert await refused(running.port, tls_of(certs, "gateway"))
    assert heard.peers == []


async def test_a_server_shows_a_renewed_certificate_without_a_restart(certs: Path, heard: Heard) -> None:
    shutil.rmtree(certs / "customers")
    renew(certs, ("customers",), days=1, now=datetime.now(UTC) - timedelta(days=2))
    async with served(heard, tls_of(certs, "customers")) as running:
        assert await refused(running.port, tls_of(certs, "gateway")), "its own has expired"
        renew(certs)
        assert not await refused(running.port, tls_of(certs, "gateway"))


async def test_a_server_believes_another_authority_when_its_file_says_so(
    certs: Path, heard: Heard, tmp_path: Path
) -> None:
    renew(tmp_path / "others")
    other, own = tls_of(tmp_path / "others", "gateway"), tls_of(certs, "customers")
    newcomer = Tls(other.cert, other.key, certs / "ca.crt")
    async with served(heard, own) as running:
        assert await refused(running.port, newcomer)
        own.ca.write_bytes(own.ca.read_bytes() + other.ca.read_bytes())
        assert not await refused(running.port, newcomer)


async def test_a_server_goes_on_with_its_certificate_while_the_files_are_not_whole(
    certs: Path, heard: Heard, caplog: pytest.LogCaptureFixture
) -> None:
    own = tls_of(certs, "customers")
    async with served(heard, own) as running:
        own.cert.write_text("not yet a certificate")
        assert not await refused(running.port, tls_of(certs, "gateway"))
        own.key.unlink()
        assert not await refused(running.port, tls_of(certs, "gateway"))
    assert "the certificate could not be read again: " in caplog.text


async def test_an_open_channel_takes_up_a_renewed_certificate(certs: Path, heard: Heard) -> None:
    """A process calls for months, and its first certificate ends after weeks."""
    own = tls_of(certs, "gateway")
    async with (
        served(heard, tls_of(certs, "customers")) as running,
        open_channel(f"localhost:{running.port}", FILES, tls=own) as channel,
    ):
        stub = team_pb2_grpc.TeamServiceStub(channel)
        await call(stub.BatchGetTeams, REQUEST, timeout=10)
        for path in ("tls.key", "tls.crt"):
            os.replace(certs / "router" / path, certs / "gateway" / path)
        await call(stub.BatchGetTeams, REQUEST, timeout=10)
        own.cert.unlink()
        await call(stub.BatchGetTeams, REQUEST, timeout=10)
    assert heard.peers == ["gateway", "router", "router"]


async def test_a_stream_goes_on_while_a_certificate_is_renewed(certs: Path, heard: Heard) -> None:
    async with (
        served(heard, tls_of(certs, "customers")) as running,
        open_channel(f"localhost:{running.port}", FILES, tls=tls_of(certs, "gateway")) as channel,
    ):
        stub: Any = health_pb2_grpc.HealthStub(channel)
        watch = stub.Watch(health_pb2.HealthCheckRequest(service="a test"), timeout=30)
        await watch.read()
        os.utime(certs / "gateway" / "tls.crt", (1, 1))
        await ask(channel)
        await running.health.set("a test", health_pb2.HealthCheckResponse.SERVING)
        assert (await watch.read()).status == health_pb2.HealthCheckResponse.SERVING
        watch.cancel()


@pytest.mark.parametrize("kind", ["unary_unary", "unary_stream", "stream_unary", "stream_stream"])
async def test_a_call_without_a_token_says_on_whose_account_it_is(kind: str) -> None:
    said: list[tuple[str | None, str | None]] = []

    def note(context: Any) -> None:
        metadata = dict(context.invocation_metadata())
        said.append((metadata.get(PROCESS_METADATA), metadata.get("authorization")))

    async def once(_request: Any, context: Any) -> bytes:
        note(context)
        return b""

    async def several(_request: Any, context: Any) -> AsyncIterator[bytes]:
        note(context)
        yield b""

    async def requests() -> AsyncIterator[bytes]:
        yield b""

    handler = getattr(grpc, f"{kind}_rpc_method_handler")(several if kind.endswith("stream") else once)
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("test", {"Ask": handler}),))
    port = server.add_insecure_port("localhost:0")
    await server.start()
    async with open_channel(f"localhost:{port}", process="feedback") as channel:
        method = getattr(channel, kind)("/test/Ask")
        for token in (None, "somebody's"):
            answer = method(requests() if kind.startswith("stream") else b"", timeout=10, metadata=metadata_of(token))
            if kind.endswith("stream"):
                assert [each async for each in answer] == [b""]
            else:
                await answer
    await server.stop(None)
    assert said == [("feedback", None), (None, "Bearer somebody's")]


async def test_several_addresses_of_one_service_are_one_name(certs: Path, heard: Heard) -> None:
    own = tls_of(certs, "customers")
    async with served(heard, own) as first, served(heard, own) as second:
        address = f"ipv4:127.0.0.1:{first.port},127.0.0.1:{second.port}"
        async with open_channel(address, FILES, tls=tls_of(certs, "gateway")) as channel:
            await ask(channel)
    assert heard.peers == ["gateway"]


async def test_the_health_port_tells_health_to_everybody_and_nothing_else(certs: Path, heard: Heard) -> None:
    tls = tls_of(certs, "customers")
    async with (
        served(heard, tls, health_address="localhost:0") as running,
        grpc.aio.insecure_channel(f"localhost:{running.health_port}") as channel,
    ):
        stub: Any = health_pb2_grpc.HealthStub(channel)
        answer = await stub.Check(health_pb2.HealthCheckRequest(service="live"), timeout=10)
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
        await running.health.enter_graceful_shutdown()
        answer = await stub.Check(health_pb2.HealthCheckRequest(), timeout=10)
        assert answer.status == health_pb2.HealthCheckResponse.NOT_SERVING, "it is the health of the other port"
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await team_pb2_grpc.TeamServiceStub(channel).BatchGetTeams(REQUEST, timeout=10)
        assert error.value.code() is grpc.StatusCode.UNIMPLEMENTED
    assert heard.peers == []


def started(module: str, environment: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RUNDBLICK_")}
    return subprocess.run(
        [sys.executable, "-m", module],
        env={**kept, **environment},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("module", ["services.customers", "services.feedback", "services.metrics", "gateway"])
def test_production_without_tls_does_not_start_and_says_what_is_missing(module: str) -> None:
    ended = started(module, {"RUNDBLICK_ENV": "production", "RUNDBLICK_ISSUER": "https://issuer.example"})
    assert ended.returncode == 2
    [line] = [line for line in ended.stderr.splitlines() if "TLS" in line]
    assert line.endswith("RUNDBLICK_TLS_CERT, RUNDBLICK_TLS_KEY, RUNDBLICK_TLS_CA")
    assert "Traceback" not in ended.stderr


def test_a_part_of_the_files_is_refused_and_the_missing_ones_are_named(certs: Path) -> None:
    ended = started("services.metrics", {"RUNDBLICK_TLS_CERT": str(certs / "metrics" / "tls.crt")})
    assert ended.returncode == 2
    assert ended.stderr == "TLS needs three files, but these are not set: RUNDBLICK_TLS_KEY, RUNDBLICK_TLS_CA\n"


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ("cert", "{cert} and {key} are no certificate in PEM with its key"),
        ("key", "{cert} and {key} are no certificate in PEM with its key"),
        ("ca", "{ca} holds no certificates in PEM"),
    ],
)
def test_files_that_are_none_of_their_kind_are_named_at_the_start(certs: Path, broken: str, said: str) -> None:
    tls = tls_of(certs, "metrics")
    getattr(tls, broken).write_text("nothing of the kind")
    ended = started("services.metrics", tls_variables(tls))
    assert ended.returncode == 2
    assert ended.stderr == said.format(cert=tls.cert, key=tls.key, ca=tls.ca) + "\n"


def test_the_key_of_another_certificate_is_refused_at_the_start(certs: Path) -> None:
    own, other = tls_of(certs, "metrics"), tls_of(certs, "gateway")
    ended = started("services.metrics", tls_variables(Tls(own.cert, other.key, own.ca)))
    assert ended.returncode == 2
    assert ended.stderr == f"{own.cert} and {other.key} are no certificate in PEM with its key\n"


def test_a_file_that_is_not_there_is_named(certs: Path) -> None:
    tls = tls_of(certs, "metrics")
    ended = started("services.metrics", tls_variables(Tls(tls.cert, tls.key, certs / "nothing")))
    assert ended.returncode == 2
    assert ended.stderr == f"{certs / 'nothing'} is no file\n"
