"""Feedback in the graph: what customers say of the company, and what came of it."""

from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any

import strawberry
from rundblick.customers.v1 import signal_pb2
from rundblick.feedback.v1 import feedback_pb2 as pb
from strawberry import federation

from chassis.ids import prefix_of
from chassis.times import to_timestamp
from gateway.feedback.client import feedback_of
from gateway.feedback.enquiry import Customer, Enquiry
from gateway.feedback.references import Delivery, Employee, Team, Touchpoint, employee_of, team_of, touchpoint_of
from gateway.feedback.survey import Scale, Survey, SurveyKind
from gateway.feedback.topic import Topic, topic_of_key
from gateway.shared import Info, Named, Node, PageInfo, enum_of, needed, owned, page_request, present

if TYPE_CHECKING:
    from gateway.feedback.measure import Measure


@strawberry.enum
class FeedbackKind(Enum):
    WISH = "WISH"
    PROBLEM = "PROBLEM"
    EXPECTATION = "EXPECTATION"
    PRAISE = "PRAISE"
    COMPLAINT = "COMPLAINT"
    QUESTION = "QUESTION"
    RATING = "RATING"


@strawberry.enum(description="DUPLICATE: it repeats other feedback, and counts in no figure.")
class FeedbackStatus(Enum):
    NEW = "NEW"
    ACKNOWLEDGED = "ACKNOWLEDGED"
    PLANNED = "PLANNED"
    STARTED = "STARTED"
    COMPLETED = "COMPLETED"
    DECLINED = "DECLINED"
    DUPLICATE = "DUPLICATE"


@strawberry.type(description="One answer on a scale.")
class SurveyScore:
    kind: SurveyKind
    value: float
    scale: Scale


@strawberry.type(description="What the company answered.")
class FeedbackReply:
    id: strawberry.ID
    body: str
    occurred_at: datetime
    author: Employee | None
    delivery: Delivery | None = strawberry.field(
        description="The e-mail it goes out by, once it is queued; null: not queued, or told otherwise."
    )


@strawberry.type(description="What became of feedback at a moment.")
class FeedbackStep:
    status: FeedbackStatus
    at: datetime
    by: str = strawberry.field(description="Who said so: an employee's id, else the caller.")
    employee: Employee | None
    note: str | None


@strawberry.type(description="What a person said of feedback; null: they left it as it was.")
class FeedbackClassification:
    at: datetime
    by: str = strawberry.field(description="Who said so: an employee's id, else the caller.")
    employee: Employee | None
    kind: FeedbackKind | None
    topics: list[Topic] | None
    sentiment: float | None


async def load_feedback(info: Info, id: str) -> Any:
    return await feedback_of(info).feedback.load(id)


def kind_of(number: int) -> FeedbackKind:
    return enum_of(FeedbackKind, pb.FeedbackKind, number, "FEEDBACK_KIND_")


def status_of(number: int) -> FeedbackStatus:
    return enum_of(FeedbackStatus, pb.FeedbackStatus, number, "FEEDBACK_STATUS_")


def score_of(score: pb.Score) -> SurveyScore:
    return SurveyScore(
        kind=enum_of(SurveyKind, signal_pb2.SurveyKind, score.kind, "SURVEY_KIND_"),
        value=score.value,
        scale=Scale(lowest=score.lowest, highest=score.highest),
    )


def _named(kind: Any, name: Any) -> Any:
    """A field that names another object by its id."""
    return _field(lambda record: kind(id=strawberry.ID(getattr(record, name))) if record.HasField(name) else None)


def _plain(name: str) -> Any:
    return _field(lambda record: present(record, name))


def _score(record: pb.Feedback) -> SurveyScore | None:
    return score_of(record.score) if record.HasField("score") else None


def _employee(by: str) -> Employee | None:
    return employee_of(by) if prefix_of(by) == "emp" else None


def reply_of(reply: pb.FeedbackReply) -> FeedbackReply:
    return FeedbackReply(
        id=strawberry.ID(reply.id),
        body=reply.body,
        occurred_at=needed(reply, "occurred_at"),
        author=employee_of(present(reply, "author_id")),
        delivery=Delivery(id=strawberry.ID(reply.delivery_id)) if reply.HasField("delivery_id") else None,
    )


def _step(step: pb.FeedbackStep) -> FeedbackStep:
    return FeedbackStep(
        status=status_of(step.status),
        at=needed(step, "at"),
        by=step.by,
        employee=_employee(step.by),
        note=present(step, "note"),
    )


def _classification(said: pb.Classification) -> FeedbackClassification:
    return FeedbackClassification(
        at=needed(said, "at"),
        by=said.by,
        employee=_employee(said.by),
        kind=kind_of(said.kind) if said.HasField("kind") else None,
        topics=[topic_of_key(key) for key in said.topics.keys] if said.HasField("topics") else None,
        sentiment=present(said, "sentiment"),
    )


def _field(get: Any) -> Any:
    return owned(load_feedback, get)


