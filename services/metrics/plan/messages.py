"""Plans as messages."""

from rundblick.metrics.v1 import kpi_pb2
from rundblick.metrics.v1 import plan_pb2 as pb

from services.metrics.kpi.messages import interval_to_proto, period_to_proto
from services.metrics.kpi.periods import Days
from services.metrics.kpi.results import Interval
from services.metrics.plan.domain import Cost, Plan, Said
from services.metrics.plan.words import text


def to_proto(plan: Plan, days: Days, campaign: str | None, unit: str, language: str) -> pb.TouchpointPlan:
    def message(said: Said) -> kpi_pb2.LocalizedMessage:
        parameters = {name: repr(number) for name, number in said.numbers.items()} | {"unit": unit}
        return kpi_pb2.LocalizedMessage(code=said.code.value, parameters=parameters, text=text(said, unit, language))

    return pb.TouchpointPlan(
        period=period_to_proto(days),
        campaign_id=campaign,
        unit=unit,
        touchpoints=[
            pb.TouchpointCost(
                touchpoint_id=one.touchpoint,
                spend=one.spend,
                responses=one.responses,
                cost_per_response=_interval(one.cost),
                finding=message(one.finding),
            )
            for one in plan.touchpoints
        ],
        moves=[
            pb.BudgetMove(
                from_touchpoint_id=move.source.touchpoint,
                to_touchpoint_id=move.target.touchpoint,
                times=move.times,
                message=message(move.message),
            )
            for move in plan.moves
        ],
        because=message(plan.because),
    )


def _interval(cost: Cost | None) -> kpi_pb2.Interval | None:
    return interval_to_proto(Interval(cost.value, cost.lower, cost.upper)) if cost is not None else None
