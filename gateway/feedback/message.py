"""Messages of enquiries in the graph."""

from datetime import datetime
from enum import Enum

import strawberry
from rundblick.feedback.v1 import enquiry_pb2 as pb

from gateway.feedback.attachment import Attachment, attachments_of
from gateway.feedback.client import feedback_of
from gateway.feedback.references import Employee, Touchpoint, employee_of, touchpoint_of
from gateway.shared import Info, PageInfo, enum_of, needed, page_request, present


@strawberry.enum
class AuthorKind(Enum):
    CUSTOMER = "CUSTOMER"
    EMPLOYEE = "EMPLOYEE"
    BOT = "BOT"
    SYSTEM = "SYSTEM"
    PARTNER = "PARTNER"


@strawberry.enum(description="INTERNAL: a note among colleagues. It needs the scope enquiries:notes.")
class Visibility(Enum):
    PUBLIC = "PUBLIC"
    INTERNAL = "INTERNAL"


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
    attachment_ids: strawberry.Private[tuple[str, ...]] = ()

    @strawberry.field
    async def attachments(self, info: Info) -> list[Attachment]:
        return await attachments_of(info, self.attachment_ids)

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
            attachment_ids=tuple(message.attachment_ids),
        )


@strawberry.type
class MessageEdge:
    cursor: str
    node: EnquiryMessage


@strawberry.type
class MessageConnection:
    edges: list[MessageEdge]
    page_info: PageInfo


async def messages_of(
    info: Info, enquiry: str, first: int | None, after: str | None, last: int | None, before: str | None
) -> MessageConnection:
    arguments = pb.BatchListMessagesRequest(page=page_request(first, after, last, before))
    page: pb.MessagePage = await feedback_of(info).messages.load(enquiry, arguments)
    return MessageConnection(
        edges=[MessageEdge(cursor=edge.cursor, node=EnquiryMessage.of(edge.node)) for edge in page.edges],
        page_info=PageInfo.of(page.page_info),
    )
