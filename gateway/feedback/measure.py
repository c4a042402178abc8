"""Measures in the graph: what the company does about what customers say, and who is told of it."""

from datetime import date, datetime
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any

import strawberry
from rundblick.feedback.v1 import measure_pb2 as pb
from strawberry import federation
from strawberry.scalars import JSON

from gateway.feedback.client import feedback_of
from gateway.feedback.references import Campaign, Delivery, Employee, Offer, Team
from gateway.feedback.topic import Topic, topic_of_key
from gateway.shared import (
    Info,
    Message,
    Money,
    Named,
    Node,
    PageInfo,
    enum_of,
    moment,
    needed,
    owned,
    page_request,
    present,
)

if TYPE_CHECKING:
    from gateway.feedback.enquiry import Customer
    from gateway.feedback.feedback import Feedback, FeedbackConnection

CustomerRef = Annotated["Customer", strawberry.lazy("gateway.feedback.enquiry")]
FeedbackRef = Annotated["Feedback", strawberry.lazy("gateway.feedback.feedback")]


@strawberry.enum
class MeasureKind(Enum):
    OFFER = "OFFER"
    PRODUCT = "PRODUCT"
    SERVICE = "SERVICE"
    PROCESS = "PROCESS"
    COMMUNICATION = "COMMUNICATION"


@strawberry.enum(
    description="INTRODUCED: customers have it, and it may have an effect. COMPLETED: introduced, and nothing is left "
    "to do. DECLINED: never introduced."
)
class MeasureStatus(Enum):
    PROPOSED = "PROPOSED"
    PLANNED = "PLANNED"
    STARTED = "STARTED"
    INTRODUCED = "INTRODUCED"
    COMPLETED = "COMPLETED"
    DECLINED = "DECLINED"


@strawberry.enum(description="DUE_ASC: those without a day last.")
class MeasureOrder(Enum):
    CREATED_DESC = "CREATED_DESC"
    DUE_ASC = "DUE_ASC"


@strawberry.type(description="Since when it has, or had, a status.")
class MeasureStep:
    status: MeasureStatus
    at: datetime
    by: Employee | None


@strawberry.type(description="A customer who asked for what a measure brings, and was not told of it.")
class CustomerToInform:
    customer: CustomerRef | None
    feedback: list[FeedbackRef | None] = strawberry.field(description="With which they asked: the newest five.")
    refusal: Message | None = strawberry.field(description="Why they cannot be told; null: they can.")


@strawberry.type
class CustomerToInformEdge:
    cursor: str
    node: CustomerToInform


@strawberry.type
class CustomersToInformConnection:
    edges: list[CustomerToInformEdge]
    page_info: PageInfo


@strawberry.type(description="A customer who was told of a measure.")
class InformedCustomer:
    customer: CustomerRef | None
    at: datetime
    language: str = strawberry.field(description="Of the text.")
    delivery: Delivery | None = strawberry.field(description="What became of the e-mail; null for a moment at first.")


@strawberry.type
class InformedCustomerEdge:
    cursor: str
    node: InformedCustomer


@strawberry.type
class InformedCustomerConnection:
    edges: list[InformedCustomerEdge]
    page_info: PageInfo


_REFUSALS = {
    "OBJECTED": (
        "The customer objected to being written to.",
        "Der Kunde hat Nachrichten auf diesem Weg widersprochen.",
    ),
    "NO_ADDRESS": ("No e-mail address of the customer is known.", "Vom Kunden ist keine E-Mail-Adresse bekannt."),
    "UNKNOWN": ("There is no such customer any more.", "Diesen Kunden gibt es nicht mehr."),
}
_AWAITS = {
    "NO_AIM": ("The measure aims at no key figure.", "Die Maßnahme zielt auf keine Kennzahl."),
    "NOT_INTRODUCED": ("The measure was not introduced yet.", "Die Maßnahme ist noch nicht eingeführt."),
}


def _said(code: str, texts: tuple[str, str], language: str) -> Message:
    """language: any other than German is English."""
    return Message(code=code, parameters=JSON({}), text=texts[1 if language == "de" else 0])


async def load_measure(info: Info, id: str) -> Any:
    return await feedback_of(info).measures.load(id)


def kind_value(kind: MeasureKind) -> Any:
    return pb.MeasureKind.Value(f"MEASURE_KIND_{kind.value}")


def status_value(status: MeasureStatus) -> Any:
    return pb.MeasureStatus.Value(f"MEASURE_STATUS_{status.value}")


def _status(number: int) -> MeasureStatus:
    return enum_of(MeasureStatus, pb.MeasureStatus, number, "MEASURE_STATUS_")