@federation.type(keys=["id"], description="What a customer said of the company.")
class Feedback(Named, Node):
    id: strawberry.ID
    record: strawberry.Private[Any] = None

    customer: Customer | None = strawberry.field(resolver=_named(Customer, "customer_id"))
    touchpoint: Touchpoint | None = strawberry.field(
        resolver=_field(lambda record: touchpoint_of(present(record, "touchpoint_id")))
    )
    enquiry: Enquiry | None = strawberry.field(
        resolver=_named(Enquiry, "enquiry_id"), description="In which it was said."
    )
    source: str = strawberry.field(resolver=_field(lambda record: record.source))
    external_id: str | None = strawberry.field(resolver=_plain("external_id"))
    kind: FeedbackKind = strawberry.field(resolver=_field(lambda record: kind_of(record.kind)))
    solicited: bool = strawberry.field(
        resolver=_field(lambda record: record.solicited), description="The company asked for it."
    )
    survey: Survey | None = strawberry.field(resolver=_named(Survey, "survey_id"))
    score: SurveyScore | None = strawberry.field(resolver=_field(_score))
    text: str | None = strawberry.field(resolver=_plain("text"))
    language: str | None = strawberry.field(resolver=_plain("language"), description="ISO 639-1; null: not known.")
    sentiment: float | None = strawberry.field(
        resolver=_plain("sentiment"),
        description="-1 (bad) ... 1 (good), found in the text or said by people; null: the text gives none.",
    )
    topics: list[Topic] = strawberry.field(
        resolver=_field(lambda record: [topic_of_key(key) for key in record.topic_keys])
    )
    status: FeedbackStatus = strawberry.field(resolver=_field(lambda record: status_of(record.status)))
    duplicate_of: Annotated["Feedback", strawberry.lazy("gateway.feedback.feedback")] | None = strawberry.field(
        resolver=_field(lambda record: feedback_of_record(None, present(record, "duplicate_of_id"))),
        description="What it repeats.",
    )
    replies: list[FeedbackReply] = strawberry.field(
        resolver=_field(lambda record: [reply_of(one) for one in record.replies]), description="Oldest first."
    )
    steps: list[FeedbackStep] = strawberry.field(
        resolver=_field(lambda record: [_step(one) for one in record.steps]), description="Oldest first."
    )
    classifications: list[FeedbackClassification] = strawberry.field(
        resolver=_field(lambda record: [_classification(one) for one in record.classifications]),
        description="What people said of it, oldest first; what they said, no machine changes.",
    )
    received_at: datetime = strawberry.field(resolver=_field(lambda record: needed(record, "received_at")))
    team: Team | None = strawberry.field(resolver=_field(lambda record: team_of(present(record, "team_id"))))
    owner: Employee | None = strawberry.field(
        resolver=_field(lambda record: employee_of(present(record, "owner_id"))), description="Who deals with it."
    )
    service: str | None = strawberry.field(resolver=_plain("service"), description="What it is about.")
    version: int = strawberry.field(resolver=_field(lambda record: record.version))

    @strawberry.field(description="What the company does about it.")
    async def measures(self, info: Info) -> list[Annotated["Measure", strawberry.lazy("gateway.feedback.measure")]]:
        from gateway.feedback.measure import measures_of_feedback  # noqa: PLC0415  # the two know each other

        return await measures_of_feedback(info, self.id)

    @classmethod
    def resolve_reference(cls, id: strawberry.ID) -> "Feedback":
        return cls(id=id)


def feedback_of_record(record: pb.Feedback | None, id: str | None = None) -> Any:
    """By its record, or by its id alone; None without either."""
    if record is not None:
        return Feedback(id=strawberry.ID(record.id), record=record)
    return Feedback(id=strawberry.ID(id)) if id else None


@strawberry.type
class FeedbackEdge:
    cursor: str
    node: Feedback


@strawberry.type
class FeedbackConnection:
    edges: list[FeedbackEdge]
    page_info: PageInfo


@strawberry.input(description="What all of it holds of; of each list one of its values.")
class FeedbackFilter:
    kinds: list[FeedbackKind] | None = None
    statuses: list[FeedbackStatus] | None = None
    topics: list[str] | None = strawberry.field(default=None, description="Keys.")
    touchpoints: list[strawberry.ID] | None = None
    team: strawberry.ID | None = None
    owner: strawberry.ID | None = None
    solicited: bool | None = None
    survey: strawberry.ID | None = None
    enquiry: strawberry.ID | None = None
    received_from: datetime | None = None
    received_to: datetime | None = strawberry.field(default=None, description="Half-open.")
    sentiment_at_most: float | None = None
    sentiment_at_least: float | None = None
    sources: list[str] | None = None


def filter_of(filter: FeedbackFilter | None) -> pb.FeedbackFilter | None:
    if filter is None:
        return None
    wanted = pb.FeedbackFilter(
        kinds=[pb.FeedbackKind.Value(f"FEEDBACK_KIND_{kind.value}") for kind in filter.kinds or ()],
        statuses=[pb.FeedbackStatus.Value(f"FEEDBACK_STATUS_{status.value}") for status in filter.statuses or ()],
        topic_keys=filter.topics,
        touchpoint_ids=filter.touchpoints,
        team_id=filter.team,
        owner_id=filter.owner,
        solicited=filter.solicited,
        survey_id=filter.survey,
        enquiry_id=filter.enquiry,
        to=to_timestamp(filter.received_to),
        sentiment_below=filter.sentiment_at_most,
        sentiment_above=filter.sentiment_at_least,
        sources=filter.sources,
    )
    if filter.received_from is not None:
        # `from` is a word of Python.
        getattr(wanted, "from").FromDatetime(filter.received_from)
    return wanted


def connection(page: pb.FeedbackPage) -> FeedbackConnection:
    return FeedbackConnection(
        edges=[FeedbackEdge(cursor=edge.cursor, node=feedback_of_record(edge.node)) for edge in page.edges],
        page_info=PageInfo.of(page.page_info),
    )


@strawberry.type
class FeedbackQuery:
    @strawberry.field(description="Newest first.")
    async def feedback(
        self,
        info: Info,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
        filter: FeedbackFilter | None = None,
    ) -> FeedbackConnection | None:
        client = feedback_of(info)
        request = pb.ListFeedbackRequest(page=page_request(first, after, last, before), filter=filter_of(filter))
        answer: pb.ListFeedbackResponse = await client.call(client.stubs.feedback.ListFeedback, request)
        return connection(answer.page)
