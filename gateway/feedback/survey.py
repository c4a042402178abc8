"""Surveys in the graph, and the invitations to them."""

from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any

import strawberry
from rundblick.customers.v1 import signal_pb2
from rundblick.feedback.v1 import survey_pb2 as pb
from strawberry import federation

from gateway.feedback.client import feedback_of
from gateway.feedback.enquiry import Customer, Enquiry
from gateway.feedback.references import Campaign, Touchpoint, touchpoint_of
from gateway.shared import Info, Named, Node, PageInfo, enum_of, moment, needed, owned, page_request, present

if TYPE_CHECKING:
    from gateway.feedback.feedback import Feedback

FeedbackRef = Annotated["Feedback", strawberry.lazy("gateway.feedback.feedback")]
# The largest page there is.
_AT_ONCE = 100


@strawberry.enum(description="Net promoter score, customer satisfaction, customer effort score.")
class SurveyKind(Enum):
    NPS = "NPS"
    CSAT = "CSAT"
    CES = "CES"


@strawberry.enum(description="RESOLVED: an enquiry of the customer was resolved.")
class SurveyOccasion(Enum):
    RESOLVED = "RESOLVED"


@strawberry.enum(description="NOT_SENT: the customer was not reached, and does not count as asked.")
class SurveyInvitationState(Enum):
    OPEN = "OPEN"
    ANSWERED = "ANSWERED"
    EXPIRED = "EXPIRED"
    NOT_SENT = "NOT_SENT"


@strawberry.type(description="From lowest to highest, both of them answers; of surveys in whole steps.")
class Scale:
    lowest: float
    highest: float


@strawberry.type(description="What is asked, in one language.")
class SurveyText:
    language: str
    question: str
    follow_up: str | None = strawberry.field(description="The open question below it.")
    lowest_label: str | None = strawberry.field(description="What the lowest answer means.")
    highest_label: str | None

    @classmethod
    def of(cls, text: pb.SurveyText) -> "SurveyText":
        return cls(
            language=text.language,
            question=text.question,
            follow_up=present(text, "follow_up"),
            lowest_label=present(text, "lowest_label"),
            highest_label=present(text, "highest_label"),
        )


@strawberry.type(description="What was asked from a version of the survey on, until the next.")
class SurveyWording:
    version: int
    since: datetime
    texts: list[SurveyText]


@strawberry.type(description="Who did not answer is asked again.")
class SurveyReminders:
    most: int
    after_days: int = strawberry.field(description="Each so long after the message before.")


@strawberry.type(description="On which occasion customers are invited by themselves.")
class SurveyTrigger:
    occasion: SurveyOccasion
    share: float = strawberry.field(description="Of the occasions, drawn by lot.")


@strawberry.type(description="A customer who was asked; or who answered without that.")
class SurveyInvitation:
    id: strawberry.ID
    customer: Customer | None
    touchpoint: Touchpoint | None
    campaign: Campaign | None
    enquiry: Enquiry | None = strawberry.field(description="After which it was sent by itself.")
    state: SurveyInvitationState
    invited_at: datetime
    expires_at: datetime
    answered_at: datetime | None
    feedback: FeedbackRef | None = strawberry.field(description="The answer.")
    reminders: int = strawberry.field(description="So many were sent.")
    why: str | None = strawberry.field(description="NOT_SENT: the state of its delivery, such as REFUSED.")

    @classmethod
    def of(cls, record: pb.Invitation) -> "SurveyInvitation":
        from gateway.feedback.feedback import Feedback  # noqa: PLC0415  # the two know each other

        def stub(kind: Any, name: Any) -> Any:
            return kind(id=strawberry.ID(getattr(record, name))) if record.HasField(name) else None

        return cls(
            id=strawberry.ID(record.id),
            customer=stub(Customer, "customer_id"),
            touchpoint=touchpoint_of(present(record, "touchpoint_id")),
            campaign=stub(Campaign, "campaign_id"),
            enquiry=stub(Enquiry, "enquiry_id"),
            state=enum_of(SurveyInvitationState, pb.InvitationState, record.state, "INVITATION_STATE_"),
            invited_at=needed(record, "invited_at"),
            expires_at=needed(record, "expires_at"),
            answered_at=moment(record, "answered_at"),
            feedback=stub(Feedback, "feedback_id"),
            reminders=record.reminders,
            why=present(record, "why"),
        )


@strawberry.type
class SurveyInvitationEdge:
    cursor: str
    node: SurveyInvitation


@strawberry.type
class SurveyInvitationConnection:
    edges: list[SurveyInvitationEdge]
    page_info: PageInfo


