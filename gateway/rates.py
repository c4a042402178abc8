"""How much each client may ask for within a minute: operations, and the root mutations in them one by one.

The windows slide, by the library `limits`: kept in this process, or in Redis for all replicas together.
"""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass

from limits import RateLimitItem, RateLimitItemPerMinute
from limits.aio.storage import Storage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from limits.errors import StorageError
from limits.storage import storage_from_string

from gateway.errors import RequestError

IN_PROCESS = "async+memory://"


@dataclass(frozen=True, slots=True)
class Allowance:
    """What is left of one limit. reset_seconds: until all of it is there again."""

    limit: int
    remaining: int
    reset_seconds: int

    @property
    def headers(self) -> Mapping[str, str]:
        return {
            "ratelimit-limit": str(self.limit),
            "ratelimit-remaining": str(self.remaining),
            "ratelimit-reset": str(self.reset_seconds),
        }


class Rates:
    """operations, mutations: of one client in a minute; 0: as many as it likes."""

    def __init__(self, operations: int, mutations: int, storage_uri: str = IN_PROCESS) -> None:
        options = {} if storage_uri == IN_PROCESS else {"implementation": "redispy"}
        storage = storage_from_string(storage_uri, wrap_exceptions=True, **options)
        assert isinstance(storage, Storage)  # noqa: S101  # the settings say async
        self._windows = SlidingWindowCounterRateLimiter(storage)
        self._limits: dict[str, RateLimitItem] = {
            name: RateLimitItemPerMinute(most, namespace="rundblick")
            for name, most in (("operations", operations), ("mutations", mutations))
            if most
        }

    async def take(self, client: str, *, mutations: int) -> None:
        """One operation with so many root mutations. RequestError: that is too much for this minute."""
        for name, cost in (("operations", 1), ("mutations", mutations)):
            limit = self._limits.get(name)
            if limit is None or not cost:
                continue
            try:
                taken = await self._windows.hit(limit, client, name, cost=cost)
            except StorageError:
                continue  # better served without a limit than not at all
            if not taken:
                left = (await self.left(client))[name]
                raise RequestError(
                    "RATE_LIMITED",
                    f"more than {left.limit} {name} in a minute; try again in {left.reset_seconds} s",
                    429,
                    headers={**left.headers, "retry-after": str(left.reset_seconds)},
                )

    async def left(self, client: str) -> dict[str, Allowance]:
        """By operations and mutations; without those that have no limit."""
        found = {}
        for name, limit in self._limits.items():
            try:
                stats = await self._windows.get_window_stats(limit, client, name)
            except StorageError:
                continue
            seconds = max(math.ceil(stats.reset_time - time.time()), 1)
            found[name] = Allowance(limit.amount, max(stats.remaining, 0), seconds)
        return found
