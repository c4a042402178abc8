"""A gRPC server that tells the truth about its health and ends gracefully."""

import asyncio
import logging
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from chassis import telemetry
from chassis.channel import KEEPALIVE_MS
from chassis.interceptors import Guard
from chassis.rights import Rights
from chassis.settings import ServiceSettings
from chassis.tls import Tls
from chassis.tokens import Authenticator

log = logging.getLogger(__name__)

# A health of its own: SERVING as long as the process answers, whatever it stands on. Who restarts processes asks this.
LIVE = "live"

Register = Callable[[grpc.aio.Server], object]
Ready = Callable[[], Awaitable[bool]]


def _options(keepalive_ms: int) -> list[tuple[str, int]]:
    return [
        ("grpc.max_receive_message_length", 16 * 1024 * 1024),
        ("grpc.max_send_message_length", 16 * 1024 * 1024),
        # Clients ask so often whether a connection still lives; who asks more than twice too early is thrown out.
        ("grpc.http2.min_ping_interval_without_data_ms", keepalive_ms // 2),
        ("grpc.keepalive_permit_without_calls", 1),
        # Clients look up DNS again only when a connection ends: so that new replicas get their share. Without a time of
        # grace: a stream that lasts longer, a subscription or a recomputation, goes on where it is.
        ("grpc.max_connection_age_ms", 300_000),
        ("grpc.so_reuseport", 0),
    ]


@dataclass(frozen=True, slots=True)
class Running:
    """health_port: where health alone is told, without TLS; None: nowhere."""

    port: int
    health: health.aio.HealthServicer
    health_port: int | None = None


async def _always() -> bool:
    return True


async def _watch(servicer: health.aio.HealthServicer, names: list[str], ready: Ready) -> None:
    """Report SERVING only while `ready` says so, asked every second."""
    said: bool | None = None
    while True:
        try:
            now = await ready()
        except Exception as error:  # noqa: BLE001  # whatever it is, we are not ready
            log.debug("not ready: %s", type(error).__name__)
            now = False
        if now != said:
            status = health_pb2.HealthCheckResponse.SERVING if now else health_pb2.HealthCheckResponse.NOT_SERVING
            for name in names:
                await servicer.set(name, status)
            said = now
        await asyncio.sleep(1)


@asynccontextmanager
async def running_server(
    address: str,
    register: Register,
    *,
    authenticator: Authenticator | None = None,
    rights: Rights | None = None,
    services: tuple[str, ...] = (),
    ready: Ready = _always,
    grace: float = 5.0,
    keepalive_ms: int = KEEPALIVE_MS,
    tls: Tls | None = None,
    health_address: str | None = None,
) -> AsyncIterator[Running]:
    """Serve until the block is left. `services`: full names for reflection and health. Port 0 takes a free one.

    rights: who may call what; None, for servers without a table: everybody who is known.

    keepalive_ms: how often a client may look whether a quiet connection still lives.

    tls: nobody is let in without a certificate; None: without TLS. health_address: where health alone is told, without
    TLS, for probes that have no certificate.
    """
    guard = Guard(authenticator or Authenticator(rights), rights)
    server = grpc.aio.server(interceptors=(*telemetry.server_interceptors(), guard), options=_options(keepalive_ms))
    register(server)
    servicer = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    reflection.enable_server_reflection((*services, health.SERVICE_NAME, reflection.SERVICE_NAME), server)
    if tls is None:
        port = server.add_insecure_port(address)
    else:
        port = server.add_secure_port(address, tls.server_credentials())
    names = ["", *services]
    for name in names:
        await servicer.set(name, health_pb2.HealthCheckResponse.NOT_SERVING)
    await servicer.set(LIVE, health_pb2.HealthCheckResponse.SERVING)
    await server.start()
    watcher = asyncio.create_task(_watch(servicer, names, ready))
    try:
        async with _probed(health_address, servicer) as health_port:
            yield Running(port, servicer, health_port)
    finally:
        watcher.cancel()
        await asyncio.gather(watcher, return_exceptions=True)
        await servicer.enter_graceful_shutdown()
        await server.stop(grace)


@asynccontextmanager
async def _probed(address: str | None, servicer: health.aio.HealthServicer) -> AsyncIterator[int | None]:
    """A server of health alone; the port it took."""
    if address is None:
        yield None
        return
    server = grpc.aio.server(options=_options(KEEPALIVE_MS))
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    port = server.add_insecure_port(address)
    await server.start()
    try:
        yield port
    finally:
        await server.stop(None)


async def until_stopped() -> None:
    """Return at SIGTERM or SIGINT."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    await stopped.wait()


async def serve(
    settings: ServiceSettings,
    register: Register,
    *,
    authenticator: Authenticator,
    rights: Rights,
    services: tuple[str, ...],
    ready: Ready,
) -> None:
    """Serve until SIGTERM: then NOT_SERVING at once, `drain_seconds` of going on, and running calls may end."""
    async with running_server(
        settings.listen_address,
        register,
        authenticator=authenticator,
        rights=rights,
        services=services,
        ready=ready,
        grace=settings.grace_seconds,
        tls=settings.tls,
        health_address=settings.health_address,
    ) as running:
        log.info("listening on port %s", running.port)
        await until_stopped()
        await running.health.enter_graceful_shutdown()
        await asyncio.sleep(settings.drain_seconds)
