"""What the company does about feedback, and who is told of it: one part of the service's wiring."""

from collections.abc import Callable
from datetime import datetime

import grpc
from rundblick.feedback.v1 import measure_pb2_grpc

from chassis.idempotency import Writes
from chassis.mongo import Database
from chassis.outbox import Outbox
from services.feedback.alias.repository import MongoAliasRepository
from services.feedback.enquiry.references import CustomersClient
from services.feedback.feedback.recording import Recording
from services.feedback.feedback.repository import MongoFeedbackRepository
from services.feedback.measure.checking import MeasureCheck
from services.feedback.measure.following import Following
from services.feedback.measure.informing import Informing
from services.feedback.measure.naming import Naming
from services.feedback.measure.repository import MongoMeasureRepository
from services.feedback.measure.servicer import MeasureServicer
from services.feedback.measure.told import MongoToldRepository
from services.feedback.topic.repository import MongoTopicRepository


class Measuring:
    """informing: learns which e-mails are queued. told: follows merges and splits."""

    def __init__(
        self,
        database: Database,
        customers: grpc.aio.Channel,
        metrics: grpc.aio.Channel,
        aliases: MongoAliasRepository,
        feedback: MongoFeedbackRepository,
        topics: MongoTopicRepository,
        recording: Recording,
        writes: Writes,
        outbox: Outbox,
        now: Callable[[], datetime],
    ) -> None:
        self.measures = MongoMeasureRepository(database)
        self.told = MongoToldRepository(database)
        self.informing = Informing(self.measures, self.told, aliases, customers, writes, outbox, now)
        self.check = MeasureCheck(self.measures, self.told, CustomersClient(customers))
        self._servicer = MeasureServicer(
            self.measures,
            self.told,
            Naming(customers, metrics, self.measures, feedback, topics),
            Following(feedback, recording),
            self.informing,
            writes,
            outbox,
            now,
        )

    async def ensure_indexes(self) -> None:
        for owner in (self.measures, self.told):
            await owner.ensure_indexes()

    def register(self, server: grpc.aio.Server) -> None:
        measure_pb2_grpc.add_MeasureServiceServicer_to_server(self._servicer, server)
