"""KPIs in the graph, and the figures of customers and touchpoints."""

from collections.abc import AsyncGenerator
from datetime import datetime
from enum import Enum
from typing import Any

import strawberry
from rundblick.metrics.v1 import comparison_pb2
from rundblick.metrics.v1 import kpi_pb2 as pb
from strawberry import federation

from chassis.times import to_timestamp
from gateway.metrics.client import SERVICE, fault_of, metrics_of
from gateway.metrics.comparison import Comparison, compare_periods
from gateway.metrics.dimension import DimensionFilter, DimensionValue, filters, key_of
from gateway.metrics.result import KpiResult, KpiTarget, Period, PeriodInput, wanted
from gateway.shared import Info, Named, Node, enum_of, found, moment, owned, present


@strawberry.enum
class KpiDirection(Enum):
    HIGHER_IS_BETTER = "HIGHER_IS_BETTER"
    LOWER_IS_BETTER = "LOWER_IS_BETTER"


@strawberry.enum
class Aggregation(Enum):
    COUNT = "COUNT"
    SUM = "SUM"
    MEAN = "MEAN"
    QUANTILE = "QUANTILE"
    RATE = "RATE"
    DISTINCT_CUSTOMERS = "DISTINCT_CUSTOMERS"
    RATIO = "RATIO"


@strawberry.type(description="The counting of stored events for a definition.")
class BackFill:
    job: strawberry.ID
    done: int
    total: int
    forecast: datetime | None = strawberry.field(description="When it will be done at the present pace.")


@strawberry.enum
class Granularity(Enum):
    DAY = "DAY"
    WEEK = "WEEK"
    MONTH = "MONTH"
    QUARTER = "QUARTER"
    YEAR = "YEAR"


@strawberry.type
class DimensionSet:
    dimensions: list[str]


@strawberry.type
class KpiDefinition:
    version: int
    event: str | None = strawberry.field(description="The name of the events it is computed from.")
    filter: str | None = strawberry.field(description="CEL; null: every event.")
    value: str | None = strawberry.field(description="CEL; null: the event's own value.")
    aggregation: Aggregation
    of: list[str] = strawberry.field(
        description="Keys: numerator and denominator of a RATIO; the KPI whose target a RATE looks at."
    )
    quantile: float | None = strawberry.field(description="Which one is the value, for QUANTILE.")
    dimension_sets: list[DimensionSet] = strawberry.field(description="What may be asked for; empty: the total.")
    per_customer: bool = strawberry.field(description="Is it kept of single customers?")
    back_fill: BackFill | None = strawberry.field(description="While stored events are being counted.")
    counted_from: datetime | None = strawberry.field(description="What began before is not in it; null: all is.")


@strawberry.type
class KpiBreakdownRow:
    key: list[DimensionValue]
    result: KpiResult


@strawberry.type
class KpiPoint:
    period: Period
    result: KpiResult


async def load_kpi(info: Info, id: str) -> Any:
    return await metrics_of(info).kpis.load(id)


def _definition(record: pb.Kpi) -> KpiDefinition:
    definition = record.definition
    return KpiDefinition(
        version=definition.version,
        event=definition.event or None,
        filter=present(definition, "filter"),
        value=present(definition, "value"),
        of=list(definition.of),
        per_customer=definition.per_customer,
        back_fill=_back_fill(definition),
        counted_from=moment(definition, "counted_from"),
        aggregation=enum_of(Aggregation, pb.Aggregation, definition.aggregation, "AGGREGATION_"),
        quantile=present(definition, "quantile"),
        dimension_sets=[DimensionSet(dimensions=list(one.dimensions)) for one in definition.dimension_sets],
    )


def _back_fill(definition: pb.KpiDefinition) -> BackFill | None:
    if not definition.HasField("back_fill"):
        return None
    job = definition.back_fill
    return BackFill(job=strawberry.ID(job.id), done=job.done, total=job.total, forecast=moment(job, "forecast"))


def _owner(record: pb.Kpi) -> "Employee | None":
    return Employee(id=strawberry.ID(record.owner_id)) if record.HasField("owner_id") else None


