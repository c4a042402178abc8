"""Calls of the metrics service, and what is loaded of it for one operation."""

from collections.abc import Mapping, Sequence
from typing import Any

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
)
from rundblick.shared.v1 import page_pb2
from strawberry.dataloader import DataLoader

from chassis.errors import ERROR_OF_CODE, DomainError
from gateway.context import Context
from gateway.errors import ServiceError
from gateway.loaders import Grouped, by_id

SERVICE = "metrics"
FILES = (
    kpi_pb2.DESCRIPTOR,
    event_pb2.DESCRIPTOR,
    change_pb2.DESCRIPTOR,
    comparison_pb2.DESCRIPTOR,
    alert_pb2.DESCRIPTOR,
    campaign_pb2.DESCRIPTOR,
    offer_pb2.DESCRIPTOR,
    plan_pb2.DESCRIPTOR,
)
MOST_QUERIES = 100
MOST_CAMPAIGNS = 200


class MetricsStubs:
    """One per process, over one channel."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self.kpis = kpi_pb2_grpc.KpiServiceStub(channel)
        self.events = event_pb2_grpc.EventServiceStub(channel)
        self.changes = change_pb2_grpc.ChangeServiceStub(channel)
        self.comparisons = comparison_pb2_grpc.ComparisonServiceStub(channel)
        self.alerts = alert_pb2_grpc.AlertServiceStub(channel)
        self.campaigns = campaign_pb2_grpc.CampaignResultServiceStub(channel)
        self.offers = offer_pb2_grpc.OfferResultServiceStub(channel)
        self.plans = plan_pb2_grpc.PlanServiceStub(channel)


class Metrics:
    """The service as one operation sees it."""

    def __init__(self, stubs: MetricsStubs, context: Context) -> None:
        self.stubs = stubs
        self._context = context
        self.kpis = by_id(self._kpis)
        self.changes = by_id(self._changes)
        self.alerts = by_id(self._alerts)
        self.open_alerts = by_id(self._open_alerts)
        self.campaigns = by_id(self._campaigns, largest=MOST_CAMPAIGNS)
        self.results: DataLoader[bytes, Any] = DataLoader(load_fn=self._results, max_batch_size=MOST_QUERIES)
        self.uplifts: Grouped[offer_pb2.OfferUpliftAnswer] = Grouped(self._uplifts)
        self.of_subjects: Grouped[kpi_pb2.KpiResultsAnswer] = Grouped(self._of_subjects)
        self.topic_segments: Grouped[list[tuple[str, int, int]]] = Grouped(self._topic_segments)

    async def call(self, method: Any, request: Any) -> Any:
        return await self._context.call(SERVICE, type(request).__name__.removesuffix("Request"), method, request)

    def result(self, query: kpi_pb2.ResultQuery) -> Any:
        """Results asked for at one moment are one call."""
        return self.results.load(query.SerializeToString(deterministic=True))

    async def jobs(self, page: page_pb2.PageRequest) -> kpi_pb2.ListJobsResponse:
        answer: kpi_pb2.ListJobsResponse = await self.call(self.stubs.kpis.ListJobs, kpi_pb2.ListJobsRequest(page=page))
        return answer

    async def _kpis(self, asked: Sequence[str]) -> Mapping[str, Any]:
        """By id or key."""
        request = kpi_pb2.BatchGetKpisRequest(keys=asked)
        return dict((await self.call(self.stubs.kpis.BatchGetKpis, request)).answers)

    async def _changes(self, ids: Sequence[str]) -> Mapping[str, Any]:
        request = change_pb2.BatchGetChangesRequest(ids=ids)
        return dict((await self.call(self.stubs.changes.BatchGetChanges, request)).answers)

    async def _alerts(self, ids: Sequence[str]) -> Mapping[str, Any]:
        request = alert_pb2.BatchGetAlertsRequest(ids=ids)
        return dict((await self.call(self.stubs.alerts.BatchGetAlerts, request)).answers)

    async def _open_alerts(self, keys: Sequence[str]) -> Mapping[str, Any]:
        """By the key of the KPI."""
        request = alert_pb2.BatchGetOpenAlertsRequest(kpi_keys=keys)
        return dict((await self.call(self.stubs.alerts.BatchGetOpenAlerts, request)).answers)

    async def _campaigns(self, ids: Sequence[str]) -> Mapping[str, Any]:
        request = campaign_pb2.BatchGetCampaignResultsRequest(ids=ids, language=self._context.language)
        return dict((await self.call(self.stubs.campaigns.BatchGetCampaignResults, request)).answers)

    async def _uplifts(
        self, ids: Sequence[str], arguments: offer_pb2.BatchGetOfferUpliftsRequest
    ) -> Mapping[str, offer_pb2.OfferUpliftAnswer]:
        request = offer_pb2.BatchGetOfferUpliftsRequest(ids=ids, language=arguments.language)
        if arguments.HasField("period"):
            request.period.CopyFrom(arguments.period)
        return dict((await self.call(self.stubs.offers.BatchGetOfferUplifts, request)).answers)

    async def _results(self, keys: list[bytes]) -> list[Any]:
        queries = [kpi_pb2.ResultQuery.FromString(key) for key in keys]
        request = kpi_pb2.BatchGetResultsRequest(queries=queries)
        answer: kpi_pb2.BatchGetResultsResponse = await self.call(self.stubs.kpis.BatchGetResults, request)
        return [one.value if one.HasField("value") else fault_of(one.error) for one in answer.answers]

    async def _of_subjects(
        self, ids: Sequence[str], arguments: kpi_pb2.BatchGetSubjectResultsRequest
    ) -> Mapping[str, kpi_pb2.KpiResultsAnswer]:
        request = kpi_pb2.BatchGetSubjectResultsRequest()
        request.CopyFrom(arguments)
        request.ids.extend(ids)
        return dict((await self.call(self.stubs.kpis.BatchGetSubjectResults, request)).answers)

    async def _topic_segments(
        self, topics: Sequence[str], arguments: kpi_pb2.GetBreakdownRequest
    ) -> Mapping[str, list[tuple[str, int, int]]]:
        """(segment, mentions, customers) of each topic: two calls, whatever their number."""
        found: dict[tuple[str, str], list[int]] = {}
        for place, kpi in enumerate(("topic_mentions", "topic_customers")):
            request = kpi_pb2.GetBreakdownRequest()
            request.CopyFrom(arguments)
            request.query.kpi = kpi
            answer: kpi_pb2.GetBreakdownResponse = await self.call(self.stubs.kpis.GetBreakdown, request)
            for row in answer.rows:
                topic, segment = (one.value for one in row.key)
                found.setdefault((topic, segment), [0, 0])[place] = round(row.result.value)
        rows: dict[str, list[tuple[str, int, int]]] = {topic: [] for topic in topics}
        for (topic, segment), (mentions, customers) in found.items():
            if topic in rows:
                rows[topic].append((segment, mentions, customers))
        return {topic: sorted(some, key=lambda row: (-row[1], row[0])) for topic, some in rows.items()}


def fault_of(error: Any) -> ServiceError:
    """One query's error as an exception."""
    kind = ERROR_OF_CODE.get(error.code, DomainError)
    return ServiceError(SERVICE, kind(error.message, list(error.path)))


def metrics_of(info: Any) -> Metrics:
    loaded: Metrics = info.context.loaders[SERVICE]
    return loaded
