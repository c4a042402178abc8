"""Enquiries in the graph, with their waits and what became of them."""

from datetime import datetime
from enum import Enum
from typing import Annotated, Any

import strawberry
from rundblick.feedback.v1 import enquiry_pb2 as pb
from strawberry import federation

from chassis.times import to_timestamp
from gateway.feedback.client import feedback_of
from gateway.feedback.message import MessageConnection, messages_of
from gateway.feedback.policy import ServiceLevelStatus
from gateway.feedback.references import Campaign, Employee, Team, Touchpoint, employee_of, team_of, touchpoint_of
from gateway.feedback.voice import HasVoice
from gateway.feedback.waits import WaitInterval
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
class ExclusionReason(Enum):
    SPAM = "SPAM"
    DUPLICATE = "DUPLICATE"


@strawberry.type(description="What became of an enquiry at a moment.")
class EnquiryStatusChange:
    at: datetime
    status: EnquiryStatus = strawberry.field(description="From then on.")
    excluded: ExclusionReason | None = strawberry.field(description="From then on left out of all figures, and why.")
    by: Employee | None = strawberry.field(description="Whose step or answer it was.")

    @classmethod
    def of(cls, change: pb.StatusChange) -> "EnquiryStatusChange":
        return cls(
            at=needed(change, "at"),
            status=_status(change),
            excluded=_excluded(change),
            by=employee_of(present(change, "by_id")),
        )


@strawberry.type(description="From then on it was theirs.")
class EnquiryAssignment:
    at: datetime
    assignee: Employee | None
    team: Team | None
    by: Employee | None

    @classmethod
    def of(cls, assignment: pb.Assignment) -> "EnquiryAssignment":
        return cls(
            at=needed(assignment, "at"),
            assignee=employee_of(present(assignment, "assignee_id")),
            team=team_of(present(assignment, "team_id")),
            by=employee_of(present(assignment, "by_id")),
        )


async def load_enquiry(info: Info, id: str) -> Any:
    return await feedback_of(info).enquiries.load(id)


def _customer(record: pb.Enquiry) -> Any:
    return Customer(id=strawberry.ID(record.customer_id)) if present(record, "customer_id") else None


def _status(record: pb.Enquiry | pb.StatusChange) -> EnquiryStatus:
    return enum_of(EnquiryStatus, pb.EnquiryStatus, record.status, "ENQUIRY_STATUS_")


def _priority(record: pb.Enquiry) -> Priority:
    return enum_of(Priority, pb.Priority, record.priority, "PRIORITY_")


def _excluded(record: pb.Enquiry | pb.StatusChange) -> ExclusionReason | None:
    if not record.excluded:
        return None
    return enum_of(ExclusionReason, pb.ExclusionReason, record.excluded, "EXCLUSION_REASON_")


def _campaign(record: pb.Enquiry) -> Campaign | None:
    return Campaign(id=strawberry.ID(record.campaign_id)) if present(record, "campaign_id") else None


def _merged_into(record: pb.Enquiry) -> "Enquiry | None":
    return Enquiry(id=strawberry.ID(record.merged_into_id)) if present(record, "merged_into_id") else None


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
    team: Team | None = strawberry.field(resolver=_field(lambda record: team_of(present(record, "team_id"))))
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
    service_levels: list[ServiceLevelStatus] = strawberry.field(
        resolver=_field(lambda record: [ServiceLevelStatus.of(level) for level in record.service_levels]),
        description="What was promised for its waits, in their order, and whether it is kept.",
    )

    touchpoints: list[Touchpoint] = strawberry.field(
        resolver=_field(lambda record: [Touchpoint(id=strawberry.ID(id)) for id in record.touchpoint_ids]),
        description="All that its public messages came or went over, the first one first.",
    )
    campaign: Campaign | None = strawberry.field(
        resolver=_field(_campaign), description="Of the code that it was opened with."
    )
    history: list[EnquiryStatusChange] = strawberry.field(
        resolver=_field(lambda record: [EnquiryStatusChange.of(change) for change in record.history]),
        description="By time.",
    )
    assignments: list[EnquiryAssignment] = strawberry.field(
        resolver=_field(lambda record: [EnquiryAssignment.of(one) for one in record.assignments]),
        description="By time.",
    )
    merged_into: Annotated["Enquiry", strawberry.lazy("gateway.feedback.enquiry")] | None = strawberry.field(
        resolver=_field(_merged_into), description="That its messages belong to since it was found to be a duplicate."
    )

    @strawberry.field(description="Oldest first. Internal notes are seen with the scope enquiries:notes alone.")
    async def messages(
        self,
        info: Info,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
    ) -> MessageConnection:
        return await messages_of(info, self.id, first, after, last, before)

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
    at_risk: bool | None = strawberry.field(
        default=None, description="Is there little time left to keep a promise, and none missed?"
    )
    missed: bool | None = strawberry.field(
        default=None, description="Is a promise missed, and the customer still waits?"
    )
    customers: list[strawberry.ID] | None = None
    categories: list[str] | None = None
    services: list[str] | None = None
    priorities: list[Priority] | None = None
    sources: list[str] | None = None
    opened_from: datetime | None = None
    opened_until: datetime | None = strawberry.field(default=None, description="Exclusive.")
    search: str | None = strawberry.field(
        default=None, description="Words that all stand in the subject, whole and in any case."
    )


@strawberry.enum
class EnquiryOrder(Enum):
    OPENED_AT_DESC = "OPENED_AT_DESC"
    OPENED_AT_ASC = "OPENED_AT_ASC"
    WAITING_LONGEST = "WAITING_LONGEST"
    DUE = "DUE"


def _filter(filter: EnquiryFilter | None) -> pb.EnquiryFilter | None:
    if filter is None:
        return None
    return pb.EnquiryFilter(
        statuses=[pb.EnquiryStatus.Value(f"ENQUIRY_STATUS_{status.value}") for status in filter.statuses or ()],
        touchpoint_ids=filter.touchpoints,
        team_id=filter.team,
        assignee_id=filter.assignee,
        waiting=filter.waiting,
        at_risk=filter.at_risk,
        missed=filter.missed,
        customer_ids=filter.customers,
        categories=filter.categories,
        services=filter.services,
        priorities=[pb.Priority.Value(f"PRIORITY_{priority.value}") for priority in filter.priorities or ()],
        sources=filter.sources,
        opened_from=to_timestamp(filter.opened_from),
        opened_until=to_timestamp(filter.opened_until),
        search=filter.search,
    )


def enquiry_of(record: pb.Enquiry) -> Enquiry:
    return Enquiry(id=strawberry.ID(record.id), record=record)


def _connection(page: pb.EnquiryPage | pb.ListEnquiriesResponse) -> EnquiryConnection:
    return EnquiryConnection(
        edges=[EnquiryEdge(cursor=edge.cursor, node=enquiry_of(edge.node)) for edge in page.edges],
        page_info=PageInfo.of(page.page_info),
    )


@federation.type(keys=["id"])
class Customer(HasVoice, Named, Node):
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
    @strawberry.field(
        description="Newest first, or as ordered; WAITING_LONGEST holds only those who wait, DUE only those with an "
        "open promise."
    )
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
