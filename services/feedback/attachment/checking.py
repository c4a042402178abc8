"""Holds attachments against the messages that name them, and against the bytes that are there."""

from chassis.caller import Caller
from chassis.mongo import Database, Session, in_transaction
from chassis.verification import Checked
from services.feedback.attachment.domain import Attachment, State
from services.feedback.attachment.repository import MongoAttachmentRepository
from services.feedback.enquiry.domain.facts import Message, Visibility
from services.feedback.enquiry.repository import MongoEnquiryRepository


class AttachmentCheck:
    def __init__(
        self, database: Database, attachments: MongoAttachmentRepository, enquiries: MongoEnquiryRepository
    ) -> None:
        self._database = database
        self._attachments = attachments
        self._enquiries = enquiries

    async def check(self, caller: Caller, after: str | None, size: int) -> Checked:
        async def read(session: Session) -> tuple[list[Attachment], dict[str, Message], dict[str, int]]:
            batch = await self._attachments.some(caller, after, size, session)
            named = [one.message for one in batch if one.message is not None]
            messages = await self._enquiries.messages_of_ids(caller, named, session)
            return batch, messages, await self._attachments.sizes(caller, [one.id for one in batch], session)

        batch, messages, sizes = await in_transaction(self._database, read)
        checked = Checked(examined=len(batch), next=batch[-1].id if len(batch) == size else None)
        for one in batch:
            if one.message is not None:
                _check_message(one, messages.get(one.message), checked)
            if one.state not in (State.UPLOADING, State.REMOVING, State.INFECTED) and sizes.get(one.id) != one.size:
                checked.differs("bytes", one.id, f"has {sizes.get(one.id, 0)} bytes, it shows {one.size}")
        return checked


def _check_message(one: Attachment, message: Message | None, checked: Checked) -> None:
    if message is None or one.id not in message.attachments:
        checked.differs("message", one.id, f"{one.message} does not name it")
        return
    if message.enquiry != one.enquiry:
        checked.differs("enquiry", one.id, f"its message is of {message.enquiry}, it shows {one.enquiry}")
    if (message.visibility is Visibility.INTERNAL) != one.internal:
        checked.differs("internal", one.id, f"its message is {message.visibility.value}, it shows {one.internal}")
