"""Answers CampaignResultService calls: figures of campaigns, beside what was planned."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from rundblick.metrics.v1 import campaign_pb2 as pb
from rundblick.metrics.v1 import campaign_pb2_grpc

from chassis.batches import item_error
from chassis.caller import Caller, Reach, current_caller
from chassis.errors import Forbidden, InvalidInput
from services.metrics.campaign import messages
from services.metrics.campaign.domain import Achieved, Figures, Plan, PlanNotFound, results, warnings
from services.metrics.campaign.repository import MongoPlanRepository
from services.metrics.kpi.catalogue import Catalogue, Catalogues
from services.metrics.kpi.deriving import Deriving
from services.metrics.kpi.domain import Aggregation, Direction, Kpi, KpiNotFound
from services.metrics.kpi.periods import EVERYTHING
from services.metrics.kpi.reader import Reader
from services.metrics.kpi.results import Asked, Result

LARGEST_BATCH = 200
_DIMENSION = "campaign"
_NEEDED = ("reach", "interactions", "attributed_enquiries", "opportunities_won", "revenue", "spend")
_GROWING = (Aggregation.COUNT, Aggregation.SUM, Aggregation.DISTINCT_CUSTOMERS)


class CampaignResultServicer(campaign_pb2_grpc.CampaignResultServiceServicer):
    def __init__(
        self, plans: MongoPlanRepository, catalogues: Catalogues, reader: Reader, now: Callable[[], datetime]
    ) -> None:
        self._plans = plans
        self._catalogues = catalogues
        self._reader = reader
        self._now = now

    async def PutPlans(self, request: pb.PutPlansRequest, context: Any) -> pb.PutPlansResponse:
        await self._plans.put(current_caller(), [messages.plan_from_proto(plan) for plan in request.plans])
        return pb.PutPlansResponse()

    async def BatchGetCampaignResults(
        self, request: pb.BatchGetCampaignResultsRequest, context: Any
    ) -> pb.BatchGetCampaignResultsResponse:
        caller = _of_everything()
        ids = list(dict.fromkeys(request.ids))
        if len(ids) > LARGEST_BATCH:
            raise InvalidInput(f"a call has at most {LARGEST_BATCH} ids", ("ids",))
        plans = await self._plans.of_ids(caller, ids)
        catalogue = await self._catalogues.current()
        found = await self._figures(caller, catalogue, plans)
        today = catalogue.zone.day(self._now())
        response = pb.BatchGetCampaignResultsResponse()
        for id in ids:
            if id not in plans:
                response.answers[id].error.CopyFrom(item_error(PlanNotFound(id).fault))
                continue
            plan, of_kpis = plans[id], found[id]
            brought = results(plan, _counted(of_kpis))
            warned = warnings(plan, brought, _achieved(plan, catalogue, of_kpis), today)
            response.answers[id].value.CopyFrom(messages.report_to_proto(plan, brought, warned, request.language))
        return response

    async def _figures(
        self, caller: Caller, catalogue: Catalogue, plans: Mapping[str, Plan]
    ) -> dict[str, dict[str, Result]]:
        """Of each campaign by the key of the KPI, over all time: what was spent before it began is spent on it too."""
        if not plans:
            return {}
        goals = [kpi for plan in plans.values() if (kpi := _of_goal(plan, catalogue)) is not None]
        kpis = {kpi.key: kpi for kpi in (*map(catalogue.get, _NEEDED), *goals)}
        reader = Deriving(self._reader, catalogue)
        found = await reader.of_values(caller, _DIMENSION, list(plans), list(kpis.values()), EVERYTHING, Asked())
        return {id: dict(zip(kpis, of_kpis, strict=True)) for id, of_kpis in found.items()}


def _of_everything() -> Caller:
    caller = current_caller()
    if caller.sources is not None or caller.rows is not Reach.ALL:
        raise Forbidden("what a campaign brought is for those who see all figures")
    return caller


def _of_goal(plan: Plan, catalogue: Catalogue) -> Kpi | None:
    """None: there is no such KPI, or it is not kept by campaign: nothing can be said of the goal."""
    if plan.goal is None:
        return None
    try:
        kpi = catalogue.get(plan.goal.kpi)
    except KpiNotFound:
        return None
    return kpi if (_DIMENSION,) in catalogue.sets_of(kpi) else None


def _achieved(plan: Plan, catalogue: Catalogue, of_kpis: Mapping[str, Result]) -> Achieved | None:
    kpi = _of_goal(plan, catalogue)
    if kpi is None:
        return None
    result = of_kpis[kpi.key]
    return Achieved(result.value, kpi.aggregation in _GROWING, kpi.direction is Direction.LOWER_IS_BETTER)


def _counted(of_kpis: Mapping[str, Result]) -> Figures:
    def said(key: str) -> float | None:
        return of_kpis[key].value if of_kpis[key].n else None

    won = said("opportunities_won")
    return Figures(
        interactions=int(said("interactions") or 0),
        enquiries=said("attributed_enquiries") or 0.0,
        spend=said("spend") or 0.0,
        reach=said("reach"),
        won=int(won) if won is not None else None,
        revenue=said("revenue"),
    )
