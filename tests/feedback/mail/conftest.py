"""Real letters, and the service that takes them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from rundblick.feedback.v1 import enquiry_pb2, mail_pb2, mail_pb2_grpc

from tests.feedback.conftest import Running

LETTERS = Path(__file__).parent / "letters"
OWN = ["example.com"]


def letter(name: str) -> bytes:
    [file] = LETTERS.glob(f"{name}-*.eml")
    return file.read_bytes()


def letters() -> list[bytes]:
    return [file.read_bytes() for file in sorted(LETTERS.glob("*.eml"))]


@dataclass
class Post:
    running: Running
    stub: Any

    async def took(self, *mails: bytes, own: list[str] | None = None) -> mail_pb2.ImportMailsResponse:
        raw = [mail_pb2.RawMail(line=line, content=content) for line, content in enumerate(mails, 1)]
        request = mail_pb2.ImportMailsRequest(batch=1, mails=raw, own=OWN if own is None else own)
        answers: list[mail_pb2.ImportMailsResponse] = [
            one async for one in self.stub.ImportMails(iter([request]), timeout=60)
        ]
        return answers[0]

    async def threads(self) -> dict[str, tuple[enquiry_pb2.Enquiry, list[enquiry_pb2.Message]]]:
        """By subject: the enquiry, and its messages from the first to the last."""
        listed = (await self.running.call(enquiry_pb2.ListEnquiriesRequest())).edges
        request = enquiry_pb2.BatchListMessagesRequest(enquiry_ids=[edge.node.id for edge in listed])
        pages = (await self.running.call(request)).pages
        return {edge.node.subject: (edge.node, [one.node for one in pages[edge.node.id].edges]) for edge in listed}


@pytest.fixture
async def post(feedback: Running) -> Post:
    return Post(feedback, mail_pb2_grpc.MailServiceStub(feedback.channel))
