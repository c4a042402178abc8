"""Mutations of enquiries."""

from datetime import datetime
from typing import Any

import strawberry
from rundblick.customers.v1 import customer_pb2
from rundblick.feedback.v1 import enquiry_pb2 as pb
from strawberry import UNSET

from chassis.times import to_timestamp
from gateway.errors import bad_input
from gateway.feedback.client import feedback_of
from gateway.feedback.enquiry import Enquiry, EnquiryStatus, ExclusionReason, Priority, enquiry_of
from gateway.feedback.message import AuthorKind, EnquiryMessage, Visibility
from gateway.shared import ExternalIdInput, Info, UserError, mutate

_UPLOADED = "Files that the same caller uploaded before, for the same source."


@strawberry.input(description="By id, or by the id of another system.")
class EnquiryCustomerInput:
    id: strawberry.ID | None = None
    external_id: ExternalIdInput | None = None


@strawberry.input
class FirstMessageInput:
    body: str
    occurred_at: datetime | None = strawberry.field(default=None, description="now, when left out")
    author_kind: AuthorKind | None = strawberry.field(default=None, description="CUSTOMER, when left out")
    author: strawberry.ID | None = None
    visibility: Visibility | None = strawberry.field(default=None, description="PUBLIC, when left out")
    touchpoint: str | None = strawberry.field(default=None, description="a key; the enquiry's, when left out")
    connected: bool | None = strawberry.field(default=None, description="calls only: did anybody talk?")
    attachments: list[strawberry.ID] | None = strawberry.field(default=None, description=_UPLOADED)


@strawberry.input
class OpenEnquiryInput:
    subject: str
    touchpoint: str | None = strawberry.field(default=None, description="The touchpoint's key.")
    code: str | None = strawberry.field(default=None, description="Of a touchpoint, instead of its key.")
    customer: EnquiryCustomerInput | None = None
    source: str | None = strawberry.field(default=None, description="rundblick, when left out")
    external_id: str | None = None
    category: str | None = None
    service: str | None = None
    team: str | None = strawberry.field(default=None, description="The team's key.")
    priority: Priority | None = None
    opened_at: datetime | None = None
    message: FirstMessageInput | None = None
    idempotency_key: str | None = None


@strawberry.input
class AddMessageInput:
    enquiry: strawberry.ID
    author_kind: AuthorKind
    body: str
    author: strawberry.ID | None = strawberry.field(default=None, description="The employee who wrote it.")
    visibility: Visibility | None = strawberry.field(default=None, description="PUBLIC, when left out")
    touchpoint: str | None = strawberry.field(default=None, description="a key; the enquiry's, when left out")
    occurred_at: datetime | None = strawberry.field(default=None, description="now, when left out")
    in_reply_to: strawberry.ID | None = strawberry.field(default=None, description="The message it answers.")
    connected: bool | None = strawberry.field(default=None, description="calls only: did anybody talk?")
    attachments: list[strawberry.ID] | None = strawberry.field(default=None, description=_UPLOADED)
    idempotency_key: str | None = None


@strawberry.input
class UpdateEnquiryInput:
    id: strawberry.ID
    version: int | None = None
    subject: str | None = UNSET
    category: str | None = UNSET
    service: str | None = UNSET
    priority: Priority | None = None
    customer: EnquiryCustomerInput | None = strawberry.field(
        default=None, description="Whose it is, when nobody knew before."
    )
    status: EnquiryStatus | None = strawberry.field(
        default=None, description="OPEN or PENDING; the other steps have mutations of their own"
    )
    occurred_at: datetime | None = None
    idempotency_key: str | None = None


@strawberry.input
class AssignEnquiryInput:
    id: strawberry.ID
    assignee: strawberry.ID | None = strawberry.field(default=None, description="null: nobody")
    team: str | None = strawberry.field(default=None, description="a key; as it was, when left out")
    occurred_at: datetime | None = None
    idempotency_key: str | None = None


@strawberry.input
class ResolveEnquiryInput:
    id: strawberry.ID
    occurred_at: datetime | None = None
    idempotency_key: str | None = None


