"""Plans and reports of campaigns as messages, and back."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from rundblick.metrics.v1 import campaign_pb2 as pb
from rundblick.metrics.v1 import kpi_pb2
from rundblick.shared.v1 import money_pb2

from chassis.errors import InvalidInput
from services.metrics.campaign.domain import Code, Goal, Plan, Results, Warned
from services.metrics.campaign.words import text

CODE_TO_PROTO: Mapping[Code, Any] = {
    code: pb.CampaignWarningCode.Value(f"CAMPAIGN_WARNING_CODE_{code.value}") for code in Code
}


def plan_from_proto(message: pb.Plan) -> Plan:
    try:
        goal = message.goal
        return Plan(
            campaign=message.campaign_id,
            version=message.version,
            running=message.running,
            starts_on=date.fromisoformat(message.starts_on),
            ends_on=date.fromisoformat(message.ends_on),
            budget=Decimal(message.budget.amount),
            currency=message.budget.currency,
            goal=Goal(goal.kpi, goal.target, date.fromisoformat(goal.due_on)) if message.HasField("goal") else None,
            rule=message.attribution_rule,
            days=message.attribution_days,
        )
    except (ValueError, InvalidOperation):
        raise InvalidInput(f"the plan of {message.campaign_id[:80]} cannot be read", ("plans",)) from None


def report_to_proto(plan: Plan, results: Results, warnings: list[Warned], language: str) -> pb.CampaignReport:
    def money(amount: Decimal | None) -> money_pb2.Money | None:
        return None if amount is None else money_pb2.Money(amount=f"{amount:f}", currency=plan.currency)

    return pb.CampaignReport(
        results=pb.CampaignResults(
            reach=results.reach,
            interactions=results.interactions,
            enquiries=results.enquiries,
            opportunities_won=results.won,
            revenue=money(results.revenue),
            actual_cost=money(results.actual_cost),
            cost_per_contact=money(results.cost_per_contact),
            cost_per_enquiry=money(results.cost_per_enquiry),
            return_on_spend=results.return_on_spend,
            unused_budget=money(results.unused_budget),
            attribution_rule=plan.rule,
            attribution_days=plan.days,
        ),
        warnings=[
            pb.CampaignWarning(
                code=CODE_TO_PROTO[one.code],
                message=kpi_pb2.LocalizedMessage(
                    code=one.code.value,
                    parameters={name: repr(number) for name, number in one.numbers.items()} | dict(one.words),
                    text=text(one, language),
                ),
            )
            for one in warnings
        ],
    )
