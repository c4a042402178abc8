"""Campaigns in the graph: the concept behind touchpoints."""

from datetime import date
from enum import Enum
from typing import Any

import strawberry
from rundblick.customers.v1 import campaign_pb2 as pb
from strawberry import UNSET, federation

from gateway.customers.client import customers_of
from gateway.customers.employee import Employee
from gateway.customers.segment import Segment
from gateway.customers.spend import SpendConnection, spend_of_campaign
from gateway.customers.touchpoint import Touchpoint
from gateway.shared import (
    Info,
    Money,
    MoneyInput,
    Named,
    Node,
    PageInfo,
    UserError,
    enum_of,
    mutate,
    owned,
    page_request,
    present,
)


@strawberry.enum
class CampaignStatus(Enum):
    PLANNING = "PLANNING"
    ACTIVE = "ACTIVE"
    INACTIVE = "INACTIVE"
    COMPLETE = "COMPLETE"


@strawberry.type(description="That a key figure reaches a target by a day.")
class CampaignGoal:
    kpi: str = strawberry.field(description="Its key.")
    target: float = strawberry.field(description="In the unit of the key figure.")
    due_on: date


async def load_campaign(info: Info, id: str) -> Any:
    return await customers_of(info).campaigns.load(id)


def _goal(record: pb.Campaign) -> CampaignGoal | None:
    if not record.HasField("goal"):
        return None
    goal = record.goal
    return CampaignGoal(kpi=goal.kpi, target=goal.target, due_on=date.fromisoformat(goal.due_on))


def _status(record: pb.Campaign) -> CampaignStatus:
    return enum_of(CampaignStatus, pb.CampaignStatus, record.status, "CAMPAIGN_STATUS_")


def _money(record: pb.Campaign, name: Any) -> Money | None:
    return Money.of(getattr(record, name)) if record.HasField(name) else None


def _touchpoints(record: pb.Campaign) -> list[Touchpoint]:
    return [Touchpoint(id=strawberry.ID(id)) for id in record.touchpoint_ids]


def _segments(record: pb.Campaign) -> list[Segment]:
    return [Segment(id=strawberry.ID(id)) for id in record.segment_ids]


def _owner(record: pb.Campaign) -> Employee | None:
    return Employee(id=strawberry.ID(record.owner_id)) if record.HasField("owner_id") else None


@federation.type(keys=["id"], description="What touchpoints are used for: which goal, how much money, when and where.")
class Campaign(Named, Node):
    id: strawberry.ID
    record: strawberry.Private[Any] = None

    name: str = strawberry.field(resolver=owned(load_campaign, lambda record: record.name))
    objective: str = strawberry.field(resolver=owned(load_campaign, lambda record: record.objective))
    goal: CampaignGoal | None = strawberry.field(resolver=owned(load_campaign, _goal))
    status: CampaignStatus = strawberry.field(resolver=owned(load_campaign, _status))
    starts_on: date = strawberry.field(resolver=owned(load_campaign, lambda r: date.fromisoformat(r.starts_on)))
    ends_on: date = strawberry.field(
        resolver=owned(load_campaign, lambda r: date.fromisoformat(r.ends_on)), description="The last day."
    )
    budget: Money = strawberry.field(resolver=owned(load_campaign, lambda record: Money.of(record.budget)))
    expected_cost: Money | None = strawberry.field(resolver=owned(load_campaign, lambda r: _money(r, "expected_cost")))
    expected_revenue: Money | None = strawberry.field(
        resolver=owned(load_campaign, lambda r: _money(r, "expected_revenue"))
    )
    expected_reach: int | None = strawberry.field(
        resolver=owned(load_campaign, lambda r: present(r, "expected_reach")), description="People."
    )
    touchpoints: list[Touchpoint] = strawberry.field(resolver=owned(load_campaign, _touchpoints))
    target_segments: list[Segment] = strawberry.field(
        resolver=owned(load_campaign, _segments), description="Whom it is for."
    )
    owner: Employee | None = strawberry.field(resolver=owned(load_campaign, _owner), description="Who answers for it.")
    source: str = strawberry.field(resolver=owned(load_campaign, lambda record: record.source))
    version: int = strawberry.field(resolver=owned(load_campaign, lambda record: record.version))

    @strawberry.field(description="The newest day first.")
    async def spend(
        self,
        info: Info,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
    ) -> SpendConnection | None:
        return await spend_of_campaign(info, self.id, first, after, last, before)

    @classmethod
    def resolve_reference(cls, id: strawberry.ID) -> "Campaign":
        return cls(id=id)


@strawberry.type
class CampaignEdge:
    cursor: str
    node: Campaign


@strawberry.type
class CampaignConnection:
    edges: list[CampaignEdge]
    page_info: PageInfo


@strawberry.input(description="Those that run on any day from the first to the last.")
class DaysInput:
    first: date | None = None
    last: date | None = None


@strawberry.input
class CampaignFilter:
    statuses: list[CampaignStatus] | None = None
    touchpoints: list[strawberry.ID] | None = strawberry.field(default=None, description="At any of them.")
    owner: strawberry.ID | None = None
    runs: DaysInput | None = None


@strawberry.input
class CampaignGoalInput:
    kpi: str = strawberry.field(description="Its key.")
    target: float = strawberry.field(description="In the unit of the key figure.")
    due_on: date

    def to_proto(self) -> pb.CampaignGoal:
        return pb.CampaignGoal(kpi=self.kpi, target=self.target, due_on=self.due_on.isoformat())


