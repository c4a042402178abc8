"""Calls the services of a running system, as operators do."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import grpc
from google.protobuf.message import Message

from chassis.calls import call, stream
from chassis.errors import DomainError
from cli.importing import service_address
from cli.options import operator_channel

T = TypeVar("T")

_TIMEOUT = 60.0
_STREAM_TIMEOUT = 3600.0
_READY_SECONDS = 2.0


class OperationFault(Exception):
    """Why there is no answer, in one line."""


class Service:
    """One service behind a running system's endpoint, or at an address of its own."""

    def __init__(self, channel: grpc.aio.Channel, token: str | None) -> None:
        self._channel = channel
        self._token = token

    async def ask(self, stub: Callable[[grpc.aio.Channel], Any], request: Any) -> Any:
        """The answer of the method that is named like the request. DomainError."""
        method = getattr(stub(self._channel), type(request).__name__.removesuffix("Request"))
        return await call(method, request, timeout=_TIMEOUT, token=self._token)

    async def stream(
        self, stub: Callable[[grpc.aio.Channel], Any], name: str, requests: AsyncIterator[Any] | Message
    ) -> AsyncIterator[Any]:
        method = getattr(stub(self._channel), name)
        async for answer in stream(method, requests, timeout=_STREAM_TIMEOUT, token=self._token):
            yield answer


@asynccontextmanager
async def connected(address: str, token: str | None) -> AsyncIterator[Service]:
    async with operator_channel(address) as channel:
        yield Service(channel, token)


def addresses_of(endpoint: str, names: tuple[str, ...], token: str | None) -> dict[str, str]:
    return {name: service_address(endpoint, name, token) for name in names}


async def answers(address: str) -> bool:
    """Does anybody take calls there?"""
    async with operator_channel(address) as channel:
        try:
            async with asyncio.timeout(_READY_SECONDS):
                await channel.channel_ready()
        except TimeoutError:
            return False
        return True


def done(work: Coroutine[Any, Any, T]) -> T:
    """Run it to its end. OperationFault: what the service said."""
    try:
        return asyncio.run(work)
    except DomainError as error:
        raise OperationFault(error.message) from None
