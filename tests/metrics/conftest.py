"""A running metrics service over a database of its own; the folder works when a test says so."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from rundblick.metrics.v1 import (
    change_pb2_grpc,
    comparison_pb2_grpc,
    event_pb2,
    event_pb2_grpc,
    kpi_pb2,
    kpi_pb2_grpc,
    rollup_pb2_grpc,
)
from rundblick.shared.v1 import alias_pb2_grpc

from chassis.caller import Caller
from chassis.channel import open_channel
from chassis.mongo import Database
from chassis.server import running_server
from chassis.times import to_timestamp
from services.metrics.wiring import MetricsService
from tests import tokens

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
START = datetime(2026, 3, 2, 9, tzinfo=UTC)


@dataclass
class Running:
    """The service as a client sees it, and its folder."""

    service: MetricsService
    events: Any
    kpis: Any
    aliases: Any
    rollups: Any
    changes: Any
    comparisons: Any
    metadata: tuple[tuple[str, str], ...] | None = None

    async def ingest(self, *events: event_pb2.Event) -> event_pb2.IngestEventsResponse:
        request = event_pb2.IngestEventsRequest(events=events)
        answer: event_pb2.IngestEventsResponse = await self.events.IngestEvents(
            request, timeout=10, metadata=self.metadata
        )
        return answer

    async def fold(self) -> None:
        while await self.service.folder.fold_once():
            pass

    async def call(self, name: str, request: Any) -> Any:
        return await getattr(self.kpis, name)(request, timeout=10, metadata=self.metadata)

    async def result(self, query: kpi_pb2.ResultQuery) -> kpi_pb2.KpiResult:
        answer = await self.call("BatchGetResults", kpi_pb2.BatchGetResultsRequest(queries=[query]))
        assert answer.answers[0].HasField("value"), answer
        result: kpi_pb2.KpiResult = answer.answers[0].value
        return result


Serve = Callable[..., Any]


@pytest.fixture
def serve(database: Database) -> Serve:
    @asynccontextmanager
    async def running(caller: Caller | None = None, **options: Any) -> AsyncIterator[Running]:
        authenticator = tokens.authenticator()
        service = MetricsService(database, lambda: NOW, **options)
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
                event_pb2_grpc.EventServiceStub(channel),
                kpi_pb2_grpc.KpiServiceStub(channel),
                alias_pb2_grpc.AliasServiceStub(channel),
                rollup_pb2_grpc.RollupServiceStub(channel),
                change_pb2_grpc.ChangeServiceStub(channel),
                comparison_pb2_grpc.ComparisonServiceStub(channel),
                (("authorization", f"Bearer {token}"),) if token else None,
            )

    return running


@pytest.fixture
async def metrics(serve: Serve) -> AsyncIterator[Running]:
    async with serve() as running:
        yield running


def observation(seconds: float | None = None, *, at: datetime = START, **fields: Any) -> event_pb2.Observation:
    """A wait that began at `at`: answered after so many seconds, or still open."""
    state = "COMPLETE" if seconds is not None else "OPEN"
    state = fields.pop("state", state)
    ended = at + timedelta(seconds=seconds) if seconds is not None else None
    return event_pb2.Observation(
        state=event_pb2.ObservationState.Value(f"OBSERVATION_STATE_{state}"),
        started_at=to_timestamp(at),
        ended_at=to_timestamp(ended),
        value=seconds if state == "COMPLETE" else None,
        dimensions=fields.pop("dimensions", {"source": "shop", "touchpoint": "tou_1"}),
        customer_id=fields.pop("customer", None),
        exclusion_reason=fields.pop("reason", None),
    )


def event(
    id: str,
    after: event_pb2.Observation | None,
    *,
    before: event_pb2.Observation | None = None,
    subject: str | None = None,
    name: str = "wait.first",
    source: str = "shop",
) -> event_pb2.Event:
    return event_pb2.Event(id=id, name=name, subject_id=subject or id, source=source, before=before, after=after)


def period(start: datetime = datetime(2026, 1, 1, tzinfo=UTC), end: datetime = NOW) -> kpi_pb2.Period:
    return kpi_pb2.Period(start=to_timestamp(start), end=to_timestamp(end))


def query(kpi: str = "first_response_time", **fields: Any) -> kpi_pb2.ResultQuery:
    where = [kpi_pb2.DimensionFilter(dimension=name, values=values) for name, values in fields.pop("where", {}).items()]
    selection = kpi_pb2.ResultSelection(open=True, **fields.pop("selection", {}))
    return kpi_pb2.ResultQuery(kpi=kpi, period=fields.pop("period", period()), where=where, selection=selection)
