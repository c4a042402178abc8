"""Checks what a measure names: employees, offers and campaigns of customers, KPIs of metrics, feedback and topics."""

import logging
from collections.abc import Sequence
from dataclasses import replace

import grpc
from rundblick.customers.v1 import (
    campaign_pb2,
    campaign_pb2_grpc,
    employee_pb2,
    employee_pb2_grpc,
    offer_pb2,
    offer_pb2_grpc,
)
from rundblick.metrics.v1 import kpi_pb2, kpi_pb2_grpc

from chassis.caller import Caller
from chassis.calls import call
from chassis.errors import InvalidInput, NotFound, Unavailable
from chassis.mongo import Session
from services.feedback.feedback.domain import FeedbackNotFound
from services.feedback.feedback.repository import MongoFeedbackRepository
from services.feedback.measure.domain import MOST_FEEDBACK, MOST_MEASURES, Measure
from services.feedback.measure.following import reader_of_feedback
from services.feedback.measure.repository import MongoMeasureRepository
from services.feedback.topic.domain import TopicNotFound
from services.feedback.topic.repository import MongoTopicRepository

log = logging.getLogger(__name__)

_TIMEOUT = 5.0


class Naming:
    """customers, metrics: channels; asked on this process's own account."""

    def __init__(
        self,
        customers: grpc.aio.Channel,
        metrics: grpc.aio.Channel,
        measures: MongoMeasureRepository,
        feedback: MongoFeedbackRepository,
        topics: MongoTopicRepository,
    ) -> None:
        self._employees = employee_pb2_grpc.EmployeeServiceStub(customers)
        self._offers = offer_pb2_grpc.OfferServiceStub(customers)
        self._campaigns = campaign_pb2_grpc.CampaignServiceStub(customers)
        self._kpis = kpi_pb2_grpc.KpiServiceStub(metrics)
        self._measures = measures
        self._feedback = feedback
        self._topics = topics

    async def checked(self, known: Measure | None, measure: Measure) -> Measure:
        """With its owner's team. What it named before is not asked again. NotFound: what it names, with the field."""
        if known is None or known.owner != measure.owner:
            measure = replace(measure, team=await self._team(measure.owner) if measure.owner else None)
        if measure.offer is not None and (known is None or known.offer != measure.offer):
            offers = offer_pb2.BatchGetOffersRequest(ids=[measure.offer])
            answer = await call(self._offers.BatchGetOffers, offers, timeout=_TIMEOUT)
            if not answer.answers[measure.offer].HasField("value"):
                raise NotFound(f"there is no offer {measure.offer}", ("offer_id",))
        if measure.campaign is not None and (known is None or known.campaign != measure.campaign):
            campaigns = campaign_pb2.BatchGetCampaignsRequest(ids=[measure.campaign])
            found = await call(self._campaigns.BatchGetCampaigns, campaigns, timeout=_TIMEOUT)
            if not found.answers[measure.campaign].HasField("value"):
                raise NotFound(f"there is no campaign {measure.campaign}", ("campaign_id",))
        if measure.aims_at is not None and (known is None or known.aims_at != measure.aims_at):
            await self._require_kpi(measure.aims_at)
        return measure

    async def _team(self, owner: str) -> str | None:
        request = employee_pb2.BatchGetEmployeesRequest(ids=[owner])
        answer = (await call(self._employees.BatchGetEmployees, request, timeout=_TIMEOUT)).answers[owner]
        if not answer.HasField("value"):
            raise NotFound(f"there is no employee {owner[:40]}", ("owner_id",))
        return answer.value.team_id or None

    async def _require_kpi(self, key: str) -> None:
        request = kpi_pb2.BatchGetKpisRequest(keys=[key])
        try:
            answer = await call(self._kpis.BatchGetKpis, request, timeout=_TIMEOUT)
        except Unavailable:
            # What is planned does not wait for figures; a wrong key shows when the effect is asked for.
            log.warning("measures: metrics is away, %s is taken unseen", key)
            return
        if not answer.answers[key].HasField("value"):
            raise NotFound(f"there is no KPI {key[:40]}", ("aims_at",))

    async def link(
        self, caller: Caller, measure: str, feedback: Sequence[str], topics: Sequence[str], session: Session
    ) -> tuple[list[str], list[str]]:
        """What of the feedback and topics is new to it. NotFound: what is not there, or not seen by the caller.

        InvalidInput: too much feedback, or a piece of it is linked to as many measures as it can be.
        """
        reader = reader_of_feedback(caller)
        found = await self._feedback.of_ids(reader, feedback, session) if feedback and reader is not None else {}
        for place, id in enumerate(feedback):
            if id not in found:
                raise FeedbackNotFound(id[:40], ("feedback_ids", str(place)))
        known = await self._topics.of_keys(caller, topics, session) if topics else {}
        for place, key in enumerate(topics):
            if key not in known:
                raise TopicNotFound(key[:60], ("topic_keys", str(place)))
        there = set(await self._measures.feedback_of(caller, measure, session))
        new = [id for id in dict.fromkeys(feedback) if id not in there]
        if len(there) + len(new) > MOST_FEEDBACK:
            raise InvalidInput(f"at most {MOST_FEEDBACK} for a measure: link their topic", ("feedback_ids",))
        for id, count in (await self._measures.counted(caller, new, session)).items():
            if count >= MOST_MEASURES:
                raise InvalidInput(f"{id} is linked to {MOST_MEASURES} measures already", ("feedback_ids",))
        return new, list(topics)
