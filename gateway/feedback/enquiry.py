"""Enquiries in the graph, with their messages and waits."""

from datetime import datetime
from enum import Enum
from typing import Annotated, Any

import strawberry
from rundblick.feedback.v1 import enquiry_pb2 as pb
from strawberry import federation

from gateway.feedback.client import feedback_of
from gateway.feedback.references import Employee, Team, Touchpoint
from gateway.shared import Info, Named, Node, PageInfo, enum_of, moment, needed, owned, page_request, present


@strawberry.enum
class EnquiryStatus(Enum):
    NEW = "NEW"
    OPEN = "OPEN"
    PENDING = "PENDING"
    RESOLVED = "RESOLVED"
    CLOSED = "CLOSED"


@strawberry.enum
class Priority(Enum):
    LOW = "LOW"
    NORMAL = "NORMAL"
    HIGH = "HIGH"
    URGENT = "URGENT"


@strawberry.enum
class AuthorKind(Enum):
    CUSTOMER = "CUSTOMER"
    EMPLOYEE = "EMPLOYEE"
    BOT = "BOT"
    SYSTEM = "SYSTEM"
    PARTNER = "PARTNER"


@strawberry.enum
class Visibility(Enum):
    PUBLIC = "PUBLIC"
    INTERNAL = "INTERNAL"


@strawberry.enum
class WaitKind(Enum):
    FIRST = "FIRST"
    NEXT = "NEXT"
    RESOLUTION = "RESOLUTION"


@strawberry.enum
class WaitEnd(Enum):
    ANSWERED = "ANSWERED"
    CLOSED_UNANSWERED = "CLOSED_UNANSWERED"
    EXCLUDED = "EXCLUDED"


@strawberry.enum
class WaitFlag(Enum):
    NEGATIVE = "NEGATIVE"


@strawberry.enum
class ExclusionReason(Enum):
    SPAM = "SPAM"
    DUPLICATE = "DUPLICATE"


def touchpoint_of(id: str | None) -> Touchpoint | None:
    return Touchpoint(id=strawberry.ID(id)) if id else None


def employee_of(id: str | None) -> Employee | None:
    return Employee(id=strawberry.ID(id)) if id else None


@strawberry.type(description="A raw fact from which every response-time KPI is derived.")
class WaitInterval:
    kind: WaitKind
    started_at: datetime
    ended_at: datetime | None = strawberry.field(description="null: still waiting")
    ended: WaitEnd | None
    seconds: float = strawberry.field(description="Elapsed; up to now while open.")
    business_seconds: float | None = strawberry.field(description="null without a calendar, never 0 instead")
    paused_seconds: float | None = strawberry.field(description="RESOLUTION only")
    started_touchpoint: Touchpoint | None
    answered_by: Employee | None
    assignee_at_start: Employee | None
    assignee_at_end: Employee | None
    flagged: WaitFlag | None

    @classmethod
    def of(cls, wait: pb.Wait) -> "WaitInterval":
        return cls(
            kind=enum_of(WaitKind, pb.WaitKind, wait.kind, "WAIT_KIND_"),
            started_at=needed(wait, "started_at"),
            ended_at=moment(wait, "ended_at"),
            ended=enum_of(WaitEnd, pb.WaitEnd, wait.ended, "WAIT_END_") if wait.ended else None,
            seconds=wait.seconds,
            business_seconds=present(wait, "business_seconds"),
            paused_seconds=present(wait, "paused_seconds"),
            started_touchpoint=touchpoint_of(present(wait, "started_touchpoint_id")),
            answered_by=employee_of(present(wait, "answered_by_id")),
            assignee_at_start=employee_of(present(wait, "assignee_at_start_id")),
            assignee_at_end=employee_of(present(wait, "assignee_at_end_id")),
            flagged=enum_of(WaitFlag, pb.WaitFlag, wait.flagged, "WAIT_FLAG_") if wait.flagged else None,
        )


