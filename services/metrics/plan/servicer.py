"""Answers PlanService calls: two figures of each touchpoint, day by day, held against each other."""

from datetime import date
from typing import Any

import numpy as np
from rundblick.metrics.v1 import plan_pb2 as pb
from rundblick.metrics.v1 import plan_pb2_grpc

from chassis.caller import Caller, Reach, current_caller
from chassis.errors import Forbidden, InvalidInput
from services.metrics.comparison.daily import parts_by_day
from services.metrics.evidence.sample import Floats
from services.metrics.kpi.access import Where
from services.metrics.kpi.catalogue import Catalogues
from services.metrics.kpi.domain import Kpi
from services.metrics.kpi.messages import days_from_proto
from services.metrics.kpi.periods import MOST_POINTS, Days
from services.metrics.kpi.question import Question
from services.metrics.kpi.reader import Reader
from services.metrics.kpi.results import Asked
from services.metrics.plan.domain import planned
from services.metrics.plan.estimating import Daily, estimated
from services.metrics.plan.messages import to_proto

_BY = "touchpoint"
_SPEND, _RESPONSES = "spend", "responses"
# The same question has the same answer.
_SEED = 20_260_301


class PlanServicer(plan_pb2_grpc.PlanServiceServicer):
    def __init__(self, catalogues: Catalogues, reader: Reader) -> None:
        self._catalogues = catalogues
        self._reader = reader

    async def GetTouchpointPlan(
        self, request: pb.GetTouchpointPlanRequest, context: Any
    ) -> pb.GetTouchpointPlanResponse:
        caller = _of_everything()
        catalogue = await self._catalogues.current()
        days = days_from_proto(request.period, catalogue.zone)
        if (days.end - days.start).days > MOST_POINTS:
            raise InvalidInput(f"a plan looks at {MOST_POINTS} days at most", ("period",))
        campaign = request.campaign_id if request.HasField("campaign_id") else None
        where: Where = {"campaign": (campaign,)} if campaign is not None else {}
        spend, responses = (catalogue.get(key) for key in (_SPEND, _RESPONSES))
        spent = await self._by_day(caller, spend, days, where, "s")
        responded = await self._by_day(caller, responses, days, where, "n")
        nothing = np.zeros((days.end - days.start).days)
        daily = {
            touchpoint: Daily(spent.get(touchpoint, nothing), responded.get(touchpoint, nothing))
            for touchpoint in sorted(spent.keys() | responded.keys())
        }
        plan = planned(estimated(daily, _SEED))
        return pb.GetTouchpointPlanResponse(plan=to_proto(plan, days, campaign, spend.unit, request.language))

    async def _by_day(self, caller: Caller, kpi: Kpi, days: Days, where: Where, part: str) -> dict[str, Floats]:
        """touchpoint -> that part of its cells on each day of the period."""
        kept: dict[str, list[tuple[date, str, Any]]] = {}
        async for (touchpoint,), day, later, parts in self._reader.kept(
            caller, Question(kpi, days, where, Asked()), (_BY,)
        ):
            # Empty: of no touchpoint, so that no money can go there or be taken away.
            if touchpoint:
                kept.setdefault(touchpoint, []).append((day, later, parts))
        first = days.start.toordinal()
        found = {}
        for touchpoint, entries in kept.items():
            values = np.zeros((days.end - days.start).days)
            for ordinal, known in parts_by_day(entries).items():
                values[ordinal - first] = known[part]
            found[touchpoint] = values
        return found


def _of_everything() -> Caller:
    caller = current_caller()
    if caller.sources is not None or caller.rows is not Reach.ALL:
        raise Forbidden("where money works is for those who see all figures")
    return caller
