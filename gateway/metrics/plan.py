"""Plans in the graph: what a response costs at each touchpoint, and which budget should go elsewhere."""

import strawberry
from rundblick.metrics.v1 import plan_pb2 as pb

from gateway.metrics.campaign import Campaign
from gateway.metrics.client import metrics_of
from gateway.metrics.kpi import Touchpoint
from gateway.metrics.result import Interval, Period, PeriodInput, message_of
from gateway.shared import Info, Message


@strawberry.type(description="A response is a contact in which a customer turned to the company.")
class TouchpointCost:
    touchpoint: Touchpoint
    spend: float
    responses: int
    cost_per_response: Interval | None = strawberry.field(
        description="All intervals hold together; null: nothing was spent, or nobody responded."
    )
    finding: Message = strawberry.field(description="Each number in the sentence is a field beside it.")


@strawberry.type(description="Money that would bring more elsewhere: the intervals of both do not overlap.")
class BudgetMove:
    source: Touchpoint = strawberry.field(name="from")
    target: Touchpoint = strawberry.field(name="to")
    times: float = strawberry.field(description="How many times as many responses the same money brought there.")
    message: Message


@strawberry.type(description="Where money works, by what it brought in a period.")
class TouchpointPlan:
    period: Period = strawberry.field(description="The one used: aligned outwards.")
    campaign: Campaign | None
    unit: str = strawberry.field(description="Of money.")
    touchpoints: list[TouchpointCost] = strawberry.field(description="The cheapest first, those without a cost last.")
    moves: list[BudgetMove] = strawberry.field(description="The costliest first.")
    because: Message = strawberry.field(description="Why so many moves, or none.")


def _touchpoint(id: str) -> Touchpoint:
    return Touchpoint(id=strawberry.ID(id))


def _cost(record: pb.TouchpointCost) -> TouchpointCost:
    return TouchpointCost(
        touchpoint=_touchpoint(record.touchpoint_id),
        spend=record.spend,
        responses=record.responses,
        cost_per_response=Interval.of(record.cost_per_response) if record.HasField("cost_per_response") else None,
        finding=message_of(record.finding),
    )


def _plan(record: pb.TouchpointPlan) -> TouchpointPlan:
    return TouchpointPlan(
        period=Period.of(record.period),
        campaign=Campaign(id=strawberry.ID(record.campaign_id)) if record.HasField("campaign_id") else None,
        unit=record.unit,
        touchpoints=[_cost(one) for one in record.touchpoints],
        moves=[
            BudgetMove(
                source=_touchpoint(move.from_touchpoint_id),
                target=_touchpoint(move.to_touchpoint_id),
                times=move.times,
                message=message_of(move.message),
            )
            for move in record.moves
        ],
        because=message_of(record.because),
    )


@strawberry.type
class PlanQuery:
    @strawberry.field(
        description="What a response cost at each touchpoint in a period, and where money should go instead."
    )
    async def touchpoint_plan(
        self, info: Info, period: PeriodInput, campaign: strawberry.ID | None = None
    ) -> TouchpointPlan | None:
        metrics = metrics_of(info)
        request = pb.GetTouchpointPlanRequest(
            period=period.to_proto(), campaign_id=campaign, language=info.context.language
        )
        answer: pb.GetTouchpointPlanResponse = await metrics.call(metrics.stubs.plans.GetTouchpointPlan, request)
        return _plan(answer.plan)
