"""Spend in the graph: money that went into touchpoints and campaigns."""

from datetime import date
from typing import TYPE_CHECKING, Annotated, Any

import strawberry
from rundblick.customers.v1 import spend_pb2 as pb

from gateway.customers.client import customers_of
from gateway.customers.touchpoint import Touchpoint
from gateway.shared import Info, Money, MoneyInput, PageInfo, UserError, mutate, page_request, present

if TYPE_CHECKING:
    from gateway.customers.campaign import Campaign

CampaignRef = Annotated["Campaign", strawberry.lazy("gateway.customers.campaign")]


@strawberry.type(description="So much money, on a day, on a campaign, a touchpoint or both.")
class Spend:
    id: strawberry.ID
    record: strawberry.Private[Any]

    @strawberry.field
    def campaign(self) -> CampaignRef | None:
        from gateway.customers.campaign import Campaign  # noqa: PLC0415  # the two know each other

        return Campaign(id=strawberry.ID(self.record.campaign_id)) if present(self.record, "campaign_id") else None

    @strawberry.field
    def touchpoint(self) -> Touchpoint | None:
        return (
            Touchpoint(id=strawberry.ID(self.record.touchpoint_id)) if self.record.HasField("touchpoint_id") else None
        )

    @strawberry.field(description="Below zero: a credit.")
    def amount(self) -> Money:
        return Money.of(self.record.amount)

    @strawberry.field
    def day(self) -> date:
        return date.fromisoformat(self.record.day)

    @strawberry.field
    def note(self) -> str | None:
        note: str | None = present(self.record, "note")
        return note

    @strawberry.field
    def source(self) -> str:
        return str(self.record.source)

    @strawberry.field(description="Of the source's own entry, by which it is known again.")
    def external_id(self) -> str | None:
        external_id: str | None = present(self.record, "external_id")
        return external_id

    @strawberry.field(description="Grows with each correction.")
    def version(self) -> int:
        return int(self.record.version)


@strawberry.type
class SpendEdge:
    cursor: str
    node: Spend


@strawberry.type
class SpendConnection:
    edges: list[SpendEdge]
    page_info: PageInfo


def spend_of(record: pb.Spend) -> Spend:
    return Spend(id=strawberry.ID(record.id), record=record)


async def spend_of_campaign(
    info: Info, campaign: str, first: int | None, after: str | None, last: int | None, before: str | None
) -> SpendConnection:
    arguments = pb.BatchListSpendRequest(page=page_request(first, after, last, before))
    page: pb.SpendPage = await customers_of(info).spend.load(campaign, arguments)
    return SpendConnection(
        edges=[SpendEdge(cursor=edge.cursor, node=spend_of(edge.node)) for edge in page.edges],
        page_info=PageInfo.of(page.page_info),
    )


@strawberry.input(description="The same source and external id again is the same entry; other values correct it.")
class RecordSpendInput:
    campaign: strawberry.ID | None = strawberry.field(default=None, description="At least one of the two.")
    touchpoint: strawberry.ID | None = None
    amount: MoneyInput
    day: date
    note: str | None = None
    source: str = "rundblick"
    external_id: str | None = None
    idempotency_key: str | None = None


@strawberry.type
class RecordSpendPayload:
    user_errors: list[UserError]
    spend: Spend | None = None


@strawberry.type
class SpendMutation:
    @strawberry.mutation
    async def record_spend(self, info: Info, input: RecordSpendInput) -> RecordSpendPayload | None:
        client = customers_of(info)
        request = pb.RecordSpendRequest(
            idempotency_key=input.idempotency_key,
            campaign_id=input.campaign,
            touchpoint_id=input.touchpoint,
            amount=input.amount.to_proto(),
            day=input.day.isoformat(),
            note=input.note,
            source=input.source,
            external_id=input.external_id,
        )

        async def work() -> dict[str, Any]:
            answer = await client.call(client.stubs.spend.RecordSpend, request)
            return {"spend": spend_of(answer.spend)}

        return await mutate(RecordSpendPayload, work())
