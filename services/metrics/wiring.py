"""What the metrics process is made of: one class, used by the process and by the tests."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime

import grpc
from rundblick.metrics.v1 import event_pb2, event_pb2_grpc, kpi_pb2, kpi_pb2_grpc

from chassis.ids import new_id
from chassis.mongo import Database, Readiness
from chassis.times import utc_now
from services.metrics.event.freshness import Freshness
from services.metrics.event.intake import Intake
from services.metrics.event.repository import MongoEventRepository
from services.metrics.event.servicer import EventServicer
from services.metrics.kpi.domain import Catalogue
from services.metrics.kpi.reader import Reader
from services.metrics.kpi.servicer import KpiServicer
from services.metrics.rollup.folder import Folder
from services.metrics.rollup.repository import MongoRollupRepository

NAMES = tuple(
    service.full_name
    for file in (event_pb2.DESCRIPTOR, kpi_pb2.DESCRIPTOR)
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
        catalogue: Catalogue | None = None,
    ) -> None:
        self._database = database
        self._catalogue = catalogue or Catalogue()
        self._events = MongoEventRepository(database)
        self._rollups = MongoRollupRepository(database)
        self.folder = Folder(database, self._events, self._rollups, self._catalogue, holder=new_id("out"))
        self.freshness = Freshness(self._events, now)
        self._intake = Intake(self._events, backlog=backlog, now=now, taken=self.folder.wake)
        self._reader = Reader(self._rollups, now)
        self.ready = Readiness(database, self._events, self._rollups)

    def register(self, server: grpc.aio.Server) -> None:
        event_pb2_grpc.add_EventServiceServicer_to_server(EventServicer(self._intake), server)
        servicer = KpiServicer(self._catalogue, self._reader, lambda: self.freshness.until)
        kpi_pb2_grpc.add_KpiServiceServicer_to_server(servicer, server)

    @asynccontextmanager
    async def folding(self) -> AsyncIterator[None]:
        """Count what comes in until the block is left."""
        tasks = [asyncio.create_task(self.folder.run()), asyncio.create_task(self.freshness.run())]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
