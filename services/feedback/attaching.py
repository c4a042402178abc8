"""Attachments put together: one part of the wiring of the service."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import grpc
from rundblick.feedback.v1 import attachment_pb2_grpc

from chassis.caller import service_caller
from chassis.ids import new_id
from chassis.leading import lead
from chassis.lease import Lease
from chassis.mongo import Database
from services.feedback.attachment.checking import AttachmentCheck
from services.feedback.attachment.domain import Allowed
from services.feedback.attachment.repository import MongoAttachmentRepository
from services.feedback.attachment.scanning import Clamd, Scanning
from services.feedback.attachment.servicer import AttachmentServicer, Seen
from services.feedback.attachment.uploading import Uploading
from services.feedback.enquiry.repository import MongoEnquiryRepository

_CALLER = service_caller("feedback")
_BATCH = 100
_SCAN_SECONDS = 10.0
_REMOVE_SECONDS = 600.0
_TYPES = frozenset(
    {
        "application/pdf",
        "image/gif",
        "image/jpeg",
        "image/png",
        "image/webp",
        "text/csv",
        "text/plain",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    }
)


@dataclass(frozen=True, slots=True)
class Files:
    """Which files are taken. scanner: host:port of a clamd; None: there is none."""

    allowed: Allowed
    scanner: str | None = None


EVERYDAY_FILES = Files(Allowed(20_000_000, _TYPES))


class Attaching:
    def __init__(self, database: Database, files: Files, now: Callable[[], datetime]) -> None:
        self.attachments = MongoAttachmentRepository(database)
        self._database = database
        self._scanner = files.scanner is not None
        self._now = now
        self._whole = asyncio.Event()
        self.uploading = Uploading(self.attachments, files.allowed, self._whole, now, scanner=self._scanner)
        self.scanning = Scanning(self.attachments, Clamd(files.scanner), now) if files.scanner is not None else None

    def register(self, server: grpc.aio.Server, seen: Seen) -> None:
        """seen: which enquiries a caller sees."""
        servicer = AttachmentServicer(self.attachments, self.uploading, seen, scanner=self._scanner)
        attachment_pb2_grpc.add_AttachmentServiceServicer_to_server(servicer, server)

    def check(self, enquiries: MongoEnquiryRepository) -> AttachmentCheck:
        return AttachmentCheck(self._database, self.attachments, enquiries)

    def loops(self) -> list[Coroutine[Any, Any, None]]:
        holder = new_id("out")
        lease = Lease(self._database, "untaken attachments", holder)
        never = asyncio.Event()
        loops = [lead(lease, self.remove_untaken, never, what="removing attachments", look_seconds=_REMOVE_SECONDS)]
        if self.scanning is not None:
            lease = Lease(self._database, "scanning", holder)
            scan = self.scanning.step
            loops.append(lead(lease, scan, self._whole, what="scanning", look_seconds=_SCAN_SECONDS))
        return loops

    async def remove_untaken(self) -> bool:
        """The next few; were there as many as were looked for?"""
        return await self.attachments.remove_untaken(_CALLER, self._now(), _BATCH) == _BATCH
