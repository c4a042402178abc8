"""A second HTTP server in one process, which tells its application whose certificate a connection has."""

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from chassis.tls import Tls

log = logging.getLogger(__name__)

# In the scope's state: the URIs of the client's certificate; empty without one.
CERTIFIED = "certified"


@asynccontextmanager
async def listening(
    app: ASGIApp, host: str, port: int, *, tls: Tls | None, everybody_certified: bool, grace_seconds: float
) -> AsyncIterator[int]:
    """Serve until the block is left, and say on which port: 0 takes a free one.

    everybody_certified: with TLS, there is no connection without a certificate of our authority.
    """
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        http=_Certified,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=int(grace_seconds),
        ssl_context_factory=None if tls is None else lambda *_: _renewed_context(tls, everybody_certified),
    )
    # A signal ends this server first, which then hands it on to the one before.
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:
        if serving.done():
            await serving  # raises why it does not start
        await asyncio.sleep(0.01)
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        await serving


class _Certified(HttpToolsProtocol):
    """The TLS layer has checked who signed the certificate."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as it is there
        super().connection_made(transport)
        certificate = transport.get_extra_info("peercert") or {}
        uris = [value for kind, value in certificate.get("subjectAltName", ()) if kind == "URI"]
        self.app_state = {**self.app_state, CERTIFIED: uris}


def _context(tls: Tls, everybody_certified: bool) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(tls.ca))
    context.load_cert_chain(tls.cert, tls.key)
    context.verify_mode = ssl.CERT_REQUIRED if everybody_certified else ssl.CERT_OPTIONAL
    return context


def _renewed_context(tls: Tls, everybody_certified: bool) -> ssl.SSLContext:
    """Files may be replaced at any time: each new connection is shown those of its moment."""
    first = current = _context(tls, everybody_certified)
    shown = tls.stamp()

    def renew(connection: Any, _name: object, _first: object) -> None:
        nonlocal current, shown
        try:
            if (stamp := tls.stamp()) != shown:
                current, shown = _context(tls, everybody_certified), stamp
        except OSError as error:
            log.warning("the certificate could not be read again: %s", error)
        connection.context = current

    # Asked at the beginning of every handshake.
    first.sni_callback = renew
    return first
