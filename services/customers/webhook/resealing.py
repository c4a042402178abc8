"""Seals what is not sealed with today's key: what was kept before there was one, and what an older key sealed."""

import asyncio
import logging

from chassis.caller import service_caller
from chassis.ids import new_id
from chassis.leading import lead
from chassis.lease import Lease
from chassis.mongo import Database
from services.customers.webhook.repository import MongoEndpointRepository
from services.customers.webhook.sealing import Sealing, Unsealable

log = logging.getLogger(__name__)

_AT_ONCE = 100
_LOOK_SECONDS = 3600.0


class Resealing:
    """Walks once through all endpoints, and again every hour: another replica may have had the older key."""

    def __init__(self, database: Database, endpoints: MongoEndpointRepository, sealing: Sealing) -> None:
        self._endpoints = endpoints
        self._sealing = sealing
        self._caller = service_caller("customers")
        self._lease = Lease(database, "resealing", new_id("out"))
        self._after = ""

    async def step(self) -> bool:
        """The next endpoints; False: there are no more."""
        kept = await self._endpoints.secrets(self._caller, self._after, _AT_ONCE)
        for id, before in kept.items():
            try:
                after = self._sealing.anew(before)
            except Unsealable:
                log.error("webhooks: the secret of %s is sealed with a key that RUNDBLICK_SECRET_KEY does not hold", id)
                continue
            if after is not None:
                await self._endpoints.seal(self._caller, id, before, after)
        self._after = max(kept) if len(kept) == _AT_ONCE else ""
        return bool(self._after)

    async def run(self) -> None:
        await lead(self._lease, self.step, asyncio.Event(), what="resealing", look_seconds=_LOOK_SECONDS)
