"""Changes in the graph: what the company changed, when and where."""

from datetime import datetime
from enum import Enum
from typing import Any

import strawberry
from rundblick.metrics.v1 import change_pb2 as pb
from rundblick.metrics.v1 import comparison_pb2
from strawberry import federation

from chassis.times import to_timestamp
from gateway.metrics.client import metrics_of
from gateway.metrics.comparison import Comparison, compare_change, days_of
from gateway.metrics.kpi import Touchpoint
from gateway.metrics.measure import Measure
from gateway.metrics.result import PeriodInput, wanted
from gateway.shared import Info, Named, Node, PageInfo, UserError, enum_of, mutate, needed, owned, page_request, present


@strawberry.enum
class ChangeKind(Enum):
    TOOL = "TOOL"
    PROCESS = "PROCESS"
    PRICE = "PRICE"
    OFFER = "OFFER"
    BUSINESS_MODEL = "BUSINESS_MODEL"
    STAFFING = "STAFFING"
    PRODUCT = "PRODUCT"
    SERVICE = "SERVICE"
    COMMUNICATION = "COMMUNICATION"


async def load_change(info: Info, id: str) -> Any:
    return await metrics_of(info).changes.load(id)


def _kind(record: pb.Change) -> ChangeKind:
    return enum_of(ChangeKind, pb.ChangeKind, record.kind, "CHANGE_KIND_")


# One that cannot be had is null, and the others stand: they are another service's.
def _touchpoints(record: pb.Change) -> list[Touchpoint | None]:
    return [Touchpoint(id=strawberry.ID(id)) for id in record.touchpoint_ids]


def _measure(record: pb.Change) -> Measure | None:
    return Measure(id=strawberry.ID(record.measure_id)) if record.HasField("measure_id") else None


@federation.type(keys=["id"], description="Something the company changed, and whose effect it wants to know.")
class Change(Named, Node):
    id: strawberry.ID
    record: strawberry.Private[Any] = None

    name: str = strawberry.field(resolver=owned(load_change, lambda record: record.name))
    kind: ChangeKind = strawberry.field(resolver=owned(load_change, _kind))
    introduced_at: datetime = strawberry.field(
        resolver=owned(load_change, lambda record: needed(record, "introduced_at")), description="May lie ahead."
    )
    touchpoints: list[Touchpoint | None] = strawberry.field(
        resolver=owned(load_change, _touchpoints), description="Where; empty: everywhere."
    )
    description: str | None = strawberry.field(
        resolver=owned(load_change, lambda record: present(record, "description"))
    )

    measure: Measure | None = strawberry.field(
        resolver=owned(load_change, _measure), description="That was introduced by it."
    )

    @strawberry.field(
        description="Did the KPI (id or key) move? So long (days or weeks: P90D, P12W) after it as before it."
    )
    async def effect(self, info: Info, kpi: str, window: str = "P90D") -> Comparison:
        request = comparison_pb2.CompareChangeRequest(
            change_id=self.id,
            kpi=kpi,
            days=days_of(window),
            language=info.context.language,
            baseline_selection=wanted(info, "baseline"),
            current_selection=wanted(info, "current"),
        )
        return await compare_change(info, request)

    @classmethod
    def resolve_reference(cls, id: strawberry.ID) -> "Change":
        return cls(id=id)


@strawberry.type
class ChangeEdge:
    cursor: str
    node: Change


@strawberry.type
class ChangeConnection:
    edges: list[ChangeEdge]
    page_info: PageInfo


@strawberry.input
class ChangeFilter:
    kinds: list[ChangeKind] | None = None
    touchpoints: list[strawberry.ID] | None = strawberry.field(
        default=None, description="What changed at any of them, or everywhere."
    )
    period: PeriodInput | None = strawberry.field(default=None, description="Introduced in it.")


@strawberry.input
class RecordChangeInput:
    name: str
    kind: ChangeKind
    introduced_at: datetime
    touchpoints: list[strawberry.ID] | None = strawberry.field(default=None, description="None: everywhere.")
    description: str | None = None
    idempotency_key: str | None = None


@strawberry.type
class RecordChangePayload:
    user_errors: list[UserError]
    change: Change | None = None


def change_of(record: pb.Change) -> Change:
    return Change(id=strawberry.ID(record.id), record=record)


def _kind_value(kind: ChangeKind) -> Any:
    return pb.ChangeKind.Value(f"CHANGE_KIND_{kind.value}")


@strawberry.type
class ChangeQuery:
    @strawberry.field(description="Null when there is none.")
    async def change(self, info: Info, id: strawberry.ID) -> Change | None:
        record = await load_change(info, id)
        return change_of(record) if record is not None else None

    @strawberry.field(description="The newest introduction first.")
    async def changes(
        self,
        info: Info,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
        filter: ChangeFilter | None = None,
    ) -> ChangeConnection | None:
        client = metrics_of(info)
        request = pb.ListChangesRequest(page=page_request(first, after, last, before))
        if filter is not None:
            request.filter.kinds.extend(map(_kind_value, filter.kinds or ()))
            request.filter.touchpoint_ids.extend(filter.touchpoints or ())
            if filter.period is not None:
                request.filter.period.CopyFrom(filter.period.to_proto())
        answer: pb.ListChangesResponse = await client.call(client.stubs.changes.ListChanges, request)
        return ChangeConnection(
            edges=[ChangeEdge(cursor=edge.cursor, node=change_of(edge.node)) for edge in answer.edges],
            page_info=PageInfo.of(answer.page_info),
        )


@strawberry.type
class ChangeMutation:
    @strawberry.mutation(description="Says what the company changed, when and where.")
    async def record_change(self, info: Info, input: RecordChangeInput) -> RecordChangePayload | None:
        client = metrics_of(info)
        request = pb.RecordChangeRequest(
            idempotency_key=input.idempotency_key,
            name=input.name,
            kind=_kind_value(input.kind),
            introduced_at=to_timestamp(input.introduced_at),
            touchpoint_ids=input.touchpoints,
            description=input.description,
        )

        async def work() -> dict[str, Any]:
            answer: pb.RecordChangeResponse = await client.call(client.stubs.changes.RecordChange, request)
            return {"change": change_of(answer.change)}

        return await mutate(RecordChangePayload, work())
