"""What metrics adds to campaigns in the graph: figures, results and warnings."""

from enum import Enum
from typing import Any

import strawberry
from rundblick.metrics.v1 import campaign_pb2 as pb
from rundblick.metrics.v1 import kpi_pb2
from strawberry import federation

from gateway.metrics.client import metrics_of
from gateway.metrics.kpi import of_subject
from gateway.metrics.result import KpiResult, PeriodInput, message_of
from gateway.shared import Info, Message, Money, Named, Node, enum_of, present


@strawberry.enum
class CampaignWarningCode(Enum):
    BUDGET_UNUSED = "BUDGET_UNUSED"
    SPEND_WITHOUT_RESPONSE = "SPEND_WITHOUT_RESPONSE"
    GOAL_AT_RISK = "GOAL_AT_RISK"
    OVERSPENT = "OVERSPENT"


@strawberry.enum(description="By which contacts with campaigns before it an enquiry is credited to them.")
class AttributionRule(Enum):
    LAST_TOUCH = "LAST_TOUCH"
    FIRST_TOUCH = "FIRST_TOUCH"
    LINEAR = "LINEAR"


@strawberry.type(description="What should be looked at; each number in the sentence is a parameter of it.")
class CampaignWarning:
    code: CampaignWarningCode
    message: Message


@strawberry.type(description="What a campaign brought over all time, in the currency of its budget.")
class CampaignResults:
    reach: float | None = strawberry.field(description="People, as the media say; null: nobody said.")
    interactions: int = strawberry.field(description="Contacts that belong to it.")
    enquiries: float = strawberry.field(description="Shares of several campaigns in one enquiry add up to one.")
    opportunities_won: int | None = strawberry.field(
        description="Those that name it as where they came from, each of them whole; null: none was closed."
    )
    revenue: Money | None = strawberry.field(description="Of these opportunities; null: nothing is known of any.")
    actual_cost: Money
    cost_per_contact: Money | None = strawberry.field(description="Null: there was no contact.")
    cost_per_enquiry: Money | None = strawberry.field(description="Null: there was no enquiry.")
    return_on_spend: float | None = strawberry.field(description="Revenue by cost: 1.5 is half more than was spent.")
    unused_budget: Money = strawberry.field(description="Below zero: overspent.")
    attribution_rule: AttributionRule
    attribution_days: int = strawberry.field(description="Contacts further back have no part in an enquiry.")


def _results(record: pb.CampaignResults) -> CampaignResults:
    def money(name: Any) -> Money | None:
        return Money.of(getattr(record, name)) if record.HasField(name) else None

    return CampaignResults(
        reach=present(record, "reach"),
        interactions=record.interactions,
        enquiries=record.enquiries,
        opportunities_won=present(record, "opportunities_won"),
        revenue=money("revenue"),
        actual_cost=Money.of(record.actual_cost),
        cost_per_contact=money("cost_per_contact"),
        cost_per_enquiry=money("cost_per_enquiry"),
        return_on_spend=present(record, "return_on_spend"),
        unused_budget=Money.of(record.unused_budget),
        attribution_rule=AttributionRule(record.attribution_rule),
        attribution_days=record.attribution_days,
    )


def _warning(record: pb.CampaignWarning) -> CampaignWarning:
    code = enum_of(CampaignWarningCode, pb.CampaignWarningCode, record.code, "CAMPAIGN_WARNING_CODE_")
    return CampaignWarning(code=code, message=message_of(record.message))


@federation.type(keys=["id"])
class Campaign(Named, Node):
    id: strawberry.ID

    @strawberry.field(description="All KPIs when no keys are given; over all time without a period.")
    async def kpis(
        self, info: Info, keys: list[str] | None = None, period: PeriodInput | None = None
    ) -> list[KpiResult] | None:
        return await of_subject(info, kpi_pb2.SUBJECT_KIND_CAMPAIGN, self.id, keys, period)

    @strawberry.field(description="Null until its plan has arrived here.")
    async def results(self, info: Info) -> CampaignResults | None:
        report = await metrics_of(info).campaigns.load(self.id)
        return _results(report.results) if report is not None else None

    @strawberry.field(description="What should be looked at today.")
    async def warnings(self, info: Info) -> list[CampaignWarning] | None:
        report = await metrics_of(info).campaigns.load(self.id)
        return [_warning(one) for one in report.warnings] if report is not None else None

    @classmethod
    def resolve_reference(cls, id: strawberry.ID) -> "Campaign":
        return cls(id=id)