def _employee(id: str | None) -> Employee | None:
    return Employee(id=strawberry.ID(id)) if id else None


def _history(record: pb.Measure) -> list[MeasureStep]:
    return [
        MeasureStep(status=_status(step.status), at=needed(step, "at"), by=_employee(present(step, "employee_id")))
        for step in record.history
    ]


def _team(record: pb.Measure) -> Team | None:
    return Team(id=strawberry.ID(record.team_id)) if record.HasField("team_id") else None


def _offer(record: pb.Measure) -> Offer | None:
    return Offer(id=strawberry.ID(record.fields.offer_id)) if record.fields.HasField("offer_id") else None


def _campaign(record: pb.Measure) -> Campaign | None:
    return Campaign(id=strawberry.ID(record.fields.campaign_id)) if record.fields.HasField("campaign_id") else None


def _budget(record: pb.Measure) -> Money | None:
    return Money.of(record.fields.budget) if record.fields.HasField("budget") else None


def _due_on(record: pb.Measure) -> date | None:
    return date.fromisoformat(record.fields.due_on) if record.fields.HasField("due_on") else None


def _kind(record: pb.Measure) -> MeasureKind:
    return enum_of(MeasureKind, pb.MeasureKind, record.fields.kind, "MEASURE_KIND_")


def _field(get: Any, description: str | None = None) -> Any:
    return strawberry.field(resolver=owned(load_measure, get), description=description)


@federation.type(keys=["id"], description="What the company does about what customers say.")
class Measure(Named, Node):
    id: strawberry.ID
    record: strawberry.Private[Any] = None

    title: str = _field(lambda record: record.fields.title)
    description: str | None = _field(lambda record: present(record.fields, "description"))
    kind: MeasureKind = _field(_kind)
    status: MeasureStatus = _field(lambda record: _status(record.status))
    history: list[MeasureStep] = _field(_history, "The oldest first; the last one is the status of today.")
    owner: Employee | None = _field(lambda record: _employee(present(record.fields, "owner_id")), "Who answers for it.")
    team: Team | None = _field(_team, "The owner's.")
    budget: Money | None = _field(_budget)
    due_on: date | None = _field(_due_on)
    aims_at: str | None = _field(
        lambda record: present(record.fields, "aims_at"), "The key of the KPI that it is to move; see effect."
    )
    introduced_at: datetime | None = _field(lambda record: moment(record, "introduced_at"))
    topics: list[Topic] = _field(
        lambda record: [topic_of_key(key) for key in record.topic_keys],
        "What it answers, beside the feedback it is linked to.",
    )
    offer: Offer | None = _field(_offer, "That it brings.")
    campaign: Campaign | None = _field(_campaign, "That it is told by.")
    created_at: datetime = _field(lambda record: needed(record, "created_at"))
    version: int = _field(lambda record: record.version)

    @strawberry.field(
        description="Why there is no effect to see: NO_AIM or NOT_INTRODUCED; null: there is, or will be."
    )
    async def effect_awaits(self, info: Info) -> Message | None:
        record = self.record if self.record is not None else await load_measure(info, self.id)
        if record is None:
            return None
        code = "NO_AIM" if not record.fields.HasField("aims_at") else "NOT_INTRODUCED"
        awaits = code == "NO_AIM" or not record.HasField("introduced_at")
        return _said(code, _AWAITS[code], info.context.language) if awaits else None

    @strawberry.field(description="What it is linked to, the newest link first.")
    async def feedback(
        self,
        info: Info,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
    ) -> Annotated["FeedbackConnection", strawberry.lazy("gateway.feedback.feedback")]:
        from gateway.feedback.feedback import Feedback, FeedbackConnection, FeedbackEdge  # noqa: PLC0415  # the two know each other

        arguments = pb.BatchListMeasureFeedbackRequest(page=page_request(first, after, last, before))
        page: pb.LinkedFeedbackPage = await feedback_of(info).feedback_of_measures.load(self.id, arguments)
        return FeedbackConnection(
            edges=[
                FeedbackEdge(cursor=edge.cursor, node=Feedback(id=strawberry.ID(edge.feedback_id)))
                for edge in page.edges
            ],
            page_info=PageInfo.of(page.page_info),
        )

    @strawberry.field(
        description="Who asked for it and was not told yet: who said the linked feedback or repeated it, or wanted "
        "something of its topics before it was introduced. Those who may be told; with refused those who may not. A "
        "page may hold fewer than first, and go on. Scope measures:inform."
    )
    async def customers_to_inform(
        self, info: Info, first: int = 20, after: str | None = None, refused: bool = False
    ) -> CustomersToInformConnection | None:
        arguments = pb.BatchListCustomersToInformRequest(first=first, after=after, refused=refused)
        page: pb.CustomersToInformPage = await feedback_of(info).customers_to_inform.load(self.id, arguments)
        return CustomersToInformConnection(
            edges=[
                CustomerToInformEdge(cursor=edge.cursor, node=to_inform(edge.node, info.context.language))
                for edge in page.edges
            ],
            page_info=PageInfo.of(page.page_info),
        )

    @strawberry.field(description="Who was told of it, the last first. Scope measures:inform.")
    async def informed(
        self,
        info: Info,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
    ) -> InformedCustomerConnection | None:
        arguments = pb.BatchListInformedRequest(page=page_request(first, after, last, before))
        page: pb.InformedPage = await feedback_of(info).informed.load(self.id, arguments)
        return InformedCustomerConnection(
            edges=[InformedCustomerEdge(cursor=edge.cursor, node=informed_of(edge.node)) for edge in page.edges],
            page_info=PageInfo.of(page.page_info),
        )

    @classmethod
    def resolve_reference(cls, id: strawberry.ID) -> "Measure":
        return cls(id=id)


