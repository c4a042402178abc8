"""Tells endpoints what happened: claims what is due, posts it, and says what became of it.

Each notification is claimed for longer than telling it can take, so that no two replicas tell it at once. Who is killed
in between leaves it to be told again, under the same id: at least once.
"""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import httpx
from pymongo.errors import PyMongoError

from chassis.caller import service_caller
from chassis.errors import DomainError
from services.customers.delivery.carriers import Away
from services.customers.webhook.carrying import Carrying
from services.customers.webhook.domain import Endpoint
from services.customers.webhook.notification import Notification
from services.customers.webhook.repository import MongoEndpointRepository, MongoNotificationRepository

log = logging.getLogger(__name__)

_TELLING = timedelta(minutes=1)
CLAIM = timedelta(minutes=2)
# So long nobody knocks at an endpoint that cannot be reached.
PAUSE = timedelta(seconds=30)
_LOOK = 1.0
_CALLER = service_caller("customers")


class Telling:
    """waker: set when there may be something to tell."""

    def __init__(
        self,
        endpoints: MongoEndpointRepository,
        notifications: MongoNotificationRepository,
        carrying: Carrying,
        waker: asyncio.Event,
        now: Callable[[], datetime],
    ) -> None:
        self._endpoints = endpoints
        self._notifications = notifications
        self._carrying = carrying
        self._waker = waker
        self._now = now
        self._paused: dict[str, datetime] = {}

    async def run(self) -> None:
        """Until cancelled; several at once tell several at once."""
        while True:
            try:
                more = await self.tell_once()
            except asyncio.CancelledError:
                raise
            except (PyMongoError, DomainError) as error:
                log.warning("webhooks: %s", type(error).__name__)
                more = False
            if not more:
                await self._pause()

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(_LOOK):
                await self._waker.wait()
        except TimeoutError:
            return
        self._waker.clear()

    async def tell_once(self) -> bool:
        """One notification. False: none is due."""
        now = self._now()
        self._paused = {id: until for id, until in self._paused.items() if until > now}
        claimed = await self._notifications.claim(_CALLER, now, now + CLAIM, self._paused)
        if claimed is None:
            return False
        endpoint = (await self._endpoints.of_ids(_CALLER, [claimed.endpoint])).get(claimed.endpoint)
        after = await self._told(claimed, endpoint)
        await self._notifications.settle(_CALLER, claimed, after)
        return True

    async def _told(self, claimed: Notification, endpoint: Endpoint | None) -> Notification:
        if endpoint is None or endpoint.archived_at is not None:
            return claimed.failed("the endpoint is archived")
        try:
            async with asyncio.timeout(_TELLING.total_seconds()):
                status = await self._carrying.post(endpoint, claimed.id, body(claimed))
        except (Away, httpx.HTTPError, OSError) as error:
            self._paused[endpoint.id] = self._now() + PAUSE
            return self._postponed(claimed, str(error) if isinstance(error, Away) else type(error).__name__)
        if httpx.codes.is_success(status):
            return claimed.sent(self._now())
        if status == httpx.codes.GONE:
            await self._carrying.archive(endpoint)
            return claimed.failed("the endpoint is gone")
        return self._postponed(claimed, f"HTTP {status}")

    def _postponed(self, claimed: Notification, why: str) -> Notification:
        after = claimed.postponed(why, self._now())
        if after.state is not claimed.state:
            log.error("webhooks: %s for %s is given up: %s", claimed.id, claimed.endpoint, why)
        return after


def body(notification: Notification) -> dict[str, Any]:
    """Thin: whoever is told asks for the rest with rights of their own."""
    happening = notification.happening
    said = {
        "id": happening.subject,
        "sequence": notification.sequence,
        "customer": happening.customer,
        "version": happening.version,
        "formers": list(happening.formers),
    }
    return {
        "type": happening.event.value,
        "timestamp": happening.at.isoformat(),
        "data": {name: value for name, value in said.items() if value not in (None, [])},
    }
