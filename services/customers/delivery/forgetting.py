"""Forgets what deliveries said, some time after nothing more becomes of them; that they were sent stays."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

from chassis.caller import service_caller
from chassis.ids import new_id
from chassis.leading import lead
from chassis.lease import Lease
from chassis.mongo import Database
from services.customers.delivery.repository import MongoDeliveryRepository

_AT_ONCE = 500
_LOOK_SECONDS = 600.0


class Forgetting:
    """kept: how long texts stay."""

    def __init__(
        self, database: Database, deliveries: MongoDeliveryRepository, kept: timedelta, now: Callable[[], datetime]
    ) -> None:
        self._deliveries = deliveries
        self._kept = kept
        self._now = now
        self._caller = service_caller("customers")
        self._lease = Lease(database, "forgetting", new_id("out"))

    async def step(self) -> bool:
        """The texts of some; False: there are no more."""
        return await self._deliveries.forget(self._caller, self._now() - self._kept, _AT_ONCE) == _AT_ONCE

    async def run(self) -> None:
        await lead(self._lease, self.step, asyncio.Event(), what="forgetting texts", look_seconds=_LOOK_SECONDS)
