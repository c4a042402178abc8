"""The same question of the same caller at the same moment is answered once."""

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

T = TypeVar("T")


@dataclass
class _Shared(Generic[T]):
    task: asyncio.Task[T]
    waiting: int = 0


class InFlight(Generic[T]):
    def __init__(self) -> None:
        self._running: dict[Hashable, _Shared[T]] = {}

    async def share(self, key: Hashable, begin: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """What the one that runs for this key answers, or a new one. key: all on which the answer depends.

        Who leaves takes nobody along; the last who leaves ends it.
        """
        shared = self._running.get(key)
        if shared is None:
            shared = self._running[key] = _Shared(asyncio.create_task(begin()))
        shared.waiting += 1
        try:
            return await asyncio.shield(shared.task)
        finally:
            shared.waiting -= 1
            if not shared.waiting:
                if self._running.get(key) is shared:
                    del self._running[key]
                shared.task.cancel()