@strawberry.input
class ReopenEnquiryInput:
    id: strawberry.ID
    occurred_at: datetime | None = None
    idempotency_key: str | None = None


@strawberry.input
class CloseEnquiryInput:
    id: strawberry.ID
    occurred_at: datetime | None = None
    idempotency_key: str | None = None


@strawberry.input
class ExcludeEnquiryInput:
    id: strawberry.ID
    reason: ExclusionReason
    occurred_at: datetime | None = None
    idempotency_key: str | None = None


@strawberry.type
class OpenEnquiryPayload:
    user_errors: list[UserError]
    enquiry: Enquiry | None = None


@strawberry.type
class AddMessagePayload:
    user_errors: list[UserError]
    enquiry: Enquiry | None = None
    message: EnquiryMessage | None = None


@strawberry.type
class UpdateEnquiryPayload:
    user_errors: list[UserError]
    enquiry: Enquiry | None = None


@strawberry.type
class AssignEnquiryPayload:
    user_errors: list[UserError]
    enquiry: Enquiry | None = None


@strawberry.type
class ResolveEnquiryPayload:
    user_errors: list[UserError]
    enquiry: Enquiry | None = None


@strawberry.type
class ReopenEnquiryPayload:
    user_errors: list[UserError]
    enquiry: Enquiry | None = None


@strawberry.type
class CloseEnquiryPayload:
    user_errors: list[UserError]
    enquiry: Enquiry | None = None


@strawberry.type
class ExcludeEnquiryPayload:
    user_errors: list[UserError]
    enquiry: Enquiry | None = None


def _new_message(input: FirstMessageInput | AddMessageInput) -> pb.NewMessage:
    return pb.NewMessage(
        author_kind=pb.AuthorKind.Value(f"AUTHOR_KIND_{(input.author_kind or AuthorKind.CUSTOMER).value}"),
        author_id=input.author,
        visibility=pb.Visibility.Value(f"VISIBILITY_{(input.visibility or Visibility.PUBLIC).value}"),
        touchpoint_key=input.touchpoint,
        body=input.body,
        occurred_at=to_timestamp(input.occurred_at),
        in_reply_to_id=input.in_reply_to if isinstance(input, AddMessageInput) else None,
        connected=input.connected,
        attachment_ids=input.attachments,
    )


def _customer(customer: EnquiryCustomerInput | None) -> dict[str, Any]:
    """The two fields of a request that name one."""
    if customer is None:
        return {}
    external = customer.external_id
    if external is not None and customer.id is not None:
        raise bad_input("a customer is named by id or by externalId", "input", "customer")
    outside = customer_pb2.ExternalId(source=external.source, id=external.id) if external else None
    return {"customer_id": customer.id, "customer_external_id": outside}


def _open_request(input: OpenEnquiryInput) -> pb.OpenEnquiryRequest:
    return pb.OpenEnquiryRequest(
        idempotency_key=input.idempotency_key,
        **_customer(input.customer),
        touchpoint_key=input.touchpoint or "",
        source=input.source or "",
        subject=input.subject,
        category=input.category,
        service=input.service,
        team_key=input.team,
        opened_at=to_timestamp(input.opened_at),
        message=_new_message(input.message) if input.message else None,
        priority=_priority(input.priority),
        external_id=input.external_id,
        code=input.code,
    )


def _priority(priority: Priority | None) -> Any:
    return pb.Priority.Value(f"PRIORITY_{priority.value}") if priority else None


async def _run(info: Info, payload: Any, name: str, request: Any) -> Any:
    client = feedback_of(info)

    async def work() -> dict[str, Any]:
        answer = await client.call(getattr(client.stubs.enquiries, name), request)
        return {"enquiry": enquiry_of(answer.enquiry)}

    return await mutate(payload, work())


