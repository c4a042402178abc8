"""Attachments as messages."""

from collections.abc import Iterable, Mapping
from typing import Any

from rundblick.feedback.v1 import attachment_pb2 as pb

from chassis.batches import item_error
from chassis.times import to_timestamp
from services.feedback.attachment.domain import Attachment, AttachmentNotFound, State

_STATES: Mapping[State, Any] = {
    state: pb.AttachmentState.Value(f"ATTACHMENT_STATE_{state.value}")
    for state in (State.PENDING, State.CLEAN, State.INFECTED, State.UNSCANNED)
}


def to_proto(attachment: Attachment) -> pb.Attachment:
    return pb.Attachment(
        id=attachment.id,
        name=attachment.name,
        content_type=attachment.content_type,
        size=attachment.size,
        state=_STATES[attachment.state],
        uploaded_at=to_timestamp(attachment.uploaded_at),
        enquiry_id=attachment.enquiry,
        message_id=attachment.message,
    )


def batch(asked: Iterable[str], found: Mapping[str, Attachment]) -> pb.BatchGetAttachmentsResponse:
    return pb.BatchGetAttachmentsResponse(
        answers={
            id: pb.AttachmentAnswer(value=to_proto(found[id]))
            if id in found
            else pb.AttachmentAnswer(error=item_error(AttachmentNotFound(id).fault))
            for id in asked
        }
    )