def _direction(record: pb.Kpi) -> KpiDirection:
    return enum_of(KpiDirection, pb.KpiDirection, record.direction, "KPI_DIRECTION_")


def _target(record: pb.Kpi) -> KpiTarget | None:
    return KpiTarget.of(record.target) if record.HasField("target") else None


def _query(
    info: Info,
    kpi: str,
    period: PeriodInput,
    where: list[DimensionFilter] | None,
    as_of: datetime | None,
    selection: pb.ResultSelection,
) -> pb.ResultQuery:
    return pb.ResultQuery(
        kpi=kpi,
        period=period.to_proto(),
        where=filters(where),
        as_of=to_timestamp(as_of),
        selection=selection,
        language=info.context.language,
    )


async def of_subject(
    info: Info, kind: Any, id: str, keys: list[str] | None, period: PeriodInput | None
) -> list[KpiResult]:
    arguments = pb.BatchGetSubjectResultsRequest(
        kind=kind,
        keys=keys,
        period=period.to_proto() if period else None,
        selection=wanted(info),
        language=info.context.language,
    )
    answer: pb.KpiResultsAnswer = await metrics_of(info).of_subjects.load(id, arguments)
    if answer.HasField("error"):
        raise fault_of(answer.error)
    return [KpiResult(record=result) for result in answer.value.results]


@federation.type(keys=["id"])
class Employee(Named, Node):
    id: strawberry.ID

    @strawberry.field(
        description="One's own, or with the scope metrics:employees over whole months, where there are enough "
        "observations; all KPIs when no keys are given."
    )
    async def kpis(
        self, info: Info, keys: list[str] | None = None, period: PeriodInput | None = None
    ) -> list[KpiResult] | None:
        return await of_subject(info, pb.SUBJECT_KIND_EMPLOYEE, self.id, keys, period)

    @classmethod
    def resolve_reference(cls, id: strawberry.ID) -> "Employee":
        return cls(id=id)


@federation.type(keys=["id"], description="A key figure, as the company defines it.")
class Kpi(Named, Node):
    id: strawberry.ID
    record: strawberry.Private[Any] = None

    key: str = strawberry.field(resolver=owned(load_kpi, lambda record: record.key))
    name: str = strawberry.field(resolver=owned(load_kpi, lambda record: record.name))
    description: str | None = strawberry.field(resolver=owned(load_kpi, lambda r: present(r, "description")))
    unit: str = strawberry.field(resolver=owned(load_kpi, lambda r: r.unit), description="s, d, 1 ...")
    direction: KpiDirection = strawberry.field(resolver=owned(load_kpi, _direction))
    definition: KpiDefinition = strawberry.field(resolver=owned(load_kpi, _definition))
    target: KpiTarget | None = strawberry.field(resolver=owned(load_kpi, _target))
    owner: Employee | None = strawberry.field(resolver=owned(load_kpi, _owner), description="Who answers for it.")
    archived_at: datetime | None = strawberry.field(
        resolver=owned(load_kpi, lambda record: moment(record, "archived_at"))
    )

    @strawberry.field(description="asOf: as things stood at the end of that past day.")
    async def result(
        self,
        info: Info,
        period: PeriodInput,
        where: list[DimensionFilter] | None = None,
        as_of: datetime | None = None,
    ) -> KpiResult:
        answer = await metrics_of(info).result(_query(info, self.id, period, where, as_of, wanted(info)))
        return KpiResult(record=answer)

    @strawberry.field(description="The whole days, weeks, months ... that the period touches.")
    async def series(
        self,
        info: Info,
        period: PeriodInput,
        granularity: Granularity,
        where: list[DimensionFilter] | None = None,
        as_of: datetime | None = None,
    ) -> list[KpiPoint]:
        client = metrics_of(info)
        request = pb.GetSeriesRequest(
            query=_query(info, self.id, period, where, as_of, wanted(info, "result")),
            granularity=pb.Granularity.Value(f"GRANULARITY_{granularity.value}"),
        )
        answer: pb.GetSeriesResponse = await client.call(client.stubs.kpis.GetSeries, request)
        return [KpiPoint(period=Period.of(p.period), result=KpiResult(record=p.result)) for p in answer.points]

    @strawberry.field(description="Most received first; last the employees of whom nothing is shown.")
    async def breakdown(
        self,
        info: Info,
        period: PeriodInput,
        by: list[str],
        where: list[DimensionFilter] | None = None,
        first: int | None = None,
        as_of: datetime | None = None,
    ) -> list[KpiBreakdownRow]:
        client = metrics_of(info)
        request = pb.GetBreakdownRequest(
            query=_query(info, self.id, period, where, as_of, wanted(info, "result")), by=by, first=first
        )
        answer: pb.GetBreakdownResponse = await client.call(client.stubs.kpis.GetBreakdown, request)
        return [KpiBreakdownRow(key=key_of(row.key), result=KpiResult(record=row.result)) for row in answer.rows]

    @strawberry.field(description="Did it become better or worse? The two periods do not overlap.")
    async def compare(
        self,
        info: Info,
        baseline: PeriodInput,
        current: PeriodInput,
        where: list[DimensionFilter] | None = None,
        stratify_by: list[str] | None = None,
        as_of: datetime | None = None,
    ) -> Comparison:
        request = comparison_pb2.ComparePeriodsRequest(
            kpi=self.id,
            baseline=baseline.to_proto(),
            current=current.to_proto(),
            where=filters(where),
            stratify_by=stratify_by,
            as_of=to_timestamp(as_of),
            language=info.context.language,
            baseline_selection=wanted(info, "baseline"),
            current_selection=wanted(info, "current"),
        )
        return await compare_periods(info, request)

    @classmethod
    def resolve_reference(cls, id: strawberry.ID) -> "Kpi":
        return cls(id=id)


