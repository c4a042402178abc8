"""What changes measures: planning and introducing them, linking feedback to them, telling who asked."""

from datetime import date, datetime
from typing import Any

import strawberry
from rundblick.feedback.v1 import feedback_pb2
from rundblick.feedback.v1 import measure_pb2 as pb
from strawberry import UNSET

from chassis.times import to_timestamp
from gateway.feedback.client import feedback_of
from gateway.feedback.feedback import FeedbackStatus
from gateway.feedback.measure import (
    CustomerToInform,
    InformedCustomer,
    Measure,
    MeasureKind,
    MeasureStatus,
    informed_of,
    kind_value,
    measure_of,
    status_value,
    to_inform,
)
from gateway.shared import Info, MoneyInput, UserError, mutate


@strawberry.input
class CreateMeasureInput:
    title: str
    kind: MeasureKind
    description: str | None = None
    status: MeasureStatus | None = strawberry.field(default=None, description="Not said: PROPOSED.")
    owner: strawberry.ID | None = strawberry.field(default=None, description="Who answers for it.")
    budget: MoneyInput | None = None
    due_on: date | None = None
    aims_at: str | None = strawberry.field(default=None, description="The key of the KPI that it is to move.")
    introduced_at: datetime | None = strawberry.field(
        default=None, description="Of one that is introduced: not said, now."
    )
    offer: strawberry.ID | None = strawberry.field(default=None, description="That it brings.")
    campaign: strawberry.ID | None = strawberry.field(default=None, description="That it is told by.")
    feedback: list[strawberry.ID] = strawberry.field(default_factory=list, description="What it answers.")
    topics: list[str] = strawberry.field(default_factory=list, description="Keys of what it answers.")
    idempotency_key: str | None = None


@strawberry.input(description="What is not named stays as it was.")
class UpdateMeasureInput:
    id: strawberry.ID
    version: int = strawberry.field(description="The one the change was made from.")
    title: str | None = UNSET
    kind: MeasureKind | None = UNSET
    description: str | None = strawberry.field(default=UNSET, description="null: none any more")
    owner: strawberry.ID | None = strawberry.field(default=UNSET, description="null: nobody any more")
    budget: MoneyInput | None = strawberry.field(default=UNSET, description="null: none any more")
    due_on: date | None = strawberry.field(default=UNSET, description="null: no day any more")
    aims_at: str | None = strawberry.field(default=UNSET, description="null: at nothing any more")
    offer: strawberry.ID | None = strawberry.field(default=UNSET, description="null: none any more")
    campaign: strawberry.ID | None = strawberry.field(default=UNSET, description="null: none any more")
    status: MeasureStatus | None = None
    introduced_at: datetime | None = strawberry.field(
        default=None, description="Not said: now when it is introduced by this, else as it was."
    )
    feedback_status: FeedbackStatus | None = strawberry.field(
        default=None, description="The feedback it is linked to has it from now on. Scope feedback:write."
    )
    idempotency_key: str | None = None


@strawberry.input(description="What is linked already stays so.")
class LinkFeedbackInput:
    measure: strawberry.ID
    feedback: list[strawberry.ID] = strawberry.field(
        default_factory=list, description="A measure has at most 1000: of what many said alike, link the topic."
    )
    topics: list[str] = strawberry.field(default_factory=list, description="By key.")
    idempotency_key: str | None = None


@strawberry.input(description="What is not linked is passed over.")
class UnlinkFeedbackInput:
    measure: strawberry.ID
    feedback: list[strawberry.ID] = strawberry.field(default_factory=list)
    topics: list[str] = strawberry.field(default_factory=list, description="By key.")
    idempotency_key: str | None = None


@strawberry.input
class InformTextInput:
    language: str = strawberry.field(description="BCP 47: de, en-GB.")
    subject: str
    text: str


@strawberry.input(description="By e-mail. It answers what they asked for, so it needs no consent; an objection holds.")
class InformCustomersInput:
    measure: strawberry.ID
    texts: list[InformTextInput] = strawberry.field(
        description="Each gets the one in the language they asked in; who asked in none of these, the first."
    )
    after: str | None = strawberry.field(default=None, description="The next of the answer before.")
    idempotency_key: str | None = None


@strawberry.type
class CreateMeasurePayload:
    user_errors: list[UserError]
    measure: Measure | None = None


@strawberry.type
class UpdateMeasurePayload:
    user_errors: list[UserError]
    measure: Measure | None = None


@strawberry.type
class LinkFeedbackPayload:
    user_errors: list[UserError]
    measure: Measure | None = None


@strawberry.type
class UnlinkFeedbackPayload:
    user_errors: list[UserError]
    measure: Measure | None = None


