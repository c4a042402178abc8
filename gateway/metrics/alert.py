"""Alerts in the graph: which KPI has left what it should be, since when, and until when."""

from datetime import date, datetime
from enum import Enum
from typing import Any

import strawberry
from rundblick.metrics.v1 import alert_pb2 as pb
from strawberry import federation

from gateway.metrics.client import metrics_of
from gateway.metrics.kpi import Kpi
from gateway.shared import Info, Named, Node, PageInfo, enum_of, found, moment, needed, owned, page_request, present


@strawberry.enum
class KpiAlertKind(Enum):
    TARGET = strawberry.enum_value("TARGET", description="The day misses the target that is meant for it.")
    CONTROL_LIMITS = strawberry.enum_value(
        "CONTROL_LIMITS", description="The day lies outside the limits within which chance alone keeps it."
    )


@strawberry.enum(description="Why an alert closed.")
class KpiAlertEnding(Enum):
    BACK_INSIDE = strawberry.enum_value("BACK_INSIDE", description="Two finished days in a row were inside again.")
    NEW_LEVEL = strawberry.enum_value("NEW_LEVEL", description="It stayed outside so long that this is how it is now.")
    REDEFINED = strawberry.enum_value(
        "REDEFINED", description="The KPI was archived, or its figures are made otherwise."
    )


async def load_alert(info: Info, id: str) -> Any:
    return await metrics_of(info).alerts.load(id)


def _kind(record: pb.Alert) -> KpiAlertKind:
    return enum_of(KpiAlertKind, pb.AlertKind, record.kind, "ALERT_KIND_")


def _ending(record: pb.Alert) -> KpiAlertEnding | None:
    if record.ending == pb.ALERT_ENDING_UNSPECIFIED:
        return None
    return enum_of(KpiAlertEnding, pb.AlertEnding, record.ending, "ALERT_ENDING_")


def _closed_day(record: pb.Alert) -> date | None:
    day = present(record, "closed_day")
    return date.fromisoformat(day) if day is not None else None


@federation.type(keys=["id"], description="A KPI's daily value has left what it should be: opens once, closes once.")
class KpiAlert(Named, Node):
    id: strawberry.ID
    record: strawberry.Private[Any] = None

    kind: KpiAlertKind = strawberry.field(resolver=owned(load_alert, _kind))
    opened_day: date = strawberry.field(
        resolver=owned(load_alert, lambda record: date.fromisoformat(record.opened_day)),
        description="The day it is about, in the reporting zone.",
    )
    value: float = strawberry.field(
        resolver=owned(load_alert, lambda record: record.value), description="Of that day, as it was judged."
    )
    n: int = strawberry.field(resolver=owned(load_alert, lambda record: record.n))
    lower: float | None = strawberry.field(
        resolver=owned(load_alert, lambda record: present(record, "lower")),
        description="The value should have been at least so much.",
    )
    upper: float | None = strawberry.field(
        resolver=owned(load_alert, lambda record: present(record, "upper")), description="And at most so much."
    )
    centre: float | None = strawberry.field(
        resolver=owned(load_alert, lambda record: present(record, "centre")), description="Of CONTROL_LIMITS."
    )
    opened_at: datetime = strawberry.field(
        resolver=owned(load_alert, lambda record: needed(record, "opened_at")), description="When it was judged."
    )
    closed_day: date | None = strawberry.field(
        resolver=owned(load_alert, _closed_day), description="The day with which it ended; null: it is open."
    )
    closed_at: datetime | None = strawberry.field(
        resolver=owned(load_alert, lambda record: moment(record, "closed_at"))
    )
    ending: KpiAlertEnding | None = strawberry.field(resolver=owned(load_alert, _ending))
    sequence: int = strawberry.field(
        resolver=owned(load_alert, lambda record: record.sequence),
        description="Of what happened to it last; grows over all alerts.",
    )

    @strawberry.field
    async def kpi(self, info: Info) -> Kpi | None:
        record = self.record if self.record is not None else found(await load_alert(info, self.id), self.id)
        return await _kpi(info, record.kpi_key)

    @classmethod
    def resolve_reference(cls, id: strawberry.ID) -> "KpiAlert":
        return cls(id=id)


async def _kpi(info: Info, key: str) -> Kpi | None:
    record = await metrics_of(info).kpis.load(key)
    return Kpi(id=strawberry.ID(record.id), record=record) if record is not None else None


@strawberry.type
class KpiAlertEdge:
    cursor: str
    node: KpiAlert


@strawberry.type
class KpiAlertConnection:
    edges: list[KpiAlertEdge]
    page_info: PageInfo


@strawberry.input
class KpiAlertFilter:
    kpis: list[str] | None = strawberry.field(default=None, description="Keys: of any of them.")
    open_only: bool = False
    after_sequence: int | None = strawberry.field(default=None, description="To which something happened after this.")


def alert_of(record: pb.Alert) -> KpiAlert:
    return KpiAlert(id=strawberry.ID(record.id), record=record)


async def open_alerts(info: Info, key: str) -> list[KpiAlert]:
    answer = await metrics_of(info).open_alerts.load(key)
    return [alert_of(record) for record in answer.alerts] if answer is not None else []


@strawberry.type
class AlertQuery:
    @strawberry.field(description="What happened last comes first.")
    async def kpi_alerts(
        self,
        info: Info,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
        filter: KpiAlertFilter | None = None,
    ) -> KpiAlertConnection | None:
        client = metrics_of(info)
        request = pb.ListAlertsRequest(page=page_request(first, after, last, before))
        if filter is not None:
            request.filter.kpi_keys.extend(filter.kpis or ())
            request.filter.open_only = filter.open_only
            if filter.after_sequence is not None:
                request.filter.after_sequence = filter.after_sequence
        answer: pb.ListAlertsResponse = await client.call(client.stubs.alerts.ListAlerts, request)
        return KpiAlertConnection(
            edges=[KpiAlertEdge(cursor=edge.cursor, node=alert_of(edge.node)) for edge in answer.edges],
            page_info=PageInfo.of(answer.page_info),
        )
