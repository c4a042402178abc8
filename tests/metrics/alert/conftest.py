"""A running metrics service whose clock a test moves, with the events of many days in it."""

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from rundblick.metrics.v1 import alert_pb2 as pb
from rundblick.metrics.v1 import alert_pb2_grpc, event_pb2, event_pb2_grpc, kpi_pb2, kpi_pb2_grpc

from chassis.caller import Caller
from chassis.channel import open_channel
from chassis.mongo import Database
from chassis.server import running_server
from services.metrics.wiring import MetricsService
from tests import tokens
from tests.metrics.conftest import event, observation

TODAY = datetime(2026, 6, 1, 12, tzinfo=UTC)


@dataclass
class Clock:
    at: datetime = TODAY

    def __call__(self) -> datetime:
        return self.at


@dataclass
class Running:
    """The service as a client sees it, and what it does beside the calls."""

    service: MetricsService
    clock: Clock
    alerts: Any
    events: Any
    kpis: Any
    metadata: tuple[tuple[str, str], ...] | None
    _said: list[int] = field(default_factory=list)

    async def call(self, request: Any) -> Any:
        method = getattr(self.alerts, type(request).__name__.removesuffix("Request"))
        return await method(request, timeout=10, metadata=self.metadata)

    async def take(self, events: Iterable[event_pb2.Event]) -> None:
        """Ingested and counted."""
        request = event_pb2.IngestEventsRequest(events=events)
        answer = await self.events.IngestEvents(request, timeout=30, metadata=self.metadata)
        assert answer.accepted == len(request.events), answer
        await self.fold()

    async def fold(self) -> None:
        while await self.service.folder.fold_once():
            pass

    async def enquiries(self, day: date, count: int) -> None:
        """So many more on that day."""
        await self.take(self.enquiries_of(day, count))

    def enquiries_of(self, day: date, count: int) -> list[event_pb2.Event]:
        at = datetime(day.year, day.month, day.day, 9, tzinfo=UTC)
        self._said.append(count)
        prefix = f"{id(self)}-{len(self._said)}"
        return [event(f"{prefix}-{number}", observation(0, at=at), name="enquiry.opened") for number in range(count)]

    async def history(self, days: int = 40, count: int = 20) -> None:
        """As many enquiries on each day before today."""
        today = self.clock.at.date()
        await self.take(
            one
            for number in range(1, days + 1)
            for one in self.enquiries_of(today - timedelta(days=number), count + number % 3)
        )

    async def judge(self) -> int:
        """All that is finished by now. How many steps it took."""
        await self.service.freshness.look()
        steps = 0
        while done := await self.service.judging.judge_once():
            steps += done
        return steps

    async def listed(self, **filter: Any) -> list[pb.Alert]:
        answer = await self.call(pb.ListAlertsRequest(filter=pb.AlertFilter(**filter)))
        return [edge.node for edge in answer.edges]


Serve = Callable[..., Any]


@pytest.fixture
def serve(database: Database) -> Serve:
    @asynccontextmanager
    async def running(
        caller: Caller | None = None, clock: Clock | None = None, **options: Any
    ) -> AsyncIterator[Running]:
        authenticator = tokens.authenticator()
        clock = clock or Clock()
        service = MetricsService(database, clock, **options)
        await service.ready.ensure_indexes()
        async with (
            running_server(
                "127.0.0.1:0", service.register, rights=service.rights, authenticator=authenticator, grace=0.1
            ) as server,
            open_channel(f"127.0.0.1:{server.port}", [kpi_pb2.DESCRIPTOR]) as channel,
        ):
            token = tokens.token_for(caller) if caller else None
            yield Running(
                service,
                clock,
                alert_pb2_grpc.AlertServiceStub(channel),
                event_pb2_grpc.EventServiceStub(channel),
                kpi_pb2_grpc.KpiServiceStub(channel),
                (("authorization", f"Bearer {token}"),) if token else None,
            )

    return running


@pytest.fixture
async def metrics(serve: Serve) -> AsyncIterator[Running]:
    async with serve() as running:
        yield running