@strawberry.input(description="Amounts are in the currency of the deployment.")
class CreateCampaignInput:
    name: str
    objective: str
    starts_on: date
    ends_on: date
    budget: MoneyInput
    status: CampaignStatus | None = strawberry.field(default=None, description="Not said: PLANNING.")
    goal: CampaignGoalInput | None = None
    expected_cost: MoneyInput | None = None
    expected_revenue: MoneyInput | None = None
    expected_reach: int | None = None
    touchpoints: list[strawberry.ID] = strawberry.field(default_factory=list)
    target_segments: list[strawberry.ID] = strawberry.field(default_factory=list, description="Whom it is for.")
    owner: strawberry.ID | None = None
    idempotency_key: str | None = None


@strawberry.input(description="What is not named stays as it was.")
class UpdateCampaignInput:
    id: strawberry.ID
    version: int = strawberry.field(description="The one the change was made from.")
    name: str | None = UNSET
    objective: str | None = UNSET
    starts_on: date | None = UNSET
    ends_on: date | None = UNSET
    budget: MoneyInput | None = UNSET
    status: CampaignStatus | None = UNSET
    goal: CampaignGoalInput | None = strawberry.field(default=UNSET, description="null: none any more")
    expected_cost: MoneyInput | None = strawberry.field(default=UNSET, description="null: no longer set")
    expected_revenue: MoneyInput | None = strawberry.field(default=UNSET, description="null: no longer set")
    expected_reach: int | None = strawberry.field(default=UNSET, description="null: no longer set")
    touchpoints: list[strawberry.ID] | None = strawberry.field(default=UNSET, description="All of them.")
    target_segments: list[strawberry.ID] | None = strawberry.field(default=UNSET, description="All of them.")
    owner: strawberry.ID | None = strawberry.field(default=UNSET, description="null: nobody any more")
    idempotency_key: str | None = None


@strawberry.type
class CreateCampaignPayload:
    user_errors: list[UserError]
    campaign: Campaign | None = None


@strawberry.type
class UpdateCampaignPayload:
    user_errors: list[UserError]
    campaign: Campaign | None = None


_PATHS = {"touchpoints": "touchpoint_ids", "target_segments": "segment_ids", "owner": "owner_id"}
_SAID = (
    *("name", "objective", "goal", "status", "starts_on", "ends_on", "budget", "expected_cost", "expected_revenue"),
    *("expected_reach", "touchpoints", "target_segments", "owner"),
)


def _value(value: Any) -> Any:
    if isinstance(value, MoneyInput | CampaignGoalInput):
        return value.to_proto()
    if isinstance(value, CampaignStatus):
        return pb.CampaignStatus.Value(f"CAMPAIGN_STATUS_{value.value}")
    return value.isoformat() if isinstance(value, date) else value


def _fields(input: Any) -> pb.CampaignFields:
    said = {name: getattr(input, name) for name in _SAID}
    return pb.CampaignFields(
        **{_PATHS.get(name, name): _value(v) for name, v in said.items() if v is not UNSET and v is not None}
    )


def campaign_of(record: pb.Campaign) -> Campaign:
    return Campaign(id=strawberry.ID(record.id), record=record)


def _connection(page: pb.CampaignPage) -> CampaignConnection:
    return CampaignConnection(
        edges=[CampaignEdge(cursor=edge.cursor, node=campaign_of(edge.node)) for edge in page.edges],
        page_info=PageInfo.of(page.page_info),
    )


async def campaigns_of_touchpoint(
    info: Info, touchpoint: str, first: int | None, after: str | None, last: int | None, before: str | None
) -> CampaignConnection:
    arguments = pb.BatchListCampaignsRequest(page=page_request(first, after, last, before))
    return _connection(await customers_of(info).campaigns_of_touchpoints.load(touchpoint, arguments))


@strawberry.type
class CampaignQuery:
    @strawberry.field(description="The newest beginning first.")
    async def campaigns(
        self,
        info: Info,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
        filter: CampaignFilter | None = None,
    ) -> CampaignConnection | None:
        client = customers_of(info)
        request = pb.ListCampaignsRequest(page=page_request(first, after, last, before))
        if filter is not None:
            runs = filter.runs or DaysInput()
            wanted: dict[str, Any] = {
                "statuses": [_value(status) for status in filter.statuses or ()],
                "touchpoint_ids": filter.touchpoints,
                "owner_id": filter.owner,
                "from": _value(runs.first),
                "to": _value(runs.last),
            }
            request.filter.CopyFrom(pb.CampaignFilter(**wanted))
        answer: pb.ListCampaignsResponse = await client.call(client.stubs.campaigns.ListCampaigns, request)
        return _connection(answer.page)


@strawberry.type
class CampaignMutation:
    @strawberry.mutation
    async def create_campaign(self, info: Info, input: CreateCampaignInput) -> CreateCampaignPayload | None:
        client = customers_of(info)
        request = pb.CreateCampaignRequest(idempotency_key=input.idempotency_key, fields=_fields(input))

        async def work() -> dict[str, Any]:
            answer = await client.call(client.stubs.campaigns.CreateCampaign, request)
            return {"campaign": campaign_of(answer.campaign)}

        return await mutate(CreateCampaignPayload, work())

    @strawberry.mutation
    async def update_campaign(self, info: Info, input: UpdateCampaignInput) -> UpdateCampaignPayload | None:
        client = customers_of(info)
        request = pb.UpdateCampaignRequest(
            idempotency_key=input.idempotency_key,
            id=input.id,
            version=input.version,
            fields=_fields(input),
            paths=[_PATHS.get(name, name) for name in _SAID if getattr(input, name) is not UNSET],
        )

        async def work() -> dict[str, Any]:
            answer = await client.call(client.stubs.campaigns.UpdateCampaign, request)
            return {"campaign": campaign_of(answer.campaign)}

        return await mutate(UpdateCampaignPayload, work())
