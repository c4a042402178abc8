"""Tells those who watch that something may have changed: one look for all of them, however many there are."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable

log = logging.getLogger(__name__)


class Changes:
    """position: grows with all that may be watched. While nobody watches, nobody looks. look: every so many seconds."""

    def __init__(self, position: Callable[[], Awaitable[object]], *, look: float = 0.5) -> None:
        self._position = position
        self._look = look
        self._watching = 0
        self._seen: object = None
        self._changed = asyncio.Event()
        self._wanted = asyncio.Event()
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Look now: this process itself changed something."""
        self._woken.set()

    async def each(self, longest: float | None = None) -> AsyncGenerator[None]:
        """Now, and after each change; several at once are one. longest: also after so many seconds without any."""
        self._watching += 1
        self._wanted.set()
        try:
            while True:
                changed = self._changed
                yield
                try:
                    async with asyncio.timeout(longest):
                        await changed.wait()
                except TimeoutError:
                    continue
        finally:
            self._watching -= 1
            if not self._watching:
                self._wanted.clear()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._wanted.wait()
            self._woken.clear()
            try:
                position = await self._position()
                if position != self._seen:
                    self._seen = position
                    self._changed, before = asyncio.Event(), self._changed
                    before.set()
            except Exception as error:  # noqa: BLE001  # it looks again
                log.debug("changes: %s", type(error).__name__)
            try:
                async with asyncio.timeout(self._look):
                    await self._woken.wait()
            except TimeoutError:
                continue
