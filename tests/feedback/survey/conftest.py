"""A company that asks its customers: all three services, a mail server, and a clock that a test moves."""

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from rundblick.customers.v1 import (
    consent_pb2,
    consent_pb2_grpc,
    customer_pb2,
    customer_pb2_grpc,
    interaction_pb2_grpc,
    signal_pb2,
    state_pb2_grpc,
    touchpoint_pb2,
    touchpoint_pb2_grpc,
)
from rundblick.feedback.v1 import (
    enquiry_pb2_grpc,
    feedback_pb2,
    feedback_pb2_grpc,
    survey_pb2,
    survey_pb2_grpc,
)
from rundblick.metrics.v1 import kpi_pb2, kpi_pb2_grpc

from chassis.caller import Caller
from services.customers.delivering import Outside
from services.customers.delivery.smtp import Server, Smtp, mailbox
from tests import tokens
from tests.customers.conftest import Clock
from tests.customers.delivery.mailserver import MailServer, running_mail_server
from tests.databases import Databases
from tests.flows.conftest import Trio, running_trio

PUBLIC_URL = "https://company.example"
NPS, CSAT, CES = signal_pb2.SURVEY_KIND_NPS, signal_pb2.SURVEY_KIND_CSAT, signal_pb2.SURVEY_KIND_CES
_TEXTS = [
    survey_pb2.SurveyText(
        language="en",
        question="Would you recommend us?",
        follow_up="Why?",
        lowest_label="never",
        highest_label="surely",
    ),
    survey_pb2.SurveyText(language="de", question="Würden Sie uns empfehlen?"),
]


@dataclass
class Company:
    trio: Trio
    mails: MailServer
    clock: Clock
    stubs: Sequence[Any]

    async def call(self, request: Any, caller: Caller | None = None) -> Any:
        name = type(request).__name__.removesuffix("Request")
        [method] = [getattr(stub, name) for stub in self.stubs if hasattr(stub, name)]
        metadata = (("authorization", f"Bearer {tokens.token_for(caller)}"),) if caller else None
        return await method(request, timeout=10, metadata=metadata)

    async def settle(self) -> None:
        """Until everybody knows everything, and all mails are out."""
        await self.trio.settle()
        while await self.trio.customers.delivering.sending.send_once():
            pass
        await self.trio.settle()

    async def looked_after(self, **later: float) -> None:
        self.clock.ahead += timedelta(**later)
        while await self.trio.feedback.surveying.reminding.step():
            pass
        await self.settle()

    async def customer(self, number: int, *, consents: bool = True, mail: bool = True, locale: str = "") -> str:
        fields = customer_pb2.CustomerFields(
            display_name=f"Customer {number}",
            emails=customer_pb2.StringList(values=[f"c{number}@example.org"]) if mail else None,
            locale=locale or None,
        )
        made = await self.call(
            customer_pb2.CreateCustomerRequest(
                kind=customer_pb2.CUSTOMER_KIND_PERSON,
                fields=fields,
                external_id=customer_pb2.ExternalId(source="shop", id=f"c{number}"),
            )
        )
        id: str = made.customer.id
        await self.consented(id, granted=consents)
        return id

    async def consented(self, customer: str, *, granted: bool) -> None:
        statement = consent_pb2.ConsentStatement(
            customer_id=customer,
            channel=touchpoint_pb2.CHANNEL_EMAIL,
            purpose=consent_pb2.CONSENT_PURPOSE_SURVEY,
        )
        kind: Any = consent_pb2.RecordConsentRequest if granted else consent_pb2.RevokeConsentRequest
        await self.call(kind(statement=statement))

    async def survey(self, key: str = "loyalty", kind: Any = NPS, **fields: Any) -> survey_pb2.Survey:
        said = survey_pb2.SurveyFields(**{"key": key, "kind": kind, "texts": _TEXTS, **fields})
        defined = await self.call(survey_pb2.DefineSurveyRequest(fields=said))
        survey: survey_pb2.Survey = defined.survey
        return survey

    async def invite(self, survey: survey_pb2.Survey, *customers: str, **fields: Any) -> Any:
        return await self.call(survey_pb2.InviteToSurveyRequest(survey_id=survey.id, customer_ids=customers, **fields))

    async def invitations(self, survey: survey_pb2.Survey) -> list[survey_pb2.Invitation]:
        request = survey_pb2.BatchListInvitationsRequest(survey_ids=[survey.id])
        return [edge.node for edge in (await self.call(request)).pages[survey.id].edges]

    async def answer(self, **fields: Any) -> Any:
        return await self.call(survey_pb2.SubmitSurveyResponseRequest(**fields))

    async def feedback(self, customer: str) -> list[feedback_pb2.Feedback]:
        request = feedback_pb2.BatchListFeedbackRequest(customer_ids=[customer])
        return [edge.node for edge in (await self.call(request)).pages[customer].edges]

    async def figure(self, key: str, survey: survey_pb2.Survey) -> kpi_pb2.KpiResult:
        request = kpi_pb2.BatchGetSubjectResultsRequest(kind=kpi_pb2.SUBJECT_KIND_SURVEY, ids=[survey.id], keys=[key])
        [result] = (await self.call(request)).answers[survey.id].value.results
        found: kpi_pb2.KpiResult = result
        return found

    def text(self, number: int) -> str:
        body = self.mails.taken[number].get_body(("plain",))
        assert body is not None
        return str(body.get_content())

    def token(self, number: int) -> str:
        """Of the link in a mail."""
        [token] = re.findall(rf"{PUBLIC_URL}/s/([\w-]+)", self.text(number))
        return str(token)


@asynccontextmanager
async def running_company(databases: Databases, clock: Clock) -> AsyncIterator[Company]:
    async with running_mail_server() as mails:
        smtp = Smtp(Server.of(f"smtp://127.0.0.1:{mails.port}"), mailbox("news@company.example"))
        async with running_trio(databases, clock, outside=Outside(smtp, PUBLIC_URL)) as trio:
            customers, feedback, metrics = (trio.channels[name] for name in ("customers", "feedback", "metrics"))
            stubs = [
                *(
                    stub(customers)
                    for stub in (
                        consent_pb2_grpc.ConsentServiceStub,
                        customer_pb2_grpc.CustomerServiceStub,
                        interaction_pb2_grpc.InteractionServiceStub,
                        state_pb2_grpc.StateServiceStub,
                        touchpoint_pb2_grpc.TouchpointServiceStub,
                    )
                ),
                *(
                    stub(feedback)
                    for stub in (
                        enquiry_pb2_grpc.EnquiryServiceStub,
                        feedback_pb2_grpc.FeedbackServiceStub,
                        survey_pb2_grpc.SurveyServiceStub,
                    )
                ),
                kpi_pb2_grpc.KpiServiceStub(metrics),
            ]
            yield Company(trio, mails, clock, stubs)


@pytest.fixture
async def company(databases: Databases) -> AsyncIterator[Company]:
    async with running_company(databases, Clock()) as company:
        yield company