@strawberry.type(description="One message of an enquiry.")
class EnquiryMessage:
    id: strawberry.ID
    author_kind: AuthorKind
    author: Employee | None = strawberry.field(description="When an employee wrote it.")
    visibility: Visibility
    touchpoint: Touchpoint | None
    body: str
    occurred_at: datetime
    in_reply_to: strawberry.ID | None
    connected: bool | None = strawberry.field(description="Calls only: did anybody talk?")

    @classmethod
    def of(cls, message: pb.Message) -> "EnquiryMessage":
        reply = present(message, "in_reply_to_id")
        return cls(
            id=strawberry.ID(message.id),
            author_kind=enum_of(AuthorKind, pb.AuthorKind, message.author_kind, "AUTHOR_KIND_"),
            author=employee_of(present(message, "author_id")),
            visibility=enum_of(Visibility, pb.Visibility, message.visibility, "VISIBILITY_"),
            touchpoint=touchpoint_of(present(message, "touchpoint_id")),
            body=message.body,
            occurred_at=needed(message, "occurred_at"),
            in_reply_to=strawberry.ID(reply) if reply else None,
            connected=present(message, "connected"),
        )


@strawberry.type
class MessageEdge:
    cursor: str
    node: EnquiryMessage


@strawberry.type
class MessageConnection:
    edges: list[MessageEdge]
    page_info: PageInfo


async def load_enquiry(info: Info, id: str) -> Any:
    return await feedback_of(info).enquiries.load(id)


def _customer(record: pb.Enquiry) -> Any:
    return Customer(id=strawberry.ID(record.customer_id)) if present(record, "customer_id") else None


def _status(record: pb.Enquiry) -> EnquiryStatus:
    return enum_of(EnquiryStatus, pb.EnquiryStatus, record.status, "ENQUIRY_STATUS_")


def _priority(record: pb.Enquiry) -> Priority:
    return enum_of(Priority, pb.Priority, record.priority, "PRIORITY_")


def _excluded(record: pb.Enquiry) -> ExclusionReason | None:
    if not record.excluded:
        return None
    return enum_of(ExclusionReason, pb.ExclusionReason, record.excluded, "EXCLUSION_REASON_")


def _team(record: pb.Enquiry) -> Team | None:
    return Team(id=strawberry.ID(record.team_id)) if present(record, "team_id") else None


def _field(get: Any) -> Any:
    return owned(load_enquiry, get)


@federation.type(keys=["id"], description="What a customer asked, over all touchpoints, until it is settled.")
class Enquiry(Named, Node):
    id: strawberry.ID
    record: strawberry.Private[Any] = None

    customer: Annotated["Customer", strawberry.lazy("gateway.feedback.enquiry")] | None = strawberry.field(
        resolver=_field(_customer)
    )
    touchpoint: Touchpoint | None = strawberry.field(
        resolver=_field(lambda record: touchpoint_of(present(record, "touchpoint_id")))
    )
    source: str = strawberry.field(resolver=_field(lambda record: record.source))
    external_id: str | None = strawberry.field(resolver=_field(lambda record: present(record, "external_id")))
    subject: str = strawberry.field(resolver=_field(lambda record: record.subject))
    category: str | None = strawberry.field(resolver=_field(lambda record: present(record, "category")))
    service: str | None = strawberry.field(resolver=_field(lambda record: present(record, "service")))
    status: EnquiryStatus = strawberry.field(resolver=_field(_status))
    priority: Priority = strawberry.field(resolver=_field(_priority))
    assignee: Employee | None = strawberry.field(
        resolver=_field(lambda record: employee_of(present(record, "assignee_id")))
    )
    team: Team | None = strawberry.field(resolver=_field(_team))
    opened_at: datetime = strawberry.field(resolver=_field(lambda record: needed(record, "opened_at")))
    first_responded_at: datetime | None = strawberry.field(
        resolver=_field(lambda record: moment(record, "first_responded_at"))
    )
    resolved_at: datetime | None = strawberry.field(resolver=_field(lambda record: moment(record, "resolved_at")))
    reopen_count: int = strawberry.field(resolver=_field(lambda record: record.reopen_count))
    excluded: ExclusionReason | None = strawberry.field(
        resolver=_field(_excluded), description="Left out of all figures, and why."
    )
    version: int = strawberry.field(resolver=_field(lambda record: record.version))
    waits: list[WaitInterval] = strawberry.field(
        resolver=_field(lambda record: [WaitInterval.of(wait) for wait in record.waits])
    )

    @strawberry.field(description="Oldest first.")
    async def messages(
        self,
        info: Info,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
    ) -> MessageConnection:
        arguments = pb.BatchListMessagesRequest(page=page_request(first, after, last, before))
        page: pb.MessagePage = await feedback_of(info).messages.load(self.id, arguments)
        return MessageConnection(
            edges=[MessageEdge(cursor=edge.cursor, node=EnquiryMessage.of(edge.node)) for edge in page.edges],
            page_info=PageInfo.of(page.page_info),
        )

    @classmethod
    def resolve_reference(cls, id: strawberry.ID) -> "Enquiry":
        return cls(id=id)


