"""What the metrics process is made of: one class, used by the process and by the tests."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime

import grpc
from rundblick.metrics.v1 import event_pb2, event_pb2_grpc, kpi_pb2, kpi_pb2_grpc, rollup_pb2, rollup_pb2_grpc
from rundblick.shared.v1 import alias_pb2, alias_pb2_grpc, delivery_pb2, delivery_pb2_grpc

from chassis import telemetry
from chassis.background import working
from chassis.caller import service_caller
from chassis.delivery import Deliveries, DeliveryServicer, Freshness
from chassis.ids import new_id
from chassis.mongo import Database, Readiness
from chassis.times import utc_now
from services.metrics.alias.servicer import AliasServicer
from services.metrics.event.expiry import Expiry
from services.metrics.event.intake import Intake
from services.metrics.event.repository import MongoEventRepository
from services.metrics.event.servicer import EventServicer
from services.metrics.kpi.domain import Catalogue
from services.metrics.kpi.reader import Reader
from services.metrics.kpi.servicer import KpiServicer
from services.metrics.rollup.checking import FigureCheck
from services.metrics.rollup.folder import Folder, Sums
from services.metrics.rollup.repository import MongoRollupRepository
from services.metrics.rollup.servicer import RollupServicer

NAMES = tuple(
    service.full_name
    for file in (
        event_pb2.DESCRIPTOR,
        kpi_pb2.DESCRIPTOR,
        rollup_pb2.DESCRIPTOR,
        alias_pb2.DESCRIPTOR,
        delivery_pb2.DESCRIPTOR,
    )
    for service in file.services_by_name.values()
)


class MetricsService:
    """The servicers over one database, and the folder that counts."""

    def __init__(
        self,
        database: Database,
        now: Callable[[], datetime] = utc_now,
        *,
        backlog: int = 2_000_000,
        event_days: int = 800,
        catalogue: Catalogue | None = None,
    ) -> None:
        self._database = database
        self._now = now
        self._began = now()
        self._catalogue = catalogue or Catalogue()
        self._events = MongoEventRepository(database)
        self._rollups = MongoRollupRepository(database)
        self._deliveries = Deliveries(database)
        holder = new_id("out")
        self.folder = Folder(database, self._events, self._rollups, self._catalogue, holder=holder)
        self.freshness = Freshness(self._deliveries, now, self._oldest_unfolded)
        self.expiry = Expiry(database, self._events, self._deliveries, days=event_days, holder=holder, now=now)
        telemetry.gauge("rundblick.figures.lag", "s", self._lag)
        self._intake = Intake(self._events, backlog=backlog, now=now, taken=self.folder.wake)
        self._reader = Reader(self._rollups, now)
        self.ready = Readiness(database, self._events, self._rollups)

    def register(self, server: grpc.aio.Server) -> None:
        event_pb2_grpc.add_EventServiceServicer_to_server(EventServicer(self._intake), server)
        servicer = KpiServicer(self._catalogue, self._reader, self._fresh_until, self._now)
        kpi_pb2_grpc.add_KpiServiceServicer_to_server(servicer, server)
        check = RollupServicer(lambda: FigureCheck(self._rollups, Sums(self._catalogue)))
        rollup_pb2_grpc.add_RollupServiceServicer_to_server(check, server)
        alias_pb2_grpc.add_AliasServiceServicer_to_server(AliasServicer(self._rollups), server)
        delivery_pb2_grpc.add_DeliveryServiceServicer_to_server(DeliveryServicer(self._deliveries), server)

    async def _oldest_unfolded(self) -> datetime | None:
        return await self._events.oldest_unfolded(service_caller("metrics"))

    def _fresh_until(self) -> datetime:
        # Before the first look nothing is known of what came in while nobody looked.
        return self.freshness.until or self._began

    def _lag(self) -> telemetry.Readings:
        until = self.freshness.until
        return [] if until is None else [((self._now() - until).total_seconds(), {})]

    @asynccontextmanager
    async def folding(self) -> AsyncIterator[None]:
        """Count what comes in until the block is left."""
        async with working(self.folder.run(), self.freshness.run(), self.expiry.run()):
            yield
