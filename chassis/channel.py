"""Long-lived channels: opened after fork, balanced over all replicas, reads retried, certificates renewed."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from functools import partialmethod
from typing import Any

import grpc
from google.protobuf.descriptor import FileDescriptor

from chassis import telemetry
from chassis.tls import PROCESS_METADATA, Tls

log = logging.getLogger(__name__)

_READS = ("BatchGet", "BatchList", "Get", "List", "Find")
_MAX_MESSAGE = 16 * 1024 * 1024

KEEPALIVE_MS = 30_000
# Longer than any call may take: an import, a subscription, a recomputation.
_LONGEST_CALL_SECONDS = 86_400.0


def _service_config(files: Iterable[FileDescriptor]) -> str:
    """round_robin for all; retries only for what changes nothing, so that no write is sent twice."""
    reads = [
        {"service": service.full_name, "method": method.name}
        for file in files
        for service in file.services_by_name.values()
        for method in service.methods
        if method.name.startswith(_READS)
    ]
    config: dict[str, Any] = {
        "loadBalancingConfig": [{"round_robin": {}}],
        "retryThrottling": {"maxTokens": 100, "tokenRatio": 0.1},
    }
    if reads:
        retry = {
            "maxAttempts": 3,
            "initialBackoff": "0.05s",
            "maxBackoff": "0.5s",
            "backoffMultiplier": 2,
            "retryableStatusCodes": ["UNAVAILABLE"],
        }
        config["methodConfig"] = [{"name": reads, "retryPolicy": retry}]
    return json.dumps(config)


class ProcessChannel(grpc.aio.Channel):
    """Calls on the process's own account, those without a token, say whose they are; renewed files are taken up.

    gRPC's own channels keep for ever the certificate they were opened with. Here each call begins on a channel with the
    certificate of that moment; calls that run go on where they are.
    """

    def __init__(self, opened: Callable[[Tls | None], grpc.aio.Channel], tls: Tls | None, process: str | None) -> None:
        self._opened = opened
        self._tls = tls
        self._own_account = () if process is None else ((PROCESS_METADATA, process),)
        self._stamp = tls.stamp() if tls is not None else ()
        self._channel = opened(tls)
        self._leaving: list[asyncio.Task[None]] = []

    def _present(self) -> grpc.aio.Channel:
        if self._tls is not None:
            try:
                stamp = self._tls.stamp()
                if stamp != self._stamp:
                    renewed = self._opened(self._tls)
                    self._leaving.append(asyncio.create_task(self._channel.close(_LONGEST_CALL_SECONDS)))
                    self._channel, self._stamp = renewed, stamp
            except OSError as error:
                log.warning("the certificate could not be read again: %s", error)
        return self._channel

    def _method(self, kind: str, *args: Any, **kwargs: Any) -> Any:
        def begin(*request: Any, metadata: Any = None, **options: Any) -> Any:
            pairs = tuple(metadata or ())
            if not any(name == "authorization" for name, _ in pairs):
                pairs += self._own_account
            return getattr(self._present(), kind)(*args, **kwargs)(*request, metadata=pairs, **options)

        return begin

    unary_unary = partialmethod(_method, "unary_unary")
    unary_stream = partialmethod(_method, "unary_stream")
    stream_unary = partialmethod(_method, "stream_unary")
    stream_stream = partialmethod(_method, "stream_stream")

    async def __aenter__(self) -> "ProcessChannel":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self, grace: float | None = None) -> None:
        for task in self._leaving:
            task.cancel()
        await asyncio.gather(*self._leaving, return_exceptions=True)
        await self._channel.close(grace)

    def get_state(self, try_to_connect: bool = False) -> grpc.ChannelConnectivity:
        return self._channel.get_state(try_to_connect)

    async def wait_for_state_change(self, last_observed_state: grpc.ChannelConnectivity) -> None:
        await self._channel.wait_for_state_change(last_observed_state)

    async def channel_ready(self) -> None:
        await self._channel.channel_ready()


@asynccontextmanager
async def open_channel(
    address: str,
    files: Sequence[FileDescriptor] = (),
    *,
    tls: Tls | None = None,
    process: str | None = None,
    keepalive_ms: int = KEEPALIVE_MS,
) -> AsyncIterator[grpc.aio.Channel]:
    """address: host:port, or a gRPC target such as dns:///customers:50051. files: the protos that are called.

    tls: None: without TLS. process: who calls when no token says it; None: nobody.
    """
    options: list[tuple[str, str | int]] = [
        ("grpc.service_config", _service_config(files)),
        ("grpc.enable_retries", 1),
        ("grpc.keepalive_time_ms", keepalive_ms),
        # Also of a stream that says nothing for long: as often as the server forgives, see server.py.
        ("grpc.http2.max_pings_without_data", 0),
        ("grpc.max_receive_message_length", _MAX_MESSAGE),
        ("grpc.max_send_message_length", _MAX_MESSAGE),
        # A replica that comes back is found within a second, not after gRPC's two minutes.
        ("grpc.max_reconnect_backoff_ms", 1000),
        ("grpc.initial_reconnect_backoff_ms", 100),
        # A channel is never shared with another one to the same target: each closes alone.
        ("grpc.use_local_subchannel_pool", 1),
    ]
    if tls is not None and address.startswith(("ipv4:", "ipv6:")):
        # A list of addresses is no name that a certificate could carry: all must prove to be the first.
        options.append(("grpc.default_authority", address.partition(":")[2].split(",")[0]))

    def opened(tls: Tls | None) -> grpc.aio.Channel:
        interceptors = telemetry.client_interceptors()
        if tls is None:
            return grpc.aio.insecure_channel(address, options=options, interceptors=interceptors)
        return grpc.aio.secure_channel(address, tls.channel_credentials(), options=options, interceptors=interceptors)

    channel = opened(None) if tls is None and process is None else ProcessChannel(opened, tls, process)
    try:
        yield channel
    finally:
        await channel.close()
