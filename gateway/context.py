"""What belongs to one operation: who calls, until when, and what was loaded for it."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from chassis.caller import Caller
from chassis.calls import call, stream
from chassis.errors import DomainError
from gateway.breaker import Breaker
from gateway.errors import ServiceError
from gateway.rates import Rates


@dataclass
class Context:
    """Fresh for each operation: nothing that was loaded outlives it.

    language: of sentences for people. loaders: by subgraph. nodes: how an object is found by the prefix of its id.
    calls: the RPCs made so far. breakers: by service. client: whose rates
    count. until: of a subscription, when it ends at the latest. renewed: makes the loaders anew.
    cursor: the place a subscription has reached, when it has such; alive: tells the client of it where nothing happens.
    """

    caller: Caller
    token: str | None
    request_id: str
    deadline: float
    call_seconds: float = 5.0
    language: str = "en"
    loaders: dict[str, Any] = field(default_factory=dict)
    nodes: Mapping[str, Callable[[Any, str], Awaitable[Any]]] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    breakers: Mapping[str, Breaker] = field(default_factory=dict)
    client: str = ""
    rates: Rates | None = None
    until: float | None = None
    renewed: Callable[[], None] | None = None
    cursor: str | None = None
    alive: Callable[[str], Awaitable[None]] | None = None

    async def call(self, service: str, name: str, method: Any, request: Any) -> Any:
        """Call a service within the time that is left. ServiceError: what it said, and which one it was."""
        self.calls.append(f"{service}.{name}")
        timeout = min(self.call_seconds, self.deadline - time.monotonic())
        breaker = self.breakers.get(service)
        try:
            if breaker is None:
                return await call(method, request, timeout=timeout, token=self.token)
            with breaker.guarding():
                return await call(method, request, timeout=timeout, token=self.token)
        except DomainError as error:
            raise ServiceError(service, error) from error

    async def stream(self, service: str, name: str, method: Any, request: Any) -> AsyncIterator[Any]:
        """What a service tells for as long as the subscription lasts; each item is an operation of its own."""
        self.calls.append(f"{service}.{name}")
        timeout = (self.until or self.deadline) - time.monotonic()
        try:
            async for item in stream(method, request, timeout=timeout, token=self.token):
                if self.renewed is not None:
                    self.renewed()
                yield item
        except DomainError as error:
            raise ServiceError(service, error) from error
