"""Tells those who watch that figures may have changed: one look for all of them, however many there are."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable

log = logging.getLogger(__name__)

_LOOK = 0.5


class Changes:
    """position: grows with everything that is counted, defined or alerted. While nobody watches, nobody looks."""

    def __init__(self, position: Callable[[], Awaitable[object]]) -> None:
        self._position = position
        self._watching = 0
        self._seen: object = None
        self._changed = asyncio.Event()
        self._wanted = asyncio.Event()

    async def each(self) -> AsyncIterator[None]:
        """Now, and after each change; several at once are one."""
        self._watching += 1
        self._wanted.set()
        try:
            while True:
                changed = self._changed
                yield
                await changed.wait()
        finally:
            self._watching -= 1
            if not self._watching:
                self._wanted.clear()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._wanted.wait()
            try:
                position = await self._position()
                if position != self._seen:
                    self._seen = position
                    self._changed, before = asyncio.Event(), self._changed
                    before.set()
            except Exception as error:  # noqa: BLE001  # it looks again
                log.debug("changes: %s", type(error).__name__)
            await asyncio.sleep(_LOOK)
