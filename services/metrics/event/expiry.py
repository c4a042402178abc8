"""Lets raw events go when they are old, counted, and known never to come again."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from chassis.caller import service_caller
from chassis.delivery import Deliveries
from chassis.lease import Lease
from chassis.mongo import Database, Session, in_transaction
from services.metrics.event.repository import MongoEventRepository

log = logging.getLogger(__name__)

# A transaction that began before may commit until then; clocks of two machines may differ by so much.
_MARGIN = timedelta(minutes=10)
_PAUSE = 60.0


class Expiry:
    """days: how long raw events are kept; corrections need none of them, back-fills of new definitions do.

    needed: is there such a back-fill at this moment? Then it waits.
    """

    def __init__(
        self,
        database: Database,
        events: MongoEventRepository,
        deliveries: Deliveries,
        *,
        days: int,
        holder: str,
        now: Callable[[], datetime],
        needed: Callable[[Session], Awaitable[bool]],
    ) -> None:
        self._database = database
        self._needed = needed
        self._events = events
        self._deliveries = deliveries
        self._kept = timedelta(days=days)
        self._now = now
        self._caller = service_caller("metrics")
        self._lease = Lease(database, "expiry", holder, seconds=30)

    async def expire_once(self) -> int:
        """How many were let go."""
        complete = await self._deliveries.complete()
        until = min([self._now() - self._kept, *(moment - _MARGIN for moment in complete.values())])

        async def know(session: Session) -> bool:
            if await self._needed(session):
                return False
            await self._events.know_before(self._caller, session, until)
            return True

        # First it is written down that what was recorded before is known, then it may be gone.
        if not await in_transaction(self._database, know):
            return 0
        return await self._events.let_go(self._caller, until)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                if await self._lease.hold():
                    async with self._lease.renewed():
                        gone = await self.expire_once()
                    if gone:
                        log.info("%s raw events older than %s were let go", gone, self._kept)
            except asyncio.CancelledError:
                raise
            except Exception as error:  # noqa: BLE001  # it looks again
                log.warning("expiry: %s", type(error).__name__)
            await asyncio.sleep(_PAUSE)