async def load_survey(info: Info, id: str) -> Any:
    return await feedback_of(info).surveys.load(id)


def _field(get: Any) -> Any:
    return owned(load_survey, get)


def _scale(record: pb.Survey) -> Scale:
    return Scale(lowest=record.fields.scale.lowest, highest=record.fields.scale.highest)


def _reminders(record: pb.Survey) -> SurveyReminders | None:
    if not record.fields.HasField("reminders"):
        return None
    return SurveyReminders(most=record.fields.reminders.most, after_days=record.fields.reminders.after_days)


def _trigger(record: pb.Survey) -> SurveyTrigger | None:
    if not record.fields.HasField("trigger"):
        return None
    trigger = record.fields.trigger
    occasion = enum_of(SurveyOccasion, pb.SurveyOccasion, trigger.occasion, "SURVEY_OCCASION_")
    return SurveyTrigger(occasion=occasion, share=trigger.share)


def _wordings(record: pb.Survey) -> list[SurveyWording]:
    return [
        SurveyWording(version=one.version, since=needed(one, "since"), texts=list(map(SurveyText.of, one.texts)))
        for one in record.wordings
    ]


@federation.type(keys=["id"], description="One question to customers, on one scale for ever.")
class Survey(Named, Node):
    id: strawberry.ID
    record: strawberry.Private[Any] = None

    key: str = strawberry.field(resolver=_field(lambda record: record.fields.key))
    kind: SurveyKind = strawberry.field(
        resolver=_field(lambda record: enum_of(SurveyKind, signal_pb2.SurveyKind, record.fields.kind, "SURVEY_KIND_"))
    )
    question: str = strawberry.field(
        resolver=_field(lambda record: record.fields.texts[0].question), description="In its first language."
    )
    scale: Scale = strawberry.field(resolver=_field(_scale))
    texts: list[SurveyText] = strawberry.field(
        resolver=_field(lambda record: list(map(SurveyText.of, record.fields.texts))),
        description="What is asked today; the first where a customer's own language is not among them.",
    )
    wordings: list[SurveyWording] = strawberry.field(
        resolver=_field(_wordings), description="What was ever asked, oldest first."
    )
    reminders: SurveyReminders | None = strawberry.field(resolver=_field(_reminders))
    days_open: int = strawberry.field(
        resolver=_field(lambda record: record.fields.days_open), description="So long an invitation can be answered."
    )
    quiet_days: int = strawberry.field(
        resolver=_field(lambda record: record.fields.quiet_days),
        description="Customers who were invited to anything in so many days are left alone.",
    )
    trigger: SurveyTrigger | None = strawberry.field(resolver=_field(_trigger), description="null: people invite.")
    active: bool = strawberry.field(resolver=_field(lambda record: record.active))
    source: str = strawberry.field(resolver=_field(lambda record: record.source))
    version: int = strawberry.field(resolver=_field(lambda record: record.version))

    @strawberry.field(description="Newest first; for those who may invite.")
    async def invitations(
        self,
        info: Info,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
        state: SurveyInvitationState | None = None,
    ) -> SurveyInvitationConnection | None:
        wanted = f"INVITATION_STATE_{state.value if state else 'UNSPECIFIED'}"
        arguments = pb.BatchListInvitationsRequest(
            page=page_request(first, after, last, before), state=pb.InvitationState.Value(wanted)
        )
        page: pb.InvitationPage = await feedback_of(info).invitations.load(self.id, arguments)
        edges = [SurveyInvitationEdge(cursor=edge.cursor, node=SurveyInvitation.of(edge.node)) for edge in page.edges]
        return SurveyInvitationConnection(edges=edges, page_info=PageInfo.of(page.page_info))

    @classmethod
    def resolve_reference(cls, id: strawberry.ID) -> "Survey":
        return cls(id=id)


def survey_of(record: pb.Survey) -> Survey:
    return Survey(id=strawberry.ID(record.id), record=record)


@strawberry.type
class SurveyQuery:
    @strawberry.field(description="In the order of their keys. active: null: all.")
    async def surveys(self, info: Info, active: bool | None = None) -> list[Survey] | None:
        client, found, after, more = feedback_of(info), list[Survey](), None, True
        while more:
            request = pb.ListSurveysRequest(page=page_request(_AT_ONCE, after), active=active)
            answer: pb.ListSurveysResponse = await client.call(client.stubs.surveys.ListSurveys, request)
            found += [survey_of(edge.node) for edge in answer.page.edges]
            after, more = answer.page.page_info.end_cursor, answer.page.page_info.has_next_page
        return found
