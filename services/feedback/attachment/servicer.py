"""Answers AttachmentService calls."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

from rundblick.feedback.v1 import attachment_pb2 as pb
from rundblick.feedback.v1 import attachment_pb2_grpc

from chassis.caller import Caller, current_caller
from services.feedback.attachment import messages
from services.feedback.attachment.domain import Attachment, AttachmentNotFound, require_served
from services.feedback.attachment.repository import MongoAttachmentRepository
from services.feedback.attachment.uploading import Uploading
from services.feedback.enquiry.domain.notes import sees_notes

# Of these enquiries, those whose rows the caller sees.
Seen = Callable[[Caller, Sequence[str]], Awaitable[Sequence[str]]]


class AttachmentServicer(attachment_pb2_grpc.AttachmentServiceServicer):
    """scanner: is there one?"""

    def __init__(
        self, attachments: MongoAttachmentRepository, uploading: Uploading, seen: Seen, *, scanner: bool
    ) -> None:
        self._attachments = attachments
        self._uploading = uploading
        self._seen = seen
        self._scanner = scanner

    async def UploadAttachment(
        self, request_iterator: AsyncIterator[pb.UploadAttachmentRequest], context: Any
    ) -> pb.UploadAttachmentResponse:
        taken = await self._uploading.take(current_caller(), aiter(request_iterator))
        return pb.UploadAttachmentResponse(attachment=messages.to_proto(taken))

    async def DownloadAttachment(
        self, request: pb.DownloadAttachmentRequest, context: Any
    ) -> AsyncIterator[pb.DownloadAttachmentResponse]:
        caller = current_caller()
        attachment = (await self._visible(caller, [request.id])).get(request.id)
        if attachment is None:
            raise AttachmentNotFound(request.id)
        require_served(attachment, scanner=self._scanner)
        yield pb.DownloadAttachmentResponse(attachment=messages.to_proto(attachment))
        async for part in self._attachments.bytes_of(caller, attachment.id):
            yield pb.DownloadAttachmentResponse(data=part)

    async def BatchGetAttachments(
        self, request: pb.BatchGetAttachmentsRequest, context: Any
    ) -> pb.BatchGetAttachmentsResponse:
        found = await self._visible(current_caller(), request.ids)
        return messages.batch(request.ids, found)

    async def _visible(self, caller: Caller, ids: Sequence[str]) -> dict[str, Attachment]:
        """As their enquiry is; what no message took yet, to who brought it."""
        found = await self._attachments.of_ids(caller, ids, notes=sees_notes(caller))
        enquiries = sorted({one.enquiry for one in found.values() if one.enquiry is not None})
        seen = set(await self._seen(caller, enquiries)) if enquiries else set()
        return {id: one for id, one in found.items() if one.enquiry is None or one.enquiry in seen}
