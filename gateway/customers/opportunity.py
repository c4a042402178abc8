"""Opportunities in the graph: chances to sell, how far they are, and what became of them."""

from datetime import date, datetime
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any

import strawberry
from rundblick.customers.v1 import opportunity_pb2 as pb
from strawberry import federation

from gateway.customers.campaign import Campaign, DaysInput
from gateway.customers.client import customers_of
from gateway.customers.employee import Employee
from gateway.customers.offer import Offer
from gateway.shared import (
    Info,
    Money,
    Named,
    Node,
    PageInfo,
    enum_of,
    moment,
    needed,
    owned,
    page_request,
    present,
)

if TYPE_CHECKING:
    from gateway.customers.customer import Customer

CustomerRef = Annotated["Customer", strawberry.lazy("gateway.customers.customer")]


@strawberry.enum
class OpportunityStage(Enum):
    PROSPECTING = "PROSPECTING"
    QUALIFICATION = "QUALIFICATION"
    PROPOSAL = "PROPOSAL"
    NEGOTIATION = "NEGOTIATION"
    CLOSED_WON = "CLOSED_WON"
    CLOSED_LOST = "CLOSED_LOST"


@strawberry.enum(description="CLOSES_ON_ASC: those without a day last.")
class OpportunityOrder(Enum):
    OPENED_AT_DESC = "OPENED_AT_DESC"
    CLOSES_ON_ASC = "CLOSES_ON_ASC"


@strawberry.type(description="Since when it is, or was, at a stage.")
class OpportunityMove:
    stage: OpportunityStage
    at: datetime


async def load_opportunity(info: Info, id: str) -> Any:
    return await customers_of(info).opportunities.load(id)


def stage_of(number: int) -> OpportunityStage:
    return enum_of(OpportunityStage, pb.OpportunityStage, number, "OPPORTUNITY_STAGE_")


def stage_value(stage: OpportunityStage) -> Any:
    return pb.OpportunityStage.Value(f"OPPORTUNITY_STAGE_{stage.value}")


def _customer(record: pb.Opportunity) -> Any:
    from gateway.customers.customer import Customer  # noqa: PLC0415  # the two know each other

    return Customer(id=strawberry.ID(record.customer_id))


def _amount(record: pb.Opportunity) -> Money | None:
    return Money.of(record.amount) if record.HasField("amount") else None


def _closes_on(record: pb.Opportunity) -> date | None:
    return date.fromisoformat(record.closes_on) if record.HasField("closes_on") else None


def _offer(record: pb.Opportunity) -> Offer | None:
    return Offer(id=strawberry.ID(record.offer_id)) if record.HasField("offer_id") else None


def _campaign(record: pb.Opportunity) -> Campaign | None:
    return Campaign(id=strawberry.ID(record.campaign_id)) if record.HasField("campaign_id") else None


def _owner(record: pb.Opportunity) -> Employee | None:
    return Employee(id=strawberry.ID(record.owner_id)) if record.HasField("owner_id") else None


def _history(record: pb.Opportunity) -> list[OpportunityMove]:
    return [OpportunityMove(stage=stage_of(move.stage), at=needed(move, "at")) for move in record.history]


def _field(get: Any, description: str | None = None) -> Any:
    return strawberry.field(resolver=owned(load_opportunity, get), description=description)


@federation.type(keys=["id"], description="A chance to sell.")
class Opportunity(Named, Node):
    id: strawberry.ID
    record: strawberry.Private[Any] = None

    customer: CustomerRef | None = _field(_customer)
    title: str = _field(lambda record: record.title)
    stage: OpportunityStage = _field(lambda record: stage_of(record.stage))
    amount: Money | None = _field(_amount)
    probability: float = _field(lambda record: record.probability, "Of winning it; its own, else that of the stage.")
    own_probability: bool = _field(lambda record: record.own_probability)
    closes_on: date | None = _field(_closes_on, "By which day it is expected to be closed.")
    offer: Offer | None = _field(_offer)
    campaign: Campaign | None = _field(_campaign, "That it came from.")
    owner: Employee | None = _field(_owner, "Who works on it.")
    source: str = _field(lambda record: record.source)
    external_id: str | None = _field(lambda record: present(record, "external_id"), "Of the source's own record.")
    opened_at: datetime = _field(lambda record: needed(record, "opened_at"))
    closed_at: datetime | None = _field(lambda record: moment(record, "closed_at"))
    loss_reason: str | None = _field(lambda record: present(record, "loss_reason"))
    history: list[OpportunityMove] = _field(_history, "The oldest first; the last one is the stage of today.")
    version: int = _field(lambda record: record.version)

    @classmethod
    def resolve_reference(cls, id: strawberry.ID) -> "Opportunity":
        return cls(id=id)


@strawberry.type
class OpportunityEdge:
    cursor: str
    node: Opportunity


@strawberry.type
class OpportunityConnection:
    edges: list[OpportunityEdge]
    page_info: PageInfo


@strawberry.input
class OpportunityFilter:
    stages: list[OpportunityStage] | None = strawberry.field(default=None, description="Any of them.")
    owner: strawberry.ID | None = None
    customer: strawberry.ID | None = None
    team: strawberry.ID | None = strawberry.field(default=None, description="That of the owner.")
    campaign: strawberry.ID | None = None
    closes: DaysInput | None = strawberry.field(default=None, description="From the first day to the last.")

    def to_proto(self) -> pb.OpportunityFilter:
        closes = self.closes or DaysInput()
        return pb.OpportunityFilter(
            stages=map(stage_value, self.stages or ()),
            owner_id=self.owner,
            customer_id=self.customer,
            team_id=self.team,
            campaign_id=self.campaign,
            closes_from=closes.first.isoformat() if closes.first else None,
            closes_to=closes.last.isoformat() if closes.last else None,
        )


def opportunity_of(record: pb.Opportunity) -> Opportunity:
    return Opportunity(id=strawberry.ID(record.id), record=record)


def _connection(page: pb.OpportunityPage) -> OpportunityConnection:
    return OpportunityConnection(
        edges=[OpportunityEdge(cursor=edge.cursor, node=opportunity_of(edge.node)) for edge in page.edges],
        page_info=PageInfo.of(page.page_info),
    )


async def opportunities_of_customer(
    info: Info, customer: str, first: int | None, after: str | None, last: int | None, before: str | None
) -> OpportunityConnection:
    arguments = pb.BatchListOpportunitiesRequest(page=page_request(first, after, last, before))
    return _connection(await customers_of(info).opportunities_of_customers.load(customer, arguments))


@strawberry.type
class OpportunityQuery:
    @strawberry.field(description="Chances to sell; the newest first, unless another order is asked for.")
    async def opportunities(
        self,
        info: Info,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
        filter: OpportunityFilter | None = None,
        order_by: OpportunityOrder | None = None,
    ) -> OpportunityConnection | None:
        client = customers_of(info)
        request = pb.ListOpportunitiesRequest(page=page_request(first, after, last, before))
        if filter is not None:
            request.filter.CopyFrom(filter.to_proto())
        if order_by is not None:
            request.order_by = pb.OpportunityOrder.Value(f"OPPORTUNITY_ORDER_{order_by.value}")
        answer: pb.ListOpportunitiesResponse = await client.call(client.stubs.opportunities.ListOpportunities, request)
        return _connection(answer.page)
