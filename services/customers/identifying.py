"""Who is the same as whom, put together: rules for those who come in, pairs for people to decide."""

from collections.abc import Callable
from datetime import datetime

import grpc
from rundblick.customers.v1 import candidate_pb2_grpc, matching_pb2_grpc

from chassis.idempotency import Writes
from chassis.mongo import Database
from chassis.outbox import Outbox
from services.customers.candidate.checking import CandidateCheck
from services.customers.candidate.recording import Finding
from services.customers.candidate.repository import MongoCandidateRepository
from services.customers.candidate.servicer import CandidateServicer
from services.customers.customer.merges import Merges
from services.customers.customer.repository import MongoCustomerRepository
from services.customers.matching.matcher import Matcher
from services.customers.matching.repository import MongoMatchingRepository
from services.customers.matching.servicer import MatchingServicer


class Identifying:
    def __init__(
        self,
        database: Database,
        customers: MongoCustomerRepository,
        writes: Writes,
        outbox: Outbox,
        now: Callable[[], datetime],
    ) -> None:
        self._writes = writes
        self._outbox = outbox
        self._now = now
        self.candidates = MongoCandidateRepository(database)
        self.finding = Finding(customers, self.candidates)
        self.merges = Merges(customers, writes, outbox, now)
        self.rules = MongoMatchingRepository(database)
        self.matcher = Matcher(self.rules, customers, self.merges, self.finding, now)
        self.check = CandidateCheck(customers, self.candidates)

    async def ensure_indexes(self) -> None:
        await self.rules.ensure_indexes()
        await self.candidates.ensure_indexes()

    def register(self, server: grpc.aio.Server) -> None:
        matching_pb2_grpc.add_MatchingServiceServicer_to_server(MatchingServicer(self.rules, self._writes), server)
        candidate_pb2_grpc.add_CandidateServiceServicer_to_server(
            CandidateServicer(self.candidates, self.merges, self._writes, self._outbox, self._now), server
        )
