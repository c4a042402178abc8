"""What of the service asks customers and takes their answers: one part of its wiring."""

from collections.abc import Callable, Coroutine, Sequence
from datetime import datetime
from typing import Any

import grpc
from rundblick.feedback.v1 import survey_pb2_grpc

from chassis.idempotency import Writes
from chassis.mongo import Database
from chassis.outbox import Outbox
from chassis.relay import Relay
from services.feedback.alias.repository import MongoAliasRepository
from services.feedback.enquiry.references import CustomersClient
from services.feedback.feedback.recording import Recording
from services.feedback.feedback.repository import MongoFeedbackRepository
from services.feedback.survey.answering import Answering
from services.feedback.survey.asking import Audience
from services.feedback.survey.checking import SurveyCheck
from services.feedback.survey.inviting import Inviting
from services.feedback.survey.occasion import SURVEYS
from services.feedback.survey.reminding import Reminding
from services.feedback.survey.repository import MongoInvitationRepository, MongoSurveyRepository
from services.feedback.survey.servicer import SurveyServicer
from services.feedback.survey.triggering import Triggering


class Surveying:
    """channel: to customers. invitations: follow merges and splits."""

    def __init__(
        self,
        database: Database,
        channel: grpc.aio.Channel,
        customers: CustomersClient,
        aliases: MongoAliasRepository,
        feedback: MongoFeedbackRepository,
        recording: Recording,
        writes: Writes,
        outbox: Outbox,
        now: Callable[[], datetime],
    ) -> None:
        self._outbox = outbox
        self.surveys = MongoSurveyRepository(database)
        self.invitations = MongoInvitationRepository(database)
        audience = Audience(channel)
        inviting = Inviting(self.surveys, self.invitations, aliases, customers, audience, writes, outbox, now)
        answering = Answering(self.surveys, self.invitations, aliases, customers, recording, writes, outbox, now)
        self._triggering = Triggering(database, self.surveys, self.invitations, inviting, outbox, now)
        self.reminding = Reminding(database, self.surveys, self.invitations, audience, outbox, now)
        self.check = SurveyCheck(self.surveys, self.invitations, feedback, customers)
        self._servicer = SurveyServicer(self.surveys, self.invitations, inviting, answering, writes, now)

    async def ensure_indexes(self) -> None:
        for owner in (self.surveys, self.invitations):
            await owner.ensure_indexes()

    def relay(self, holder: str) -> Relay:
        return Relay(self._outbox, SURVEYS, self._triggering.deliver, holder=holder)

    def workers(self) -> Sequence[Coroutine[Any, Any, None]]:
        return [self.reminding.run()]

    def register(self, server: grpc.aio.Server) -> None:
        survey_pb2_grpc.add_SurveyServiceServicer_to_server(self._servicer, server)
