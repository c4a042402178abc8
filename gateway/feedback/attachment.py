"""Files of messages in the graph; their bytes go up and come down over HTTP, see gateway/attachments.py."""

from collections.abc import Sequence
from datetime import datetime
from enum import Enum

import strawberry
from rundblick.feedback.v1 import attachment_pb2 as pb

from gateway.feedback.client import feedback_of
from gateway.shared import Info, enum_of, needed

# Below the address of the gateway.
PATH = "/attachments"


@strawberry.enum(
    description="PENDING: waits for the virus scanner. INFECTED: its content is gone. UNSCANNED: there was no scanner."
)
class AttachmentState(Enum):
    PENDING = "PENDING"
    CLEAN = "CLEAN"
    INFECTED = "INFECTED"
    UNSCANNED = "UNSCANNED"


@strawberry.type(description="A file that came with a message.")
class Attachment:
    id: strawberry.ID
    name: str
    content_type: str = strawberry.field(description="Its media type.")
    size: int = strawberry.field(description="In bytes.")
    state: AttachmentState
    uploaded_at: datetime
    url: str = strawberry.field(description="Where its content is, below the address of the gateway.")

    @classmethod
    def of(cls, record: pb.Attachment) -> "Attachment":
        return cls(
            id=strawberry.ID(record.id),
            name=record.name,
            content_type=record.content_type,
            size=record.size,
            state=enum_of(AttachmentState, pb.AttachmentState, record.state, "ATTACHMENT_STATE_"),
            uploaded_at=needed(record, "uploaded_at"),
            url=f"{PATH}/{record.id}",
        )


async def attachments_of(info: Info, ids: Sequence[str]) -> list[Attachment]:
    """In the order of the message."""
    records = await feedback_of(info).attachments.load_many(list(ids))
    return [Attachment.of(record) for record in records if record is not None]