def _customer(id: str) -> Any:
    from gateway.feedback.enquiry import Customer  # noqa: PLC0415  # the two know each other

    return Customer(id=strawberry.ID(id))


def to_inform(record: pb.CustomerToInform, language: str) -> CustomerToInform:
    from gateway.feedback.feedback import Feedback  # noqa: PLC0415  # the two know each other

    refusal = None
    if record.refusal:
        code = pb.InformRefusal.Name(record.refusal).removeprefix("INFORM_REFUSAL_")
        refusal = _said(code, _REFUSALS[code], language)
    return CustomerToInform(
        customer=_customer(record.customer_id),
        feedback=[Feedback(id=strawberry.ID(id)) for id in record.feedback_ids],
        refusal=refusal,
    )


def informed_of(record: pb.Informed) -> InformedCustomer:
    return InformedCustomer(
        customer=_customer(record.customer_id),
        at=needed(record, "at"),
        language=record.language,
        delivery=Delivery(id=strawberry.ID(record.delivery_id)) if record.HasField("delivery_id") else None,
    )


@strawberry.type
class MeasureEdge:
    cursor: str
    node: Measure


@strawberry.type
class MeasureConnection:
    edges: list[MeasureEdge]
    page_info: PageInfo


@strawberry.input
class MeasureFilter:
    statuses: list[MeasureStatus] | None = strawberry.field(default=None, description="Any of them.")
    kinds: list[MeasureKind] | None = strawberry.field(default=None, description="Any of them.")
    owner: strawberry.ID | None = None
    team: strawberry.ID | None = strawberry.field(default=None, description="That of the owner.")
    due_before: date | None = None
    topics: list[str] | None = strawberry.field(default=None, description="Any of them, by key.")

    def to_proto(self) -> pb.MeasureFilter:
        return pb.MeasureFilter(
            statuses=map(status_value, self.statuses or ()),
            kinds=map(kind_value, self.kinds or ()),
            owner_id=self.owner,
            team_id=self.team,
            due_before=self.due_before.isoformat() if self.due_before else None,
            topic_keys=self.topics,
        )


def measure_of(record: pb.Measure) -> Measure:
    return Measure(id=strawberry.ID(record.id), record=record)


async def measures_of_feedback(info: Info, feedback: str) -> list[Measure]:
    found: pb.MeasureList = await feedback_of(info).measures_of_feedback.load(feedback, pb.BatchListMeasuresRequest())
    return [measure_of(record) for record in found.measures]


@strawberry.type
class MeasureQuery:
    @strawberry.field(description="What the company does about what customers say; the newest first, or as ordered.")
    async def measures(
        self,
        info: Info,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
        filter: MeasureFilter | None = None,
        order_by: MeasureOrder | None = None,
    ) -> MeasureConnection | None:
        client = feedback_of(info)
        request = pb.ListMeasuresRequest(page=page_request(first, after, last, before))
        if filter is not None:
            request.filter.CopyFrom(filter.to_proto())
        if order_by is not None:
            request.order_by = pb.MeasureOrder.Value(f"MEASURE_ORDER_{order_by.value}")
        answer: pb.ListMeasuresResponse = await client.call(client.stubs.measures.ListMeasures, request)
        return MeasureConnection(
            edges=[MeasureEdge(cursor=edge.cursor, node=measure_of(edge.node)) for edge in answer.edges],
            page_info=PageInfo.of(answer.page_info),
        )