@strawberry.type
class EnquiryEdge:
    cursor: str
    node: Enquiry


@strawberry.type
class EnquiryConnection:
    edges: list[EnquiryEdge]
    page_info: PageInfo


@strawberry.input
class EnquiryFilter:
    statuses: list[EnquiryStatus] | None = None
    touchpoints: list[strawberry.ID] | None = None
    team: strawberry.ID | None = None
    assignee: strawberry.ID | None = None
    waiting: bool | None = strawberry.field(default=None, description="Does a customer wait for an answer?")


@strawberry.enum
class EnquiryOrder(Enum):
    OPENED_AT_DESC = "OPENED_AT_DESC"
    OPENED_AT_ASC = "OPENED_AT_ASC"
    WAITING_LONGEST = "WAITING_LONGEST"


def _filter(filter: EnquiryFilter | None) -> pb.EnquiryFilter | None:
    if filter is None:
        return None
    return pb.EnquiryFilter(
        statuses=[pb.EnquiryStatus.Value(f"ENQUIRY_STATUS_{status.value}") for status in filter.statuses or ()],
        touchpoint_ids=filter.touchpoints,
        team_id=filter.team,
        assignee_id=filter.assignee,
        waiting=filter.waiting,
    )


def enquiry_of(record: pb.Enquiry) -> Enquiry:
    return Enquiry(id=strawberry.ID(record.id), record=record)


def _connection(page: pb.EnquiryPage | pb.ListEnquiriesResponse) -> EnquiryConnection:
    return EnquiryConnection(
        edges=[EnquiryEdge(cursor=edge.cursor, node=enquiry_of(edge.node)) for edge in page.edges],
        page_info=PageInfo.of(page.page_info),
    )


@federation.type(keys=["id"])
class Customer(Named, Node):
    id: strawberry.ID

    @strawberry.field(description="Newest first.")
    async def enquiries(
        self,
        info: Info,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
        filter: EnquiryFilter | None = None,
    ) -> EnquiryConnection | None:
        arguments = pb.BatchListEnquiriesRequest(page=page_request(first, after, last, before), filter=_filter(filter))
        return _connection(await feedback_of(info).of_customers.load(self.id, arguments))

    @classmethod
    def resolve_reference(cls, id: strawberry.ID) -> "Customer":
        return cls(id=id)


@strawberry.type
class EnquiryQuery:
    @strawberry.field(description="Newest first, or as ordered; WAITING_LONGEST holds only those who wait.")
    async def enquiries(
        self,
        info: Info,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
        filter: EnquiryFilter | None = None,
        order_by: EnquiryOrder | None = None,
    ) -> EnquiryConnection | None:
        client = feedback_of(info)
        request = pb.ListEnquiriesRequest(page=page_request(first, after, last, before), filter=_filter(filter))
        if order_by is not None:
            request.order_by = pb.EnquiryOrder.Value(f"ENQUIRY_ORDER_{order_by.value}")
        return _connection(await client.call(client.stubs.enquiries.ListEnquiries, request))
