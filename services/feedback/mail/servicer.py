"""Answers MailService calls."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from typing import Any

from rundblick.feedback.v1 import mail_pb2 as pb
from rundblick.feedback.v1 import mail_pb2_grpc

from chassis.caller import current_caller
from chassis.errors import DomainError, Fault, InvalidInput, Unavailable
from chassis.mongo import require_source
from chassis.page import encode_cursor, page_info, page_of
from services.feedback.mail import messages
from services.feedback.mail.domain import SOURCE, Company
from services.feedback.mail.polling import Polling
from services.feedback.mail.reading import read
from services.feedback.mail.repository import MongoMailRepository
from services.feedback.mail.taking import Outcome, Taking

_MOST = 1000
_LEFT_OUT = Fault("LEFT_OUT", "it belongs to no conversation, and nobody wrote it or it did not leave the company")


class MailServicer(mail_pb2_grpc.MailServiceServicer):
    """company: its own addresses as far as they are set. polling: None, no mailbox is."""

    def __init__(
        self,
        mails: MongoMailRepository,
        taking: Taking,
        polling: Polling | None,
        company: Company,
        touchpoint: str,
        now: Callable[[], datetime],
    ) -> None:
        self._mails = mails
        self._taking = taking
        self._polling = polling
        self._company = company
        self._touchpoint = touchpoint
        self._now = now

    async def ImportMails(
        self, request_iterator: AsyncIterator[pb.ImportMailsRequest], context: Any
    ) -> AsyncIterator[pb.ImportMailsResponse]:
        require_source(current_caller(), SOURCE)
        async for batch in request_iterator:
            yield await self._import(batch)

    async def _import(self, batch: pb.ImportMailsRequest) -> pb.ImportMailsResponse:
        if len(batch.mails) > _MOST:
            raise InvalidInput(f"a batch has at most {_MOST} mails", ("mails",))
        company = self._company | Company.of(batch.own)
        if company == Company():
            raise InvalidInput("which addresses are the company's own is not said: RUNDBLICK_MAIL_OWN", ("own",))
        answer = pb.ImportMailsResponse(batch=batch.batch)
        for raw in batch.mails:
            try:
                mail = await asyncio.to_thread(read, raw.content, self._now())
                outcome = await self._taking.take(mail, company, batch.touchpoint_key or self._touchpoint)
            except Unavailable:
                raise
            except DomainError as error:
                answer.rejected.append(messages.rejected(raw.line, error.fault))
            else:
                answer.created += outcome is Outcome.OPENED
                answer.changed += outcome is Outcome.ADDED
                answer.unchanged += outcome is Outcome.KNOWN
                if outcome is Outcome.LEFT_OUT:
                    answer.left_out.append(messages.rejected(raw.line, _LEFT_OUT))
        return answer

    async def ListParkedMails(self, request: pb.ListParkedMailsRequest, context: Any) -> pb.ListParkedMailsResponse:
        part = await self._mails.parked(current_caller(), page_of(request.page, [str]))
        edges = [
            pb.ParkedMailEdge(cursor=encode_cursor(boundary), node=messages.parked_to_proto(parked))
            for parked, boundary in zip(part.items, part.boundaries, strict=True)
        ]
        return pb.ListParkedMailsResponse(edges=edges, page_info=page_info(part))

    async def RetryParkedMails(self, request: pb.RetryParkedMailsRequest, context: Any) -> pb.RetryParkedMailsResponse:
        if bool(request.ids) == request.all:
            raise InvalidInput("name some, or say all", ("ids",))
        if self._polling is None:
            raise InvalidInput("no mailbox is read here", ("ids",))
        taken = await self._polling.again(None if request.all else list(request.ids))
        return pb.RetryParkedMailsResponse(taken=taken)
