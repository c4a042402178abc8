"""What of the service takes in what customers say, and finds its topics: one part of its wiring."""

from collections.abc import Callable, Coroutine, Sequence
from datetime import datetime
from typing import Any

import grpc
from rundblick.feedback.v1 import feedback_pb2_grpc, topic_pb2_grpc

from chassis.idempotency import Writes
from chassis.mongo import Database
from chassis.outbox import Outbox
from chassis.relay import Relay
from services.feedback.alias.repository import MongoAliasRepository
from services.feedback.enquiry.references import CustomersClient
from services.feedback.enquiry.repository import MongoEnquiryRepository
from services.feedback.feedback.changes import Changes
from services.feedback.feedback.checking import FeedbackCheck
from services.feedback.feedback.importing import Importing
from services.feedback.feedback.recording import Recording
from services.feedback.feedback.repository import MongoFeedbackRepository
from services.feedback.feedback.servicer import FeedbackServicer
from services.feedback.feedback.submitting import REFERENCES, Submitting
from services.feedback.job.repository import MongoJobRepository
from services.feedback.text.analysing import Reading
from services.feedback.topic.classifying import Classifying
from services.feedback.topic.repository import MongoTopicRepository
from services.feedback.topic.servicer import TopicServicer


class Listening:
    """recording: the one way in, for whatever else brings feedback."""

    def __init__(
        self,
        database: Database,
        enquiries: MongoEnquiryRepository,
        aliases: MongoAliasRepository,
        customers: CustomersClient,
        writes: Writes,
        outbox: Outbox,
        now: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._aliases = aliases
        self._customers = customers
        self._writes = writes
        self._outbox = outbox
        self.feedback = MongoFeedbackRepository(database)
        self.topics = MongoTopicRepository(database)
        self.recording = Recording(self.feedback, self.topics, aliases, Reading(), outbox)
        self.changes = Changes(database, self.feedback, self.topics, customers, self.recording, writes, outbox, now)
        self.check = FeedbackCheck(database, self.feedback, self.recording, customers)
        self._submitting = Submitting(
            database, self.feedback, enquiries, customers, self.recording, writes, outbox, now
        )
        self.classifying = Classifying(
            database, self.feedback, MongoJobRepository(database), self.recording, outbox, now
        )

    async def ensure_indexes(self) -> None:
        for owner in (self.feedback, self.topics):
            await owner.ensure_indexes()

    def relay(self, holder: str) -> Relay:
        return Relay(self._outbox, REFERENCES, self._submitting.link, holder=holder)

    def workers(self) -> Sequence[Coroutine[Any, Any, None]]:
        return [self.classifying.run()]

    def register(self, server: grpc.aio.Server) -> None:
        importing = Importing(self._database, self._customers, self.recording, self._outbox)
        feedback_pb2_grpc.add_FeedbackServiceServicer_to_server(
            FeedbackServicer(self.feedback, self._aliases, self._submitting, self.changes, importing), server
        )
        topic_pb2_grpc.add_TopicServiceServicer_to_server(
            TopicServicer(self.topics, self.classifying, self.recording, self._writes), server
        )
