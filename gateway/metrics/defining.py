"""Definitions of KPIs in the graph: tried, saved as the next version, archived."""

from datetime import date, datetime
from typing import Any

import strawberry
from rundblick.metrics.v1 import kpi_pb2 as pb

from gateway.metrics.client import metrics_of
from gateway.metrics.kpi import Aggregation, Kpi, KpiDirection, kpi_of
from gateway.metrics.result import Exclusion
from gateway.shared import Info, UserError, camel, mutate, needed, present


@strawberry.input
class KpiTargetInput:
    value: float
    since: date | None = None
    until: date | None = None


@strawberry.input
class DefineKpiInput:
    key: str
    name: str
    unit: str = strawberry.field(description="s, d, 1, EUR ...")
    direction: KpiDirection
    aggregation: Aggregation
    description: str = ""
    event: str | None = None
    filter: str | None = strawberry.field(default=None, description="CEL over `event`, true or false.")
    value: str | None = strawberry.field(default=None, description="CEL over `event`; a number, for a RATE a truth.")
    quantile: float | None = None
    of: list[str] | None = None
    dimension_sets: list[list[str]] | None = strawberry.field(default=None, description="The total is always kept.")
    target: KpiTargetInput | None = None
    owner: strawberry.ID | None = None
    per_customer: bool = False
    version: int | None = strawberry.field(default=None, description="Refused when it is not the newest; 0: none yet.")
    dry_run: bool = strawberry.field(default=False, description="Say what would change, try it, and save nothing.")
    idempotency_key: str | None = None


@strawberry.type
class DefinitionChange:
    field: str
    before: str
    after: str


@strawberry.type
class TrialFault:
    message: str
    count: int
    event: strawberry.ID = strawberry.field(description="One of them.")


@strawberry.type
class TrialValue:
    event: strawberry.ID
    started_at: datetime
    value: float | None


@strawberry.type(description="What the definition makes of the newest stored events.")
class Trial:
    examined: int
    counted: int
    filtered: int
    left_out: list[Exclusion]
    faults: list[TrialFault]
    values: list[TrialValue]
    result: float | None


@strawberry.type
class DefineKpiPayload:
    user_errors: list[UserError]
    kpi: Kpi | None = None
    changes: list[DefinitionChange] | None = strawberry.field(default=None, description="None: it is already so.")
    trial: Trial | None = strawberry.field(default=None, description="Of a dry run.")


@strawberry.input
class ArchiveKpiInput:
    key: str
    version: int | None = None
    idempotency_key: str | None = None


@strawberry.type
class ArchiveKpiPayload:
    user_errors: list[UserError]
    kpi: Kpi | None = None


def _draft(input: DefineKpiInput) -> pb.KpiDraft:
    target = input.target
    return pb.KpiDraft(
        key=input.key,
        name=input.name,
        description=input.description,
        unit=input.unit,
        direction=pb.KpiDirection.Value(f"KPI_DIRECTION_{input.direction.value}"),
        event=input.event or "",
        filter=input.filter,
        value=input.value,
        aggregation=pb.Aggregation.Value(f"AGGREGATION_{input.aggregation.value}"),
        quantile=input.quantile,
        of=input.of,
        dimension_sets=[pb.DimensionSet(dimensions=one) for one in input.dimension_sets or ()],
        target=pb.KpiTarget(value=target.value, since=_day(target.since), until=_day(target.until)) if target else None,
        owner_id=input.owner,
        per_customer=input.per_customer,
    )


def _day(day: date | None) -> str | None:
    return day.isoformat() if day is not None else None


def _trial(trial: pb.Trial) -> Trial:
    return Trial(
        examined=trial.examined,
        counted=trial.counted,
        filtered=trial.filtered,
        left_out=[Exclusion(reason=one.reason, count=one.count) for one in trial.left_out],
        faults=[
            TrialFault(message=one.message, count=one.count, event=strawberry.ID(one.event_id)) for one in trial.faults
        ],
        values=[
            TrialValue(
                event=strawberry.ID(one.event_id), started_at=needed(one, "started_at"), value=present(one, "value")
            )
            for one in trial.values
        ],
        result=present(trial, "result"),
    )


@strawberry.type
class DefiningMutation:
    @strawberry.mutation(description="A new KPI, or the next version of one; stored events are counted for it.")
    async def define_kpi(self, info: Info, input: DefineKpiInput) -> DefineKpiPayload | None:
        client = metrics_of(info)
        request = pb.DefineKpiRequest(
            idempotency_key=input.idempotency_key,
            draft=_draft(input),
            version=input.version,
            dry_run=input.dry_run,
        )

        async def work() -> dict[str, Any]:
            answer: pb.DefineKpiResponse = await client.call(client.stubs.kpis.DefineKpi, request)
            return {
                "kpi": kpi_of(answer.kpi),
                "changes": [
                    DefinitionChange(field=camel(one.field), before=one.before, after=one.after)
                    for one in answer.changes
                ],
                "trial": _trial(answer.trial) if answer.HasField("trial") else None,
            }

        return await mutate(DefineKpiPayload, work())

    @strawberry.mutation(description="It is not counted any more; what was counted stays.")
    async def archive_kpi(self, info: Info, input: ArchiveKpiInput) -> ArchiveKpiPayload | None:
        client = metrics_of(info)
        request = pb.ArchiveKpiRequest(idempotency_key=input.idempotency_key, key=input.key, version=input.version)

        async def work() -> dict[str, Any]:
            answer: pb.ArchiveKpiResponse = await client.call(client.stubs.kpis.ArchiveKpi, request)
            return {"kpi": kpi_of(answer.kpi)}

        return await mutate(ArchiveKpiPayload, work())
