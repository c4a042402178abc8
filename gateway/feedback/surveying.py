"""Mutations of surveys: what is asked, who is invited, and what they answer."""

from datetime import datetime
from enum import Enum
from typing import Any

import strawberry
from rundblick.customers.v1 import consent_pb2, customer_pb2, signal_pb2
from rundblick.feedback.v1 import survey_pb2 as pb

from gateway.feedback.changes import EnquiryCustomerInput
from gateway.feedback.client import feedback_of
from gateway.feedback.enquiry import Customer
from gateway.feedback.feedback import Feedback, feedback_of_record
from gateway.feedback.survey import Survey, SurveyInvitation, SurveyKind, SurveyOccasion, survey_of
from gateway.shared import Info, UserError, enum_of, moment, mutate, present


@strawberry.enum(description="QUIET: was invited to something a short while ago.")
class NotInvitedReason(Enum):
    UNKNOWN = "UNKNOWN"
    NOT_ALLOWED = "NOT_ALLOWED"
    NO_ADDRESS = "NO_ADDRESS"
    QUIET = "QUIET"


@strawberry.input(description="Whole steps from lowest to highest, both of them answers.")
class ScaleInput:
    lowest: int
    highest: int


@strawberry.input(description="What is asked, in one language.")
class SurveyTextInput:
    language: str = strawberry.field(description="de or en")
    question: str
    follow_up: str | None = strawberry.field(default=None, description="The open question below it.")
    lowest_label: str | None = strawberry.field(default=None, description="What the lowest answer means.")
    highest_label: str | None = None


@strawberry.input
class SurveyRemindersInput:
    most: int = strawberry.field(description="1 to 3")
    after_days: int = strawberry.field(description="Each so long after the message before.")


@strawberry.input
class SurveyTriggerInput:
    occasion: SurveyOccasion
    share: float = strawberry.field(description="Of the occasions, drawn by lot; above 0, at most 1.")


@strawberry.input(description="All of a survey: what is not said is not so. Its kind and its scale never change.")
class DefineSurveyInput:
    key: str
    version: int | None = strawberry.field(default=None, description="The one the change was made from; null: new.")
    kind: SurveyKind
    scale: ScaleInput | None = strawberry.field(default=None, description="NPS 0 to 10, CSAT 1 to 5, CES 1 to 7")
    texts: list[SurveyTextInput]
    reminders: SurveyRemindersInput | None = None
    days_open: int | None = strawberry.field(default=None, description="30, when left out")
    quiet_days: int | None = strawberry.field(default=None, description="90, when left out")
    trigger: SurveyTriggerInput | None = None
    idempotency_key: str | None = None


@strawberry.input
class ArchiveSurveyInput:
    id: strawberry.ID
    version: int = strawberry.field(description="The one the change was made from.")
    idempotency_key: str | None = None


@strawberry.input(description="Customers one by one, or those of a segment.")
class InviteToSurveyInput:
    survey: strawberry.ID
    customers: list[strawberry.ID] | None = strawberry.field(default=None, description="At most 1000.")
    segment: strawberry.ID | None = strawberry.field(default=None, description="1000 of its customers at once.")
    after: str | None = strawberry.field(default=None, description="Where the call before ended; of a segment.")
    touchpoint: str | None = strawberry.field(default=None, description="A key; answers are counted there.")
    campaign: strawberry.ID | None = None
    idempotency_key: str | None = None


@strawberry.input(description="By the token of an invitation, or for a customer.")
class SubmitSurveyResponseInput:
    token: str | None = None
    survey: strawberry.ID | None = None
    customer: EnquiryCustomerInput | None = None
    score: float = strawberry.field(description="A step of the survey's scale.")
    text: str | None = strawberry.field(default=None, description="At most 5000 characters.")
    version: int | None = strawberry.field(default=None, description="Of the survey that was shown; null: today's.")
    touchpoint: str | None = strawberry.field(default=None, description="A key; not with a token.")
    source: str | None = strawberry.field(default=None, description="rundblick, when left out; not with a token")
    idempotency_key: str | None = None


@strawberry.type(description="Who is not asked, and why.")
class NotInvited:
    customer: Customer
    reason: NotInvitedReason
    permission: str | None = strawberry.field(description="NOT_ALLOWED: the reason, as ContactPermission has it.")
    invited_at: datetime | None = strawberry.field(description="QUIET: the last time.")

    @classmethod
    def of(cls, record: pb.NotInvited) -> "NotInvited":
        reason = consent_pb2.ContactReason.Name(record.permission.reason).removeprefix("CONTACT_REASON_")
        return cls(
            customer=Customer(id=strawberry.ID(record.customer_id)),
            reason=enum_of(NotInvitedReason, pb.NotInvitedReason, record.reason, "NOT_INVITED_REASON_"),
            permission=reason if record.HasField("permission") else None,
            invited_at=moment(record, "invited_at"),
        )


@strawberry.type
class DefineSurveyPayload:
    user_errors: list[UserError]
    survey: Survey | None = None


