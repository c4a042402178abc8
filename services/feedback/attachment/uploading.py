"""Takes in a file while it comes, and leaves nothing behind of one that is refused."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import datetime

from rundblick.feedback.v1 import attachment_pb2 as pb

from chassis.caller import Caller
from chassis.errors import InvalidInput
from chassis.ids import new_id
from chassis.mongo import require_source
from services.feedback.attachment.domain import (
    HEAD,
    Allowed,
    Attachment,
    State,
    plain_type,
    require_what_it_says,
)
from services.feedback.attachment.repository import MongoAttachmentRepository
from services.feedback.enquiry.references import OWN_SOURCE


class Uploading:
    """whole: is set for each file that is whole, so that the scanner looks at once. scanner: is there one?"""

    def __init__(
        self,
        attachments: MongoAttachmentRepository,
        allowed: Allowed,
        whole: asyncio.Event,
        now: Callable[[], datetime],
        *,
        scanner: bool,
    ) -> None:
        self._attachments = attachments
        self._allowed = allowed
        self._whole = whole
        self._now = now
        self._state = State.PENDING if scanner else State.UNSCANNED

    async def take(self, caller: Caller, requests: AsyncIterator[pb.UploadAttachmentRequest]) -> Attachment:
        """InvalidInput: it is not what it says, not allowed, empty or too large."""
        first = await anext(requests, None)
        if first is None or not first.HasField("attachment"):
            raise InvalidInput("the first message says what is uploaded", ("attachment",))
        attachment = self._announced(caller, first.attachment)
        parts = self._parts(requests)
        head = await _head(parts)
        require_what_it_says(attachment.content_type, head)
        await self._attachments.begin(caller, attachment)
        try:
            size = await self._attachments.put(caller, attachment, _chained(head, parts))
            taken = replace(attachment, size=size, state=self._state)
            await self._attachments.finish(caller, taken)
        except Exception:
            # Not after a cancellation: a thread may still be writing then. The document stays, so that no bytes are
            # without one, and goes with what nobody takes.
            await self._attachments.remove(caller, attachment.id)
            raise
        self._whole.set()
        return taken

    def _announced(self, caller: Caller, new: pb.NewAttachment) -> Attachment:
        source = new.source or OWN_SOURCE
        require_source(caller, source)
        content_type = plain_type(new.content_type)
        self._allowed.require_type(content_type)
        return Attachment(
            id=new_id("att"),
            name=new.name,
            content_type=content_type,
            source=source,
            uploader=caller.subject,
            uploaded_at=self._now(),
            team=caller.team,
            owner=caller.employee,
        )

    async def _parts(self, requests: AsyncIterator[pb.UploadAttachmentRequest]) -> AsyncIterator[bytes]:
        size = 0
        async for request in requests:
            if not request.HasField("data"):
                raise InvalidInput("all messages but the first carry bytes", ("data",))
            size += len(request.data)
            self._allowed.require_size(size)
            yield request.data


async def _head(parts: AsyncIterator[bytes]) -> bytes:
    """As much as tells what it is, at least, when there is so much."""
    head = b""
    while len(head) < HEAD and (part := await anext(parts, None)) is not None:
        head += part
    return head


async def _chained(head: bytes, parts: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield head
    async for part in parts:
        yield part
