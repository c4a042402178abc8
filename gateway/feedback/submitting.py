"""Mutations of feedback: taking it in, answering it, classifying it, and saying what comes of it."""

from datetime import datetime
from typing import Any

import strawberry
from rundblick.customers.v1 import customer_pb2, signal_pb2
from rundblick.feedback.v1 import feedback_pb2 as pb

from chassis.times import to_timestamp
from gateway.errors import bad_input
from gateway.feedback.changes import EnquiryCustomerInput
from gateway.feedback.client import feedback_of
from gateway.feedback.feedback import (
    Feedback,
    FeedbackKind,
    FeedbackReply,
    FeedbackStatus,
    feedback_of_record,
    reply_of,
)
from gateway.feedback.survey import SurveyKind
from gateway.shared import Info, UserError, mutate


@strawberry.input(description="The usual scale of its kind when left out: NPS 0 to 10, CSAT 1 to 5, CES 1 to 7.")
class SurveyScoreInput:
    kind: SurveyKind
    value: float
    lowest: float | None = None
    highest: float | None = None


@strawberry.input(description="A text, a score, or both.")
class SubmitFeedbackInput:
    text: str | None = None
    score: SurveyScoreInput | None = None
    kind: FeedbackKind | None = strawberry.field(default=None, description="found in the text, when left out")
    customer: EnquiryCustomerInput | None = None
    touchpoint: str | None = strawberry.field(default=None, description="The touchpoint's key.")
    enquiry: strawberry.ID | None = strawberry.field(default=None, description="In which it was said.")
    solicited: bool = strawberry.field(default=False, description="The company asked for it.")
    source: str | None = strawberry.field(default=None, description="rundblick, when left out")
    external_id: str | None = strawberry.field(
        default=None, description="Its own in the source: the same is the same feedback, and stays as it is."
    )
    team: str | None = strawberry.field(default=None, description="The team's key.")
    owner: strawberry.ID | None = strawberry.field(default=None, description="Who deals with it.")
    service: str | None = strawberry.field(default=None, description="What it is about.")
    received_at: datetime | None = strawberry.field(default=None, description="now, when left out")
    idempotency_key: str | None = None


@strawberry.input
class ReplyToFeedbackInput:
    feedback: strawberry.ID
    body: str
    subject: str | None = strawberry.field(default=None, description="Of the e-mail.")
    author: strawberry.ID | None = strawberry.field(default=None, description="you, when left out")
    already_told: bool = strawberry.field(default=False, description="Elsewhere, such as in public: no e-mail is sent.")
    occurred_at: datetime | None = strawberry.field(default=None, description="now, when left out")
    idempotency_key: str | None = None


@strawberry.input(description="What is left out stays as it is.")
class ClassifyFeedbackInput:
    feedback: strawberry.ID
    kind: FeedbackKind | None = None
    topics: list[str] | None = strawberry.field(default=None, description="Keys; all of them.")
    sentiment: float | None = strawberry.field(default=None, description="-1 (bad) ... 1 (good)")
    version: int | None = strawberry.field(default=None, description="The one the change was made from.")
    idempotency_key: str | None = None


@strawberry.input
class SetFeedbackStatusInput:
    feedback: strawberry.ID
    status: FeedbackStatus
    duplicate_of: strawberry.ID | None = strawberry.field(default=None, description="DUPLICATE: what it repeats.")
    owner: strawberry.ID | None = strawberry.field(default=None, description="Who deals with it from now on.")
    note: str | None = None
    occurred_at: datetime | None = strawberry.field(default=None, description="now, when left out")
    version: int | None = strawberry.field(default=None, description="The one the change was made from.")
    idempotency_key: str | None = None


@strawberry.type
class SubmitFeedbackPayload:
    user_errors: list[UserError]
    feedback: Feedback | None = None


@strawberry.type
class ReplyToFeedbackPayload:
    user_errors: list[UserError]
    feedback: Feedback | None = None
    reply: FeedbackReply | None = None


@strawberry.type
class ClassifyFeedbackPayload:
    user_errors: list[UserError]
    feedback: Feedback | None = None


@strawberry.type
class SetFeedbackStatusPayload:
    user_errors: list[UserError]
    feedback: Feedback | None = None


def _kind(kind: FeedbackKind | None) -> Any:
    return pb.FeedbackKind.Value(f"FEEDBACK_KIND_{kind.value}") if kind else None


