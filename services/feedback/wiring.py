"""What the feedback process is made of: one class, used by the process and by the tests."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

import grpc
from rundblick.feedback.v1 import enquiry_pb2_grpc
from rundblick.shared.v1 import alias_pb2_grpc, outbox_pb2_grpc, retelling_pb2_grpc, verification_pb2_grpc

from chassis.background import working
from chassis.delivery import reporting
from chassis.idempotency import Writes
from chassis.ids import new_id
from chassis.mongo import Database, Readiness
from chassis.outbox import Outbox
from chassis.outbox_servicer import OutboxServicer
from chassis.relay import Relay
from chassis.times import utc_now
from chassis.verification import VerificationServicer
from services.feedback import contract
from services.feedback.alias.repository import MongoAliasRepository
from services.feedback.alias.servicer import AliasServicer
from services.feedback.attaching import EVERYDAY_FILES, Attaching, Files
from services.feedback.enquiry.changes import Changes
from services.feedback.enquiry.checking import EnquiryCheck
from services.feedback.enquiry.delivery import to_customers, to_metrics
from services.feedback.enquiry.importing import Importing
from services.feedback.enquiry.merging import Merger
from services.feedback.enquiry.opening import REFERENCES, Opening
from services.feedback.enquiry.outgoing import CUSTOMERS, METRICS
from services.feedback.enquiry.rederiving import Rederiving
from services.feedback.enquiry.references import CustomersClient
from services.feedback.enquiry.repository import MongoEnquiryRepository
from services.feedback.enquiry.servicer import EnquiryServicer
from services.feedback.happenings import HAPPENINGS, to_webhooks
from services.feedback.listening import Listening
from services.feedback.mailing import Inbox, Mailing
from services.feedback.measuring import Measuring
from services.feedback.promising import Promising
from services.feedback.retelling import retelling
from services.feedback.streaming import Streaming
from services.feedback.surveying import Surveying
from services.feedback.telling import DELIVERIES, to_deliveries


class FeedbackService:
    """The servicer over one database, and the relays that tell the other services."""

    rights = contract.RIGHTS

    def __init__(
        self,
        database: Database,
        customers: grpc.aio.Channel,
        metrics: grpc.aio.Channel,
        now: Callable[[], datetime] = utc_now,
        *,
        events_kept: timedelta = timedelta(days=7),
        files: Files = EVERYDAY_FILES,
        inbox: Inbox | None = None,
    ) -> None:
        self._database = database
        self._writes = Writes(database)
        self._outbox = Outbox(database)
        self._enquiries = MongoEnquiryRepository(database)
        self._aliases = MongoAliasRepository(database)
        self.attaching = Attaching(database, files, now)
        self._customers = CustomersClient(customers)
        self._now = now
        self.listening = Listening(
            database, self._enquiries, self._aliases, self._customers, self._writes, self._outbox, now
        )
        self.surveying = Surveying(
            database,
            customers,
            self._customers,
            self._aliases,
            self.listening.feedback,
            self.listening.recording,
            self._writes,
            self._outbox,
            now,
        )
        self.measuring = Measuring(
            database,
            customers,
            metrics,
            self._aliases,
            self.listening.feedback,
            self.listening.topics,
            self.listening.recording,
            self._writes,
            self._outbox,
            now,
        )
        self.streaming = Streaming(database, self._outbox, events_kept, now)
        self.promising = Promising(database, self._enquiries, self._outbox, now)
        self.mailing = Mailing(
            database,
            self._enquiries,
            customers,
            self.attaching.uploading,
            self._opening_over,
            self._changes_over,
            inbox or Inbox(),
            now,
        )
        self.ready = Readiness(
            database,
            self._writes,
            self._outbox,
            self._enquiries,
            self._aliases,
            self.streaming.events,
            self.listening,
            self.surveying,
            self.measuring,
            self.attaching.attachments,
            self.promising,
            self.mailing.mails,
        )
        self._opening = self._opening_over(self._writes)
        holder = new_id("out")
        self.relays = (
            Relay(self._outbox, CUSTOMERS, to_customers(customers), holder=holder, report=reporting(customers)),
            Relay(self._outbox, METRICS, to_metrics(metrics), holder=holder, report=reporting(metrics)),
            Relay(self._outbox, REFERENCES, self._opening.link, holder=holder),
            self.streaming.relay(holder),
            Relay(self._outbox, HAPPENINGS, to_webhooks(customers), holder=holder),
            self.listening.relay(holder),
            self.surveying.relay(holder),
            Relay(
                self._outbox,
                DELIVERIES,
                to_deliveries(customers, self.listening.changes.delivered, self.measuring.informing.learn),
                holder=holder,
            ),
        )

    def register(self, server: grpc.aio.Server) -> None:
        attachments = self.attaching.attachments
        judging = self.promising.judging
        changes = self._changes_over(self._writes)
        merger = Merger(self._enquiries, attachments, judging, self._writes, self._outbox, self._now)
        importing = Importing(
            self._database, self._enquiries, self._aliases, self._customers, judging, self._outbox, self._now
        )
        rederiving = Rederiving(self._database, self._enquiries, judging, self._outbox)
        servicer = EnquiryServicer(
            self._enquiries, self._aliases, self._opening, changes, merger, importing, rederiving, self._now
        )
        check = EnquiryCheck(self._database, self._enquiries, judging, self._customers)
        enquiry_pb2_grpc.add_EnquiryServiceServicer_to_server(servicer, server)
        self.attaching.register(server, self._enquiries.seen)
        self.listening.register(server)
        self.surveying.register(server)
        self.measuring.register(server)
        self.mailing.register(server)
        self.streaming.register(
            server, {"waiting": self._enquiries.of_ids, "feedback": self.listening.feedback.of_ids}, self._customers
        )
        self.promising.register(server, self._customers, self._writes)
        outbox_pb2_grpc.add_OutboxServiceServicer_to_server(OutboxServicer(self._outbox), server)
        alias_pb2_grpc.add_AliasServiceServicer_to_server(
            AliasServicer(
                self._database,
                self._aliases,
                self._enquiries,
                self.listening.feedback,
                self.surveying.invitations,
                self.measuring.told,
            ),
            server,
        )
        retelling_pb2_grpc.add_RetellingServiceServicer_to_server(
            retelling(
                self._outbox,
                self._enquiries,
                self.listening.feedback,
                self.surveying.invitations,
                self.measuring.measures,
            ),
            server,
        )
        verification_pb2_grpc.add_VerificationServiceServicer_to_server(
            VerificationServicer(
                {
                    "attachments": self.attaching.check(self._enquiries),
                    "enquiries": check,
                    "feedback": self.listening.check,
                    "measures": self.measuring.check,
                    "surveys": self.surveying.check,
                }
            ),
            server,
        )

    def _opening_over(self, writes: Writes) -> Opening:
        return Opening(
            self._database,
            self._enquiries,
            self._aliases,
            self.attaching.attachments,
            self._customers,
            self.promising.judging,
            writes,
            self._outbox,
            self._now,
        )

    def _changes_over(self, writes: Writes) -> Changes:
        return Changes(
            self._enquiries,
            self._aliases,
            self.attaching.attachments,
            self._customers,
            self.promising.judging,
            writes,
            self._outbox,
            self._now,
        )

    @asynccontextmanager
    async def relaying(self) -> AsyncIterator[None]:
        """Deliver what the others must learn until the block is left."""
        async with working(
            *self.attaching.loops(),
            *self.mailing.loops(),
            *self.listening.workers(),
            *self.surveying.workers(),
            *self.promising.loops(),
            self.streaming.tail.changes.run(),
            *(relay.run() for relay in self.relays),
        ):
            yield