@strawberry.type
class InformCustomersPayload:
    user_errors: list[UserError]
    measure: Measure | None = None
    informed: list[InformedCustomer] = strawberry.field(
        default_factory=list, description="Those who are told by this; who was told before is not told again."
    )
    refused: list[CustomerToInform] = strawberry.field(
        default_factory=list, description="Those who asked and cannot be told."
    )
    next: str | None = strawberry.field(default=None, description="There are more: call again after it; null: no more.")


_PATHS = {"owner": "owner_id", "offer": "offer_id", "campaign": "campaign_id"}
_SAID = ("title", "description", "kind", "owner", "budget", "due_on", "aims_at", "offer", "campaign")


def _fields(input: Any) -> pb.MeasureFields:
    said = {name: getattr(input, name) for name in _SAID}
    return pb.MeasureFields(
        **{_PATHS.get(name, name): _value(v) for name, v in said.items() if v is not UNSET and v is not None}
    )


def _value(value: Any) -> Any:
    if isinstance(value, MoneyInput):
        return value.to_proto()
    if isinstance(value, MeasureKind):
        return kind_value(value)
    return value.isoformat() if isinstance(value, date) else value


async def _run(info: Info, payload: Any, name: str, request: Any) -> Any:
    client = feedback_of(info)

    async def work() -> dict[str, Any]:
        answer = await client.call(getattr(client.stubs.measures, name), request)
        return {"measure": measure_of(answer.measure)}

    return await mutate(payload, work())


@strawberry.type
class MeasureMutation:
    @strawberry.mutation
    async def create_measure(self, info: Info, input: CreateMeasureInput) -> CreateMeasurePayload | None:
        request = pb.CreateMeasureRequest(
            idempotency_key=input.idempotency_key,
            fields=_fields(input),
            status=status_value(input.status) if input.status else pb.MEASURE_STATUS_UNSPECIFIED,
            introduced_at=to_timestamp(input.introduced_at),
            feedback_ids=input.feedback,
            topic_keys=input.topics,
        )
        result: CreateMeasurePayload = await _run(info, CreateMeasurePayload, "CreateMeasure", request)
        return result

    @strawberry.mutation
    async def update_measure(self, info: Info, input: UpdateMeasureInput) -> UpdateMeasurePayload | None:
        followed = input.feedback_status
        request = pb.UpdateMeasureRequest(
            idempotency_key=input.idempotency_key,
            id=input.id,
            version=input.version,
            fields=_fields(input),
            paths=[_PATHS.get(name, name) for name in _SAID if getattr(input, name) is not UNSET],
            status=status_value(input.status) if input.status else pb.MEASURE_STATUS_UNSPECIFIED,
            introduced_at=to_timestamp(input.introduced_at),
            feedback_status=feedback_pb2.FeedbackStatus.Value(f"FEEDBACK_STATUS_{followed.value}")
            if followed
            else feedback_pb2.FEEDBACK_STATUS_UNSPECIFIED,
        )
        result: UpdateMeasurePayload = await _run(info, UpdateMeasurePayload, "UpdateMeasure", request)
        return result

    @strawberry.mutation
    async def link_feedback(self, info: Info, input: LinkFeedbackInput) -> LinkFeedbackPayload | None:
        request = pb.LinkFeedbackRequest(
            idempotency_key=input.idempotency_key,
            measure_id=input.measure,
            feedback_ids=input.feedback,
            topic_keys=input.topics,
        )
        result: LinkFeedbackPayload = await _run(info, LinkFeedbackPayload, "LinkFeedback", request)
        return result

    @strawberry.mutation
    async def unlink_feedback(self, info: Info, input: UnlinkFeedbackInput) -> UnlinkFeedbackPayload | None:
        request = pb.UnlinkFeedbackRequest(
            idempotency_key=input.idempotency_key,
            measure_id=input.measure,
            feedback_ids=input.feedback,
            topic_keys=input.topics,
        )
        result: UnlinkFeedbackPayload = await _run(info, UnlinkFeedbackPayload, "UnlinkFeedback", request)
        return result

    @strawberry.mutation(
        description="Tells those who asked, may be told and were not, once it is introduced or declined: nobody twice."
    )
    async def inform_customers(self, info: Info, input: InformCustomersInput) -> InformCustomersPayload | None:
        client = feedback_of(info)
        request = pb.InformCustomersRequest(
            idempotency_key=input.idempotency_key,
            measure_id=input.measure,
            texts=[pb.InformText(language=t.language, subject=t.subject, text=t.text) for t in input.texts],
            after=input.after,
        )

        async def work() -> dict[str, Any]:
            answer: pb.InformCustomersResponse = await client.call(client.stubs.measures.InformCustomers, request)
            return {
                "measure": measure_of(answer.measure),
                "informed": [informed_of(one) for one in answer.informed],
                "refused": [to_inform(one, info.context.language) for one in answer.refused],
                "next": answer.next if answer.HasField("next") else None,
            }

        return await mutate(InformCustomersPayload, work())
