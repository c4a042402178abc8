"""Metrics lost its database: what the others hold gives the same figures again, and nobody stopped writing."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest
from bson import Decimal128
from rundblick.customers.v1 import (
    consent_pb2,
    consent_pb2_grpc,
    customer_pb2,
    offer_pb2,
    offer_pb2_grpc,
    opportunity_pb2,
    opportunity_pb2_grpc,
    segment_pb2,
    segment_pb2_grpc,
    signal_pb2,
    spend_pb2,
    spend_pb2_grpc,
    touchpoint_pb2,
)
from rundblick.feedback.v1 import (
    enquiry_pb2,
    enquiry_pb2_grpc,
    feedback_pb2,
    feedback_pb2_grpc,
    measure_pb2,
    measure_pb2_grpc,
    survey_pb2,
    survey_pb2_grpc,
)
from rundblick.shared.v1 import money_pb2

from chassis.channel import open_channel
from chassis.ids import prefix_of
from chassis.mongo import Database
from chassis.outbox import Outbox
from chassis.relay import Deliver
from chassis.server import running_server
from chassis.times import to_timestamp
from cli.retelling import retell
from cli.verify import verify
from services.customers.telling import to_metrics as from_customers
from services.feedback.enquiry.delivery import to_metrics as from_feedback
from services.metrics.wiring import MetricsService
from tests import tokens
from tests.databases import Databases
from tests.flows.conftest import Trio
from tests.flows.test_attribution import AT, Company

METRICS = "metrics"


class Sales(Company):
    """Everything that customers and feedback tell metrics of."""

    def __init__(self, trio: Trio) -> None:
        super().__init__(trio)
        self._offers: Any = offer_pb2_grpc.OfferServiceStub(trio.channels["customers"])
        self._opportunities: Any = opportunity_pb2_grpc.OpportunityServiceStub(trio.channels["customers"])
        self._segments: Any = segment_pb2_grpc.SegmentServiceStub(trio.channels["customers"])
        self._spend: Any = spend_pb2_grpc.SpendServiceStub(trio.channels["customers"])
        self._consents: Any = consent_pb2_grpc.ConsentServiceStub(trio.channels["customers"])
        self._feedback: Any = feedback_pb2_grpc.FeedbackServiceStub(trio.channels["feedback"])
        self._measures: Any = measure_pb2_grpc.MeasureServiceStub(trio.channels["feedback"])
        self._surveys: Any = survey_pb2_grpc.SurveyServiceStub(trio.channels["feedback"])
        self._enquiries: Any = enquiry_pb2_grpc.EnquiryServiceStub(trio.channels["feedback"])

    async def offered(self) -> None:
        """Before anybody is there: who comes is judged by it."""
        segment = segment_pb2.SegmentFields(key="all", name="All", rule="true")
        await self._segments.DefineSegment(segment_pb2.DefineSegmentRequest(fields=segment), timeout=10)
        offer = offer_pb2.OfferFields(key="care", title="Care plan")
        await self._offers.DefineOffer(offer_pb2.DefineOfferRequest(fields=offer), timeout=10)

    async def spent(self, campaign: str, amount: str) -> None:
        euros = money_pb2.Money(amount=amount, currency="EUR")
        request = spend_pb2.RecordSpendRequest(
            campaign_id=campaign, amount=euros, day="2026-03-05", source="books", external_id="one"
        )
        await self._spend.RecordSpend(request, timeout=10)

    async def converted(self, customer: str) -> None:
        request = offer_pb2.RecordOfferOutcomeRequest(
            offer="care", customer_id=customer, result=offer_pb2.OFFER_RESULT_CONVERTED
        )
        await self._offers.RecordOfferOutcome(request, timeout=10)

    async def opened(self, customer: str) -> opportunity_pb2.Opportunity:
        fields = opportunity_pb2.OpportunityFields(title="?", amount=money_pb2.Money(amount="900", currency="EUR"))
        request = opportunity_pb2.CreateOpportunityRequest(customer_id=customer, fields=fields)
        found: opportunity_pb2.Opportunity = (
            await self._opportunities.CreateOpportunity(request, timeout=10)
        ).opportunity
        return found

    async def moved(self, one: opportunity_pb2.Opportunity, stage: Any) -> opportunity_pb2.Opportunity:
        request = opportunity_pb2.MoveOpportunityRequest(id=one.id, version=one.version, stage=stage)
        found: opportunity_pb2.Opportunity = (
            await self._opportunities.MoveOpportunity(request, timeout=10)
        ).opportunity
        return found

    async def invited(self, customer: str) -> None:
        """To a survey, which the customer allowed."""
        address = customer_pb2.StringList(values=["ann@example.org"])
        reached = customer_pb2.UpdateCustomerRequest(id=customer, fields=customer_pb2.CustomerFields(emails=address))
        await self._customers.UpdateCustomer(reached, timeout=10)
        statement = consent_pb2.ConsentStatement(
            customer_id=customer,
            channel=touchpoint_pb2.CHANNEL_EMAIL,
            purpose=consent_pb2.CONSENT_PURPOSE_SURVEY,
        )
        await self._consents.RecordConsent(consent_pb2.RecordConsentRequest(statement=statement), timeout=10)
        text = survey_pb2.SurveyText(language="en", question="?")
        fields = survey_pb2.SurveyFields(key="nps", kind=signal_pb2.SURVEY_KIND_NPS, texts=[text])
        survey = (await self._surveys.DefineSurvey(survey_pb2.DefineSurveyRequest(fields=fields), timeout=10)).survey
        request = survey_pb2.InviteToSurveyRequest(survey_id=survey.id, customer_ids=[customer])
        await self._surveys.InviteToSurvey(request, timeout=10)

    async def wished(self, customer: str) -> feedback_pb2.Feedback:
        request = feedback_pb2.SubmitFeedbackRequest(
            customer_id=customer,
            touchpoint_key="poster",
            kind=feedback_pb2.FEEDBACK_KIND_WISH,
            text="More",
            score=feedback_pb2.Score(kind=signal_pb2.SURVEY_KIND_NPS, value=9),
        )
        found: feedback_pb2.Feedback = (await self._feedback.SubmitFeedback(request, timeout=10)).feedback
        return found

    async def heard(self, piece: feedback_pb2.Feedback) -> None:
        """It was something else than it was said to be, and something was done about it."""
        request = feedback_pb2.ClassifyFeedbackRequest(id=piece.id, kind=feedback_pb2.FEEDBACK_KIND_PROBLEM)
        await self._feedback.ClassifyFeedback(request, timeout=10)
        fields = measure_pb2.MeasureFields(title="?", kind=measure_pb2.MEASURE_KIND_SERVICE)
        done = measure_pb2.MEASURE_STATUS_INTRODUCED
        measure = measure_pb2.CreateMeasureRequest(fields=fields, status=done, introduced_at=to_timestamp(AT))
        await self._measures.CreateMeasure(measure, timeout=10)

    async def asked(self, name: str) -> str:
        message = enquiry_pb2.NewMessage(
            author_kind=enquiry_pb2.AUTHOR_KIND_CUSTOMER, body="?", occurred_at=to_timestamp(AT)
        )
        whose = customer_pb2.ExternalId(source="shop", id=name)
        request = enquiry_pb2.OpenEnquiryRequest(subject="?", customer_external_id=whose, message=message)
        found: str = (await self._enquiries.OpenEnquiry(request, timeout=10)).enquiry.id
        return found

    async def answered(self, enquiry: str) -> None:
        message = enquiry_pb2.NewMessage(author_kind=enquiry_pb2.AUTHOR_KIND_EMPLOYEE, body="!")
        await self._enquiries.AddMessage(enquiry_pb2.AddMessageRequest(enquiry_id=enquiry, message=message), timeout=10)


@asynccontextmanager
async def metrics_anew(trio: Trio, lent: Databases) -> AsyncIterator[tuple[Database, MetricsService, str]]:
    """A metrics process that knows nothing."""
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(lent.lent("metrics"))
        service = MetricsService(database)
        await service.ready.ensure_indexes()
        server = running_server(
            "127.0.0.1:0",
            service.register,
            rights=service.rights,
            authenticator=tokens.authenticator(),
            grace=0.1,
        )
        yield database, service, f"127.0.0.1:{(await stack.enter_async_context(server)).port}"


async def figures(database: Database) -> dict[str, Any]:
    """All that is counted; what only says how often it was written is no figure."""
    found: dict[str, Any] = {}
    for name, fields in (
        ("cells", ("m", "d")),
        ("open_waits", ("c",)),
        ("members", ("n",)),
        ("record_figures", ("customer", "k", "h")),
        ("campaign_plans", ("version", "budget")),
        ("changes", ("kind", "at")),
    ):
        async for one in database[name].find():
            found[f"{name} {one['_id']}"] = _told({field: one.get(field) for field in fields})
    return {id: one for id, one in found.items() if one}


def _told(value: Any) -> Any:
    """Without what was taken back to nothing, which is as if it had never been there."""
    if isinstance(value, dict):
        parts = {name: _told(one) for name, one in sorted(value.items())}
        return {name: one for name, one in parts.items() if one not in (None, 0, {}, [], Decimal128("0"))}
    return sorted(map(_told, value), key=str) if isinstance(value, list) else value


async def told(trio: Trio, owner: str, deliver: Deliver) -> None:
    """All that waits for metrics, in its order."""
    for whose, entry in await trio.waiting():
        if (whose, entry.destination) == (owner, METRICS):
            assert await deliver([entry]) == {}
            await Outbox(trio.databases[owner]).done([entry.id])


async def settled_but_for_metrics(trio: Trio) -> None:
    while waiting := [one for one in await trio.waiting() if one[1].destination != METRICS]:
        for owner, entry in waiting:
            await trio.deliver(owner, entry)


async def the_old_one_learns(trio: Trio, known: set[str]) -> None:
    for owner, entry in await trio.waiting():
        said_again = prefix_of(entry.aggregate) == "agn"
        if entry.destination == METRICS and not said_again and entry.id not in known:
            await trio.deliver(owner, entry, again=True)
            known.add(entry.id)
    await trio.fold()


async def test_lost_figures_are_counted_again_from_what_the_others_hold(trio: Trio, databases: Databases) -> None:
    sales, known = Sales(trio), set[str]()
    await sales.offered()
    poster, spring = await sales.campaign("poster")
    ann, ben, eve = [await sales.customer(name) for name in ("Ann", "Ben", "Eve")]
    await settled_but_for_metrics(trio)
    await sales.spent(spring, "100")
    await sales.contact(0, ben.id, touchpoint_id=poster)
    first, second = await sales.asked("Ann"), await sales.asked("Eve")
    chance, other = await sales.opened(ann.id), await sales.opened(ben.id)
    await sales.converted(eve.id)
    await sales.invited(ann.id)
    wish = await sales.wished(ben.id)
    await settled_but_for_metrics(trio)
    await sales.merge(ann.id, ben.id)
    await settled_but_for_metrics(trio)
    await trio.settle()
    # From here on metrics is away: what is said now waits for it.
    await sales.answered(first)
    await sales.heard(wish)
    await sales.spent(spring, "120")
    won = await sales.moved(chance, opportunity_pb2.OPPORTUNITY_STAGE_CLOSED_WON)
    await sales.contact(2, eve.id, touchpoint_id=poster)
    await sales.merge(ann.id, eve.id)
    await settled_but_for_metrics(trio)
    await the_old_one_learns(trio, known)

    addresses = {name: trio.addresses[name] for name in ("customers", "feedback")}
    # Broken off, and begun anew.
    with pytest.raises(_BrokenOff):
        await retell(addresses, None, progress=_until_interactions)
    await sales.answered(first)
    await sales.contact(3, ben.id, touchpoint_id=poster)
    await settled_but_for_metrics(trio)
    await the_old_one_learns(trio, known)
    examined = await retell(addresses, None, progress=lambda _part, _count: None)
    assert all(examined.values()), examined
    # And goes on as ever, before it is there again.
    await sales.answered(second)
    await sales.spent(spring, "130")
    await sales.split(ann.id, eve.id)
    await sales.moved(other, opportunity_pb2.OPPORTUNITY_STAGE_CLOSED_LOST)
    await sales.contact(3, ann.id, touchpoint_id=poster)
    await settled_but_for_metrics(trio)
    await the_old_one_learns(trio, known)
    assert won.version > chance.version

    async with metrics_anew(trio, databases) as (database, service, address):
        channels = [open_channel(address, process=name) for name in ("customers", "feedback")]
        async with channels[0] as of_customers, channels[1] as of_feedback:
            await told(trio, "customers", from_customers(of_customers))
            await told(trio, "feedback", from_feedback(of_feedback))
        while await service.folder.work_once():
            pass
        assert await figures(database) == await figures(trio.databases[METRICS])
        report = await verify({**trio.addresses, METRICS: address}, None, seconds=0)
        assert [(one.what, one.id, one.detail) for one in report.differences] == []
    assert (await trio.verified()).differences == []


class _BrokenOff(Exception):
    pass


def _until_interactions(part: str, count: int) -> None:
    if part == "interactions":
        raise _BrokenOff
