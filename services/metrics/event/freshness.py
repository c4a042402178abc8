"""How far behind the figures are: everything received until then is counted."""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime

from chassis.caller import service_caller
from services.metrics.event.repository import MongoEventRepository

log = logging.getLogger(__name__)

_LOOK = 0.25


class Freshness:
    """Looked up in the background, so that no request pays for it: never too late, at most a moment too early."""

    def __init__(self, events: MongoEventRepository, now: Callable[[], datetime]) -> None:
        self._events = events
        self._now = now
        self._caller = service_caller("metrics")
        self.until = now()

    async def look(self) -> None:
        before = self._now()
        waiting_since = await self._events.oldest_unfolded(self._caller)
        self.until = before if waiting_since is None else min(waiting_since, before)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self.look()
            except asyncio.CancelledError:
                raise
            except Exception as error:  # noqa: BLE001  # it looks again
                log.debug("freshness: %s", type(error).__name__)
            await asyncio.sleep(_LOOK)
