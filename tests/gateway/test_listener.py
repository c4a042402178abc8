"""The listener of the subgraphs: to whom it answers anything at all."""

import os
import signal
import ssl
import subprocess
import sys
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr, ValidationError

from cli.certs import renew, tls_of
from cli.system import free_port
from gateway.listener import listening
from gateway.settings import GatewaySettings
from gateway.subgraphs import subgraphs_app

ROUTER_SECRET = "a secret of the router and the gateway"
SDL = "{ _service { sdl } }"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"router-secret": ""},
        {"router-secret": ROUTER_SECRET[:-1]},
        {"router-secret": ROUTER_SECRET.upper()},
        {"router-secret": "ä"},
        {"authorization": f"Bearer {ROUTER_SECRET}"},
    ],
)
async def test_who_does_not_prove_to_be_the_router_gets_nothing(headers: dict[str, str]) -> None:
    async with AsyncExitStack() as stack:
        client = await served(stack, {}, ROUTER_SECRET)
        encoded = [(name.encode(), value.encode()) for name, value in headers.items()]
        # What is no request at all, and a path that does not exist, tell nothing either.
        for path, body in (("/subgraphs/customers", b"{"), ("/subgraphs/none", b""), ("/graphql", b"")):
            response = await client.post(path, content=body, headers=encoded)
            assert response.status_code == 401, path
            assert response.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
            assert response.json()["errors"][0]["extensions"]["requestId"] == response.headers["x-request-id"]
        assert (await client.post("/", headers={"router-secret": ROUTER_SECRET})).status_code == 404


async def test_without_a_secret_and_without_tls_nobody_is_the_router() -> None:
    async with AsyncExitStack() as stack:
        client = await served(stack, {}, None)
        for secret in ("", "None"):
            assert (await client.post("/", headers={"router-secret": secret})).status_code == 401


async def served(stack: AsyncExitStack, routes: dict[str, Any], secret: str | None) -> httpx.AsyncClient:
    serving = listening(
        subgraphs_app(routes, secret), "127.0.0.1", 0, tls=None, everybody_certified=False, grace_seconds=1
    )
    port = await stack.enter_async_context(serving)
    return await stack.enter_async_context(httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}"))


@pytest.mark.parametrize("secret", ["", "too short"])
def test_a_secret_that_can_be_guessed_is_refused_at_the_start(secret: str) -> None:
    with pytest.raises(ValidationError, match="router_secret"):
        GatewaySettings(subgraph_port=4001, router_secret=SecretStr(secret))


def test_a_listener_that_could_know_no_router_does_not_start() -> None:
    with pytest.raises(ValidationError, match=r"RUNDBLICK_SUBGRAPH_PORT needs .* RUNDBLICK_ROUTER_SECRET"):
        GatewaySettings(subgraph_port=4001)
    assert GatewaySettings().subgraph_port is None


def test_the_process_serves_both_doors_and_closes_both(tmp_path: Path) -> None:
    front, subgraphs = free_port(), free_port()
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("RUNDBLICK_")},
        "RUNDBLICK_HTTP_PORT": str(front),
        "RUNDBLICK_SUBGRAPH_PORT": str(subgraphs),
    }
    command = [sys.executable, "-m", "gateway"]
    refused = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert refused.returncode != 0
    assert "RUNDBLICK_ROUTER_SECRET" in refused.stderr
    with (tmp_path / "log").open("w") as log:
        secret = {"RUNDBLICK_ROUTER_SECRET": ROUTER_SECRET}
        process = subprocess.Popen(command, env=environment | secret, stderr=log)
    try:
        end = time.monotonic() + 60
        while not _answers(f"http://127.0.0.1:{front}/health/live"):
            assert process.poll() is None, (tmp_path / "log").read_text()
            assert time.monotonic() < end
        # Who is ready at the front door is ready behind it.
        headers = {"router-secret": ROUTER_SECRET}
        url = f"http://127.0.0.1:{subgraphs}/subgraphs/node"
        assert "_service" in httpx.post(url, json={"query": SDL}, headers=headers).json()["data"]
        process.terminate()
        assert process.wait(60) in (0, -signal.SIGTERM)
    finally:
        process.kill()
    assert "Traceback" not in (tmp_path / "log").read_text()


def _answers(url: str) -> bool:
    try:
        return httpx.get(url).is_success
    except httpx.TransportError:
        return False


@pytest.mark.parametrize("secret", [None, ROUTER_SECRET])
async def test_the_certificate_of_the_router_is_believed_and_no_others(tmp_path: Path, secret: str | None) -> None:
    renew(tmp_path, ("gateway", "router", "customers"))
    renew(tmp_path / "others", ("router",))
    ours = tls_of(tmp_path, "gateway")
    serving = listening(
        subgraphs_app({}, secret), "localhost", 0, tls=ours, everybody_certified=secret is None, grace_seconds=1
    )
    async with serving as port:

        async def asked(name: str | None, folder: Path = tmp_path, headers: Any = None) -> int:
            context = ssl.create_default_context(cafile=str(tmp_path / "ca.crt"))
            if name is not None:
                files = tls_of(folder, name)
                context.load_cert_chain(files.cert, files.key)
            async with httpx.AsyncClient(verify=context) as client:
                return (await client.post(f"https://localhost:{port}/", headers=headers)).status_code

        # Known, and nothing is at this path.
        assert await asked("router") == 404
        assert await asked("customers") == 401
        with pytest.raises(httpx.HTTPError):
            await asked("router", tmp_path / "others")
        if secret is None:
            with pytest.raises(httpx.HTTPError):
                await asked(None)
        else:
            assert await asked(None) == 401
            assert await asked(None, headers={"router-secret": secret}) == 404


async def test_a_certificate_that_is_replaced_is_shown_to_the_next_connection(tmp_path: Path) -> None:
    renew(tmp_path, ("gateway", "router"))
    ours = tls_of(tmp_path, "gateway")

    async def shown(port: int) -> bytes:
        files = tls_of(tmp_path, "router")
        context = ssl.create_default_context(cafile=str(tmp_path / "ca.crt"))
        context.load_cert_chain(files.cert, files.key)
        async with httpx.AsyncClient(verify=context) as client:
            response = await client.post(f"https://localhost:{port}/")
            assert response.status_code == 404
            certificate: bytes = response.extensions["network_stream"].get_extra_info("ssl_object").getpeercert(True)
            return certificate

    serving = listening(subgraphs_app({}, None), "localhost", 0, tls=ours, everybody_certified=True, grace_seconds=1)
    async with serving as port:
        before = await shown(port)
        assert await shown(port) == before
        ours.key.write_text("half of a key")
        assert await shown(port) == before
        for path in (ours.cert, ours.key):
            path.unlink()
        renew(tmp_path, ("gateway",))
        after = await shown(port)
        assert after != before
        assert after == ssl.PEM_cert_to_DER_cert(ours.cert.read_text())
