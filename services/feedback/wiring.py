"""What the feedback process is made of: one class, used by the process and by the tests."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime

import grpc
from rundblick.feedback.v1 import enquiry_pb2_grpc
from rundblick.shared.v1 import alias_pb2_grpc, outbox_pb2_grpc, verification_pb2_grpc

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
from services.feedback.enquiry.changes import Changes
from services.feedback.enquiry.checking import EnquiryCheck
from services.feedback.enquiry.delivery import to_customers, to_metrics
from services.feedback.enquiry.importing import Importing
from services.feedback.enquiry.opening import REFERENCES, Opening
from services.feedback.enquiry.outgoing import CUSTOMERS, METRICS
from services.feedback.enquiry.rederiving import Rederiving
from services.feedback.enquiry.references import CustomersClient
from services.feedback.enquiry.repository import MongoEnquiryRepository
from services.feedback.enquiry.servicer import EnquiryServicer


class FeedbackService:
    """The servicer over one database, and the relays that tell the other services."""

    rights = contract.RIGHTS

    def __init__(
        self,
        database: Database,
        customers: grpc.aio.Channel,
        metrics: grpc.aio.Channel,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._database = database
        self._writes = Writes(database)
        self._outbox = Outbox(database)
        self._enquiries = MongoEnquiryRepository(database)
        self._aliases = MongoAliasRepository(database)
        self._customers = CustomersClient(customers)
        self._now = now
        self.ready = Readiness(database, self._writes, self._outbox, self._enquiries, self._aliases)
        self._opening = Opening(
            database, self._enquiries, self._aliases, self._customers, self._writes, self._outbox, self._now
        )
        holder = new_id("out")
        self.relays = (
            Relay(self._outbox, CUSTOMERS, to_customers(customers), holder=holder, report=reporting(customers)),
            Relay(self._outbox, METRICS, to_metrics(metrics), holder=holder, report=reporting(metrics)),
            Relay(self._outbox, REFERENCES, self._opening.link, holder=holder),
        )

    def register(self, server: grpc.aio.Server) -> None:
        changes = Changes(self._enquiries, self._customers, self._writes, self._outbox, self._now)
        importing = Importing(self._database, self._enquiries, self._aliases, self._customers, self._outbox, self._now)
        rederiving = Rederiving(self._database, self._enquiries, self._outbox)
        servicer = EnquiryServicer(
            self._enquiries, self._aliases, self._opening, changes, importing, rederiving, self._now
        )
        check = EnquiryCheck(self._database, self._enquiries, self._customers)
        enquiry_pb2_grpc.add_EnquiryServiceServicer_to_server(servicer, server)
        outbox_pb2_grpc.add_OutboxServiceServicer_to_server(OutboxServicer(self._outbox), server)
        alias_pb2_grpc.add_AliasServiceServicer_to_server(
            AliasServicer(self._database, self._aliases, self._enquiries), server
        )
        verification_pb2_grpc.add_VerificationServiceServicer_to_server(
            VerificationServicer({"enquiries": check}), server
        )

    @asynccontextmanager
    async def relaying(self) -> AsyncIterator[None]:
        """Deliver what the others must learn until the block is left."""
        async with working(*(relay.run() for relay in self.relays)):
            yield