def _score(score: SurveyScoreInput | None) -> pb.Score | None:
    if score is None:
        return None
    if (score.lowest is None) != (score.highest is None):
        raise bad_input("a scale has a lowest and a highest", "input", "score")
    kind = signal_pb2.SurveyKind.Value(f"SURVEY_KIND_{score.kind.value}")
    return pb.Score(kind=kind, value=score.value, lowest=score.lowest or 0.0, highest=score.highest or 0.0)


def _submitted(input: SubmitFeedbackInput) -> pb.SubmitFeedbackRequest:
    customer = input.customer or EnquiryCustomerInput()
    external = customer.external_id
    if external is not None and customer.id is not None:
        raise bad_input("a customer is named by id or by externalId", "input", "customer")
    return pb.SubmitFeedbackRequest(
        idempotency_key=input.idempotency_key,
        customer_id=customer.id,
        customer_external_id=customer_pb2.ExternalId(source=external.source, id=external.id) if external else None,
        touchpoint_key=input.touchpoint or "",
        source=input.source or "",
        external_id=input.external_id,
        kind=_kind(input.kind),
        text=input.text,
        score=_score(input.score),
        solicited=input.solicited,
        enquiry_id=input.enquiry,
        team_key=input.team,
        owner_id=input.owner,
        service=input.service,
        received_at=to_timestamp(input.received_at),
    )


@strawberry.type
class FeedbackMutation:
    @strawberry.mutation
    async def submit_feedback(self, info: Info, input: SubmitFeedbackInput) -> SubmitFeedbackPayload | None:
        result: SubmitFeedbackPayload = await _run(info, SubmitFeedbackPayload, "SubmitFeedback", _submitted(input))
        return result

    @strawberry.mutation(description="By e-mail, where the customer can be reached so.")
    async def reply_to_feedback(self, info: Info, input: ReplyToFeedbackInput) -> ReplyToFeedbackPayload | None:
        client = feedback_of(info)
        request = pb.ReplyToFeedbackRequest(
            idempotency_key=input.idempotency_key,
            id=input.feedback,
            body=input.body,
            subject=input.subject,
            author_id=input.author,
            occurred_at=to_timestamp(input.occurred_at),
            already_told=input.already_told,
        )

        async def work() -> dict[str, Any]:
            answer: pb.ReplyToFeedbackResponse = await client.call(client.stubs.feedback.ReplyToFeedback, request)
            return {"feedback": feedback_of_record(answer.feedback), "reply": reply_of(answer.reply)}

        return await mutate(ReplyToFeedbackPayload, work())

    @strawberry.mutation(description="What people say stays, whatever a machine finds later.")
    async def classify_feedback(self, info: Info, input: ClassifyFeedbackInput) -> ClassifyFeedbackPayload | None:
        request = pb.ClassifyFeedbackRequest(
            idempotency_key=input.idempotency_key,
            id=input.feedback,
            version=input.version,
            kind=_kind(input.kind),
            topics=None if input.topics is None else pb.TopicKeys(keys=input.topics),
            sentiment=input.sentiment,
        )
        result: ClassifyFeedbackPayload = await _run(info, ClassifyFeedbackPayload, "ClassifyFeedback", request)
        return result

    @strawberry.mutation
    async def set_feedback_status(self, info: Info, input: SetFeedbackStatusInput) -> SetFeedbackStatusPayload | None:
        request = pb.SetFeedbackStatusRequest(
            idempotency_key=input.idempotency_key,
            id=input.feedback,
            version=input.version,
            status=pb.FeedbackStatus.Value(f"FEEDBACK_STATUS_{input.status.value}"),
            duplicate_of_id=input.duplicate_of,
            owner_id=input.owner,
            note=input.note,
            occurred_at=to_timestamp(input.occurred_at),
        )
        result: SetFeedbackStatusPayload = await _run(info, SetFeedbackStatusPayload, "SetFeedbackStatus", request)
        return result


async def _run(info: Info, payload: Any, name: str, request: Any) -> Any:
    client = feedback_of(info)

    async def work() -> dict[str, Any]:
        answer = await client.call(getattr(client.stubs.feedback, name), request)
        return {"feedback": feedback_of_record(answer.feedback)}

    return await mutate(payload, work())
