"""Keeps the files that came with an e-mail, as if somebody had uploaded them."""

from collections.abc import AsyncIterator

from rundblick.feedback.v1 import attachment_pb2 as pb

from chassis.caller import Caller
from chassis.errors import InvalidInput
from services.feedback.attachment.domain import MOST_OF_A_MESSAGE
from services.feedback.attachment.uploading import Uploading
from services.feedback.mail.domain import Attachment

_PART = 1_000_000


class Filing:
    def __init__(self, uploading: Uploading) -> None:
        self._uploading = uploading

    async def keep(self, caller: Caller, files: tuple[Attachment, ...], source: str) -> tuple[list[str], list[str]]:
        """The ids of those that are kept, and the names of those that are of no kind that is taken, or too large.

        What no message takes is removed by itself.
        """
        kept: list[str] = []
        refused: list[str] = []
        for file in files:
            if len(kept) == MOST_OF_A_MESSAGE:
                refused.append(file.name)
                continue
            try:
                kept.append((await self._uploading.take(caller, _uploaded(file, source))).id)
            except InvalidInput:
                refused.append(file.name)
        return kept, refused


async def _uploaded(file: Attachment, source: str) -> AsyncIterator[pb.UploadAttachmentRequest]:
    new = pb.NewAttachment(name=file.name, content_type=file.media_type, source=source)
    yield pb.UploadAttachmentRequest(attachment=new)
    for start in range(0, len(file.content), _PART):
        yield pb.UploadAttachmentRequest(data=file.content[start : start + _PART])