@strawberry.type
class EnquiryMutation:
    @strawberry.mutation
    async def open_enquiry(self, info: Info, input: OpenEnquiryInput) -> OpenEnquiryPayload | None:
        result: OpenEnquiryPayload = await _run(info, OpenEnquiryPayload, "OpenEnquiry", _open_request(input))
        return result

    @strawberry.mutation
    async def add_message(self, info: Info, input: AddMessageInput) -> AddMessagePayload | None:
        client = feedback_of(info)
        request = pb.AddMessageRequest(
            idempotency_key=input.idempotency_key, enquiry_id=input.enquiry, message=_new_message(input)
        )

        async def work() -> dict[str, Any]:
            answer: pb.AddMessageResponse = await client.call(client.stubs.enquiries.AddMessage, request)
            return {"enquiry": enquiry_of(answer.enquiry), "message": EnquiryMessage.of(answer.message)}

        return await mutate(AddMessagePayload, work())

    @strawberry.mutation
    async def update_enquiry(self, info: Info, input: UpdateEnquiryInput) -> UpdateEnquiryPayload | None:
        request = pb.UpdateEnquiryRequest(
            idempotency_key=input.idempotency_key,
            id=input.id,
            version=input.version,
            subject=None if input.subject is UNSET else input.subject or "",
            category=None if input.category is UNSET else input.category or "",
            service=None if input.service is UNSET else input.service or "",
            priority=_priority(input.priority),
            **_customer(input.customer),
            status=pb.EnquiryStatus.Value(f"ENQUIRY_STATUS_{input.status.value}") if input.status else None,
            occurred_at=to_timestamp(input.occurred_at),
        )
        result: UpdateEnquiryPayload = await _run(info, UpdateEnquiryPayload, "UpdateEnquiry", request)
        return result

    @strawberry.mutation
    async def assign_enquiry(self, info: Info, input: AssignEnquiryInput) -> AssignEnquiryPayload | None:
        request = pb.AssignEnquiryRequest(
            idempotency_key=input.idempotency_key,
            id=input.id,
            assignee_id=input.assignee,
            team_key=input.team,
            occurred_at=to_timestamp(input.occurred_at),
        )
        result: AssignEnquiryPayload = await _run(info, AssignEnquiryPayload, "AssignEnquiry", request)
        return result

    @strawberry.mutation
    async def resolve_enquiry(self, info: Info, input: ResolveEnquiryInput) -> ResolveEnquiryPayload | None:
        request = pb.ResolveEnquiryRequest(
            idempotency_key=input.idempotency_key, id=input.id, occurred_at=to_timestamp(input.occurred_at)
        )
        result: ResolveEnquiryPayload = await _run(info, ResolveEnquiryPayload, "ResolveEnquiry", request)
        return result

    @strawberry.mutation
    async def reopen_enquiry(self, info: Info, input: ReopenEnquiryInput) -> ReopenEnquiryPayload | None:
        request = pb.ReopenEnquiryRequest(
            idempotency_key=input.idempotency_key, id=input.id, occurred_at=to_timestamp(input.occurred_at)
        )
        result: ReopenEnquiryPayload = await _run(info, ReopenEnquiryPayload, "ReopenEnquiry", request)
        return result

    @strawberry.mutation
    async def close_enquiry(self, info: Info, input: CloseEnquiryInput) -> CloseEnquiryPayload | None:
        request = pb.CloseEnquiryRequest(
            idempotency_key=input.idempotency_key, id=input.id, occurred_at=to_timestamp(input.occurred_at)
        )
        result: CloseEnquiryPayload = await _run(info, CloseEnquiryPayload, "CloseEnquiry", request)
        return result

    @strawberry.mutation
    async def exclude_enquiry(self, info: Info, input: ExcludeEnquiryInput) -> ExcludeEnquiryPayload | None:
        request = pb.ExcludeEnquiryRequest(
            idempotency_key=input.idempotency_key,
            id=input.id,
            reason=pb.ExclusionReason.Value(f"EXCLUSION_REASON_{input.reason.value}"),
            occurred_at=to_timestamp(input.occurred_at),
        )
        result: ExcludeEnquiryPayload = await _run(info, ExcludeEnquiryPayload, "ExcludeEnquiry", request)
        return result
