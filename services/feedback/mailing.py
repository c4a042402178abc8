"""How e-mails come in: one part of the wiring of the service."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import grpc
from rundblick.feedback.v1 import mail_pb2_grpc

from chassis.idempotency import Writes
from chassis.ids import new_id
from chassis.lease import Lease
from chassis.mongo import Database
from services.feedback.attachment.uploading import Uploading
from services.feedback.enquiry.changes import Changes
from services.feedback.enquiry.opening import Opening
from services.feedback.enquiry.references import CustomersClient
from services.feedback.enquiry.repository import MongoEnquiryRepository
from services.feedback.mail.deliveries import Deliveries
from services.feedback.mail.domain import Company
from services.feedback.mail.filing import Filing
from services.feedback.mail.imap import Imap
from services.feedback.mail.polling import Polling
from services.feedback.mail.repository import MongoMailRepository
from services.feedback.mail.servicer import MailServicer
from services.feedback.mail.taking import Taking


@dataclass(frozen=True, slots=True)
class Inbox:
    """company: its own addresses. mailbox: None, none is read. touchpoint: the key of where e-mails come in."""

    company: Company = field(default_factory=Company)
    mailbox: Imap | None = None
    touchpoint: str = "email"
    look_seconds: float = 30.0


class Mailing:
    def __init__(
        self,
        database: Database,
        enquiries: MongoEnquiryRepository,
        channel: grpc.aio.Channel,
        uploading: Uploading,
        opening: Callable[[Writes], Opening],
        changes: Callable[[Writes], Changes],
        inbox: Inbox,
        now: Callable[[], datetime],
    ) -> None:
        """channel: to customers."""
        self.mails = MongoMailRepository(database)
        self._inbox = inbox
        self._now = now
        self.taking = Taking(
            database,
            self.mails,
            enquiries,
            CustomersClient(channel),
            Deliveries(channel),
            Filing(uploading),
            opening,
            changes,
        )
        self.polling: Polling | None = None
        if inbox.mailbox is not None:
            self.polling = Polling(
                inbox.mailbox,
                self.mails,
                self.taking,
                inbox.company,
                inbox.touchpoint,
                Lease(database, "mail", new_id("mbx"), seconds=30.0),
                now,
                look_seconds=inbox.look_seconds,
            )

    def register(self, server: grpc.aio.Server) -> None:
        servicer = MailServicer(
            self.mails, self.taking, self.polling, self._inbox.company, self._inbox.touchpoint, self._now
        )
        mail_pb2_grpc.add_MailServiceServicer_to_server(servicer, server)

    def loops(self) -> list[Coroutine[Any, Any, None]]:
        return [] if self.polling is None else [self.polling.run()]
