"""Gives uploaded files to the message that names them, in the transaction that stores it."""

from collections.abc import Sequence

from chassis.caller import Caller
from chassis.errors import InvalidInput
from chassis.mongo import Session
from services.feedback.attachment.domain import MOST_OF_A_MESSAGE, AttachmentNotFound
from services.feedback.attachment.repository import MongoAttachmentRepository
from services.feedback.enquiry.domain.facts import Message, Visibility


def require_few(ids: Sequence[str], path: tuple[str, ...]) -> None:
    if len(ids) > MOST_OF_A_MESSAGE or len(ids) != len(set(ids)):
        raise InvalidInput(f"a message has at most {MOST_OF_A_MESSAGE} attachments, each once", path)


async def take(
    attachments: MongoAttachmentRepository,
    caller: Caller,
    message: Message,
    session: Session,
    path: tuple[str, ...] = ("attachments",),
) -> None:
    """AttachmentNotFound: there is no such file of this caller and this source, or another message has it."""
    if not message.attachments:
        return
    internal = message.visibility is Visibility.INTERNAL
    taken = await attachments.take(
        caller, message.attachments, message.source, message.enquiry, message.id, session, internal=internal
    )
    for id in message.attachments:
        if id not in taken:
            raise AttachmentNotFound(id, path)
