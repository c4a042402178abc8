"""What the metrics process is made of: one class, used by the process and by the tests."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime

import grpc
from rundblick.metrics.v1 import (
    alert_pb2,
    alert_pb2_grpc,
    campaign_pb2,
    campaign_pb2_grpc,
    change_pb2,
    change_pb2_grpc,
    comparison_pb2,
    comparison_pb2_grpc,
    event_pb2,
    event_pb2_grpc,
    kpi_pb2,
    kpi_pb2_grpc,
    offer_pb2,
    offer_pb2_grpc,
    plan_pb2,
    plan_pb2_grpc,
    rollup_pb2,
    rollup_pb2_grpc,
)
from rundblick.shared.v1 import alias_pb2, alias_pb2_grpc, delivery_pb2, delivery_pb2_grpc

from chassis import rights, telemetry
from chassis.background import working
from chassis.caller import Caller, service_caller
from chassis.delivery import Deliveries, DeliveryServicer, Freshness
from chassis.idempotency import Writes
from chassis.ids import new_id
from chassis.mongo import Database, Readiness, Session
from chassis.times import utc_now
from chassis.watching import Changes
from services.metrics.alert.judging import Judging
from services.metrics.alert.repository import MongoAlertRepository
from services.metrics.alert.servicer import AlertServicer
from services.metrics.alias.servicer import AliasServicer
from services.metrics.campaign.repository import MongoPlanRepository
from services.metrics.campaign.servicer import CampaignResultServicer
from services.metrics.change.repository import MongoChangeRepository
from services.metrics.change.servicer import ChangeServicer
from services.metrics.comparison.comparing import Comparing
from services.metrics.comparison.servicer import ComparisonServicer
from services.metrics.event.expiry import Expiry
from services.metrics.event.intake import Intake
from services.metrics.event.registry import Registry
from services.metrics.event.repository import MongoEventRepository
from services.metrics.event.servicer import EventServicer
from services.metrics.kpi.catalogue import Catalogues
from services.metrics.kpi.defining import Defining
from services.metrics.kpi.periods import Zone
from services.metrics.kpi.reader import Reader
from services.metrics.kpi.repository import MongoKpiRepository
from services.metrics.kpi.servicer import KpiServicer
from services.metrics.offer.servicer import OfferResultServicer
from services.metrics.plan.servicer import PlanServicer
from services.metrics.rollup.belonging import MongoBelongingRepository
from services.metrics.rollup.checking import FigureCheck
from services.metrics.rollup.filling import Filling
from services.metrics.rollup.folder import Folder, Writing
from services.metrics.rollup.joining import Joining
from services.metrics.rollup.members import MongoMemberRepository
from services.metrics.rollup.repository import MongoRollupRepository
from services.metrics.rollup.servicer import RollupServicer

RIGHTS = rights.load("rundblick.metrics.v1", "rundblick.shared.v1")
NAMES = tuple(
    service.full_name
    for file in (
        event_pb2.DESCRIPTOR,
        kpi_pb2.DESCRIPTOR,
        rollup_pb2.DESCRIPTOR,
        change_pb2.DESCRIPTOR,
        comparison_pb2.DESCRIPTOR,
        alert_pb2.DESCRIPTOR,
        campaign_pb2.DESCRIPTOR,
        offer_pb2.DESCRIPTOR,
        plan_pb2.DESCRIPTOR,
        alias_pb2.DESCRIPTOR,
        delivery_pb2.DESCRIPTOR,
    )
    for service in file.services_by_name.values()
)


class MetricsService:
    """The servicers over one database, and the folder that counts."""

    rights = RIGHTS

    def __init__(
        self,
        database: Database,
        now: Callable[[], datetime] = utc_now,
        *,
        backlog: int = 2_000_000,
        event_days: int = 800,
        zone: str = "UTC",
        batch: int = 20_000,
        alert_lag: int = 0,
        employee_minimum: int = 5,
    ) -> None:
        self._database = database
        self._now = now
        self._began = now()
        self._events = MongoEventRepository(database)
        self._rollups = MongoRollupRepository(database)
        self._members = MongoMemberRepository(database)
        self._kpis = MongoKpiRepository(database)
        self._zone = Zone(zone)
        self._catalogues = Catalogues(self._kpis, self._zone)
        self._company_changes = MongoChangeRepository(database)
        self._plans = MongoPlanRepository(database)
        self._writes = Writes(database)
        self._deliveries = Deliveries(database)
        holder = new_id("out")
        figures = (self._events, self._rollups, self._members)
        writing = Writing(self._rollups, self._members)
        self._belonging = MongoBelongingRepository(database)
        joining = Joining(self._events, self._rollups, self._kpis, self._belonging)
        filling = Filling(database, *figures, self._kpis, self._catalogues, joining, writing, now=now, batch=batch)
        self.folder = Folder(
            database, *figures, self._catalogues, filling, joining, writing, holder=holder, batch=batch
        )
        self._aliases = AliasServicer(database, self._rollups, self._members, self._catalogues, joining, writing)
        self.freshness = Freshness(self._deliveries, now, self._oldest_unfolded)
        self.expiry = Expiry(
            database, self._events, self._deliveries, days=event_days, holder=holder, now=now, needed=self._filling
        )
        telemetry.gauge("rundblick.figures.lag", "s", self._lag)
        self._intake = Intake(self._events, backlog=backlog, now=now, taken=self.folder.wake)
        self._reader = Reader(self._rollups, now, employee_minimum)
        self._changes = Changes(self._position)
        self._alerts = MongoAlertRepository(database)
        self.judging = Judging(
            database,
            self._alerts,
            self._reader,
            self._catalogues,
            until=lambda: self.freshness.until,
            now=now,
            holder=holder,
            lag=alert_lag,
        )
        self._defining = Defining(self._kpis, self._events, self._catalogues, self._writes, now)
        self.ready = Readiness(
            database,
            self._writes,
            self._events,
            self._rollups,
            self._members,
            self._catalogues,
            self._company_changes,
            self._alerts,
        )

    def register(self, server: grpc.aio.Server) -> None:
        events = EventServicer(self._intake, self._known_events, self._writes, self._kpis.put_type)
        event_pb2_grpc.add_EventServiceServicer_to_server(events, server)
        kpi_pb2_grpc.add_KpiServiceServicer_to_server(
            KpiServicer(
                self._catalogues,
                self._reader,
                self._defining,
                self._kpis,
                self._changes,
                self._open_alerts,
                self._fresh_until,
                self._now,
            ),
            server,
        )
        change_pb2_grpc.add_ChangeServiceServicer_to_server(
            ChangeServicer(self._company_changes, self._writes, self._zone, self._now), server
        )
        comparison_pb2_grpc.add_ComparisonServiceServicer_to_server(
            ComparisonServicer(
                self._catalogues,
                Comparing(self._reader, self._now),
                self._company_changes,
                self._fresh_until,
                self._now,
            ),
            server,
        )
        campaign_pb2_grpc.add_CampaignResultServiceServicer_to_server(
            CampaignResultServicer(self._plans, self._catalogues, self._reader, self._now), server
        )
        offer_pb2_grpc.add_OfferResultServiceServicer_to_server(
            OfferResultServicer(self._catalogues, self._reader), server
        )
        plan_pb2_grpc.add_PlanServiceServicer_to_server(PlanServicer(self._catalogues, self._reader), server)
        alert_pb2_grpc.add_AlertServiceServicer_to_server(AlertServicer(self._alerts), server)
        rollup_pb2_grpc.add_RollupServiceServicer_to_server(RollupServicer(self._check), server)
        alias_pb2_grpc.add_AliasServiceServicer_to_server(self._aliases, server)
        delivery_pb2_grpc.add_DeliveryServiceServicer_to_server(DeliveryServicer(self._deliveries), server)

    async def _known_events(self, look_again: bool) -> Registry:
        return (await (self._catalogues.refresh() if look_again else self._catalogues.current())).registry

    async def _position(self) -> object:
        """Grows with everything that is counted, defined or alerted."""
        caller = service_caller("metrics")
        return (
            await self._rollups.positions(caller),
            await self._kpis.stamp(caller),
            await self._alerts.position(caller),
        )

    async def _open_alerts(self, caller: Caller, key: str) -> list[str]:
        return [alert.id for alert in (await self._alerts.open_of(caller, [key])).get(key, ())]

    async def _filling(self, session: Session) -> bool:
        return bool(await self._kpis.unfinished(service_caller("metrics"), session))

    async def _check(self) -> FigureCheck:
        gone = await self._events.gone_before(service_caller("metrics"))
        catalogue = await self._catalogues.refresh()
        belonging = await self._belonging.all(service_caller("metrics"))
        return FigureCheck(self._events, self._rollups, self._members, catalogue, belonging, complete=gone is None)

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
        async with working(
            self.folder.run(),
            self.freshness.run(),
            self.expiry.run(),
            self._catalogues.run(),
            self._changes.run(),
            self.judging.run(),
        ):
            yield