@strawberry.type
class ArchiveSurveyPayload:
    user_errors: list[UserError]
    survey: Survey | None = None


@strawberry.type
class InviteToSurveyPayload:
    user_errors: list[UserError]
    invitations: list[SurveyInvitation] = strawberry.field(default_factory=list)
    not_invited: list[NotInvited] = strawberry.field(default_factory=list)
    next_after: str | None = strawberry.field(default=None, description="Of a segment: there are more.")


@strawberry.type
class SubmitSurveyResponsePayload:
    user_errors: list[UserError]
    feedback: Feedback | None = strawberry.field(default=None, description="Not by a token.")


def _fields(input: DefineSurveyInput) -> pb.SurveyFields:
    scale, reminders, trigger = input.scale, input.reminders, input.trigger
    return pb.SurveyFields(
        key=input.key,
        kind=signal_pb2.SurveyKind.Value(f"SURVEY_KIND_{input.kind.value}"),
        scale=pb.Scale(lowest=scale.lowest, highest=scale.highest) if scale else None,
        texts=[
            pb.SurveyText(
                language=text.language,
                question=text.question,
                follow_up=text.follow_up,
                lowest_label=text.lowest_label,
                highest_label=text.highest_label,
            )
            for text in input.texts
        ],
        reminders=pb.Reminders(most=reminders.most, after_days=reminders.after_days) if reminders else None,
        days_open=input.days_open,
        quiet_days=input.quiet_days,
        trigger=pb.SurveyTrigger(
            occasion=pb.SurveyOccasion.Value(f"SURVEY_OCCASION_{trigger.occasion.value}"), share=trigger.share
        )
        if trigger
        else None,
    )


def _response(input: SubmitSurveyResponseInput) -> pb.SubmitSurveyResponseRequest:
    customer = input.customer or EnquiryCustomerInput()
    external = customer.external_id
    return pb.SubmitSurveyResponseRequest(
        idempotency_key=input.idempotency_key,
        token=input.token,
        survey_id=input.survey,
        customer_id=customer.id,
        customer_external_id=customer_pb2.ExternalId(source=external.source, id=external.id) if external else None,
        score=input.score,
        text=input.text,
        version=input.version,
        touchpoint_key=input.touchpoint,
        source=input.source or "",
    )


@strawberry.type
class SurveyMutation:
    @strawberry.mutation(description="A new survey, or the next version of one; an archived one is active again.")
    async def define_survey(self, info: Info, input: DefineSurveyInput) -> DefineSurveyPayload | None:
        client = feedback_of(info)
        request = pb.DefineSurveyRequest(
            idempotency_key=input.idempotency_key, fields=_fields(input), version=input.version
        )

        async def work() -> dict[str, Any]:
            answer = await client.call(client.stubs.surveys.DefineSurvey, request)
            return {"survey": survey_of(answer.survey)}

        return await mutate(DefineSurveyPayload, work())

    @strawberry.mutation(description="Nobody is invited or answers any more; what was answered stays.")
    async def archive_survey(self, info: Info, input: ArchiveSurveyInput) -> ArchiveSurveyPayload | None:
        client = feedback_of(info)
        request = pb.ArchiveSurveyRequest(idempotency_key=input.idempotency_key, id=input.id, version=input.version)

        async def work() -> dict[str, Any]:
            answer = await client.call(client.stubs.surveys.ArchiveSurvey, request)
            return {"survey": survey_of(answer.survey)}

        return await mutate(ArchiveSurveyPayload, work())

    @strawberry.mutation(
        description="By e-mail, those who allow it; whether they still do is asked again at the moment of sending."
    )
    async def invite_to_survey(self, info: Info, input: InviteToSurveyInput) -> InviteToSurveyPayload | None:
        client = feedback_of(info)
        request = pb.InviteToSurveyRequest(
            idempotency_key=input.idempotency_key,
            survey_id=input.survey,
            customer_ids=input.customers,
            segment_id=input.segment,
            after=input.after,
            touchpoint_key=input.touchpoint or "",
            campaign_id=input.campaign,
        )

        async def work() -> dict[str, Any]:
            answer: pb.InviteToSurveyResponse = await client.call(client.stubs.surveys.InviteToSurvey, request)
            return {
                "invitations": list(map(SurveyInvitation.of, answer.invitations)),
                "not_invited": list(map(NotInvited.of, answer.not_invited)),
                "next_after": present(answer, "next_after"),
            }

        return await mutate(InviteToSurveyPayload, work())

    @strawberry.mutation(description="Recorded as feedback; an invitation takes one answer.")
    async def submit_survey_response(
        self, info: Info, input: SubmitSurveyResponseInput
    ) -> SubmitSurveyResponsePayload | None:
        client = feedback_of(info)

        async def work() -> dict[str, Any]:
            answer = await client.call(client.stubs.surveys.SubmitSurveyResponse, _response(input))
            return {"feedback": feedback_of_record(answer.feedback)} if answer.HasField("feedback") else {}

        return await mutate(SubmitSurveyResponsePayload, work())
