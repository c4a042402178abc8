"""Long-lived channels: opened after fork, balanced over all replicas, reads retried."""

import json
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import grpc
from google.protobuf.descriptor import FileDescriptor

from chassis import telemetry

_READS = ("BatchGet", "BatchList", "Get", "List", "Find")
_MAX_MESSAGE = 16 * 1024 * 1024

KEEPALIVE_MS = 30_000


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


@asynccontextmanager
async def open_channel(
    address: str, files: Sequence[FileDescriptor] = (), *, keepalive_ms: int = KEEPALIVE_MS
) -> AsyncIterator[grpc.aio.Channel]:
    """address: host:port, or a gRPC target such as dns:///customers:50051. files: the protos that are called."""
    options = [
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
    channel = grpc.aio.insecure_channel(address, options=options, interceptors=telemetry.client_interceptors())
    try:
        yield channel
    finally:
        await channel.close()