@federation.type(keys=["id"])
class Customer(Named, Node):
    id: strawberry.ID

    @strawberry.field(description="All KPIs when no keys are given; over all time without a period.")
    async def kpis(
        self, info: Info, keys: list[str] | None = None, period: PeriodInput | None = None
    ) -> list[KpiResult] | None:
        return await of_subject(info, pb.SUBJECT_KIND_CUSTOMER, self.id, keys, period)

    @classmethod
    def resolve_reference(cls, id: strawberry.ID) -> "Customer":
        return cls(id=id)


@federation.type(keys=["id"])
class Touchpoint(Named, Node):
    id: strawberry.ID

    @strawberry.field(description="All KPIs when no keys are given; over all time without a period.")
    async def kpis(
        self, info: Info, keys: list[str] | None = None, period: PeriodInput | None = None
    ) -> list[KpiResult] | None:
        return await of_subject(info, pb.SUBJECT_KIND_TOUCHPOINT, self.id, keys, period)

    @classmethod
    def resolve_reference(cls, id: strawberry.ID) -> "Touchpoint":
        return cls(id=id)


def kpi_of(record: pb.Kpi) -> Kpi:
    return Kpi(id=strawberry.ID(record.id), record=record)


@strawberry.type
class KpiQuery:
    @strawberry.field(description="By key; null when there is none.")
    async def kpi(self, info: Info, key: str) -> Kpi | None:
        record = await metrics_of(info).kpis.load(key)
        return kpi_of(record) if record is not None else None

    @strawberry.field(description="All that are not archived, by key; or those of the keys.")
    async def kpis(self, info: Info, keys: list[str] | None = None) -> list[Kpi] | None:
        client = metrics_of(info)
        if keys is not None:
            return [
                kpi_of(found(record, key)) for key, record in zip(keys, await client.kpis.load_many(keys), strict=True)
            ]
        answer: pb.ListKpisResponse = await client.call(client.stubs.kpis.ListKpis, pb.ListKpisRequest())
        return [kpi_of(record) for record in answer.kpis]


@strawberry.type
class KpiSubscription:
    @strawberry.subscription(description="The result over the last 30 days: now, and whenever it changes.")
    async def kpi_changed(self, info: Info, key: str) -> AsyncGenerator[KpiResult | None]:
        client = metrics_of(info)
        request = pb.WatchResultRequest(kpi=key, selection=wanted(info), language=info.context.language)
        async for answer in info.context.stream(SERVICE, "WatchResult", client.stubs.kpis.WatchResult, request):
            yield KpiResult(record=answer.result)
