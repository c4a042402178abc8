"""How far those have come who tell this process what they recorded: reported by their relays, kept over restarts."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

import grpc
from rundblick.shared.v1 import delivery_pb2 as pb
from rundblick.shared.v1 import delivery_pb2_grpc

from chassis.caller import current_caller
from chassis.calls import call
from chassis.mongo import Database
from chassis.outbox import Backlog
from chassis.relay import Report
from chassis.times import from_timestamp, to_timestamp

log = logging.getLogger(__name__)

_TIMEOUT = 5.0
_LOOK = 0.25
# So many looks are remembered: figures that are further behind are as old as the oldest of them.
_REMEMBERED = 2_000


def reporting(channel: grpc.aio.Channel) -> Report:
    """Tells the process behind the channel how far this one has come."""
    stub = delivery_pb2_grpc.DeliveryServiceStub(channel)

    async def report(backlog: Backlog) -> None:
        request = pb.ReportDeliveryRequest(
            delivered_until=to_timestamp(backlog.delivered_until), complete_until=to_timestamp(backlog.complete_until)
        )
        await call(stub.ReportDelivery, request, timeout=_TIMEOUT)

    return report


class Deliveries:
    """What was reported, by producer."""

    def __init__(self, database: Database) -> None:
        self._producers = database["producers"]

    async def note(self, producer: str, delivered: datetime, complete: datetime) -> None:
        await self._producers.update_one(
            {"_id": producer}, {"$max": {"delivered": delivered, "complete": complete}}, upsert=True
        )

    async def delivered(self) -> datetime | None:
        """Until when all of them have delivered; None: nobody ever reported."""
        moments = [document["delivered"] async for document in self._producers.find()]
        return min(moments, default=None)

    async def complete(self) -> dict[str, datetime]:
        """Producer -> what it recorded before will never come again."""
        return {document["_id"]: document["complete"] async for document in self._producers.find()}


class DeliveryServicer(delivery_pb2_grpc.DeliveryServiceServicer):
    """Answers DeliveryService calls."""

    def __init__(self, deliveries: Deliveries) -> None:
        self._deliveries = deliveries

    async def ReportDelivery(self, request: pb.ReportDeliveryRequest, context: Any) -> pb.ReportDeliveryResponse:
        caller = current_caller()
        await self._deliveries.note(
            caller.subject,
            from_timestamp(request.delivered_until, ("delivered_until",)),
            from_timestamp(request.complete_until, ("complete_until",)),
        )
        return pb.ReportDeliveryResponse()


class Freshness:
    """Everything acknowledged anywhere before `until` is seen here; looked up beside the requests, so none pays for it.

    own: what of what came in is not seen yet, as the moment before which everything is; None: nothing is held back.
    """

    def __init__(
        self,
        deliveries: Deliveries,
        now: Callable[[], datetime],
        own: Callable[[], Awaitable[datetime | None]] | None = None,
    ) -> None:
        self._deliveries = deliveries
        self._now = now
        self._own = own
        # (looked at, delivered until): what had been delivered when.
        self._looks: deque[tuple[datetime, datetime]] = deque(maxlen=_REMEMBERED)
        self.until: datetime | None = None

    async def look(self) -> None:
        at = self._now()
        delivered = await self._deliveries.delivered()
        self._looks.append((at, at if delivered is None else min(delivered, at)))
        seen = (await self._own() if self._own is not None else None) or at
        # What had been delivered when everything seen by now had come in.
        while len(self._looks) > 1 and self._looks[1][0] <= seen:
            self._looks.popleft()
        first_look, until = self._looks[0]
        self.until = until if first_look <= seen else min(until, seen)

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
