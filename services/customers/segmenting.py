"""What of the service puts customers into segments: one part of its wiring."""

from collections.abc import Callable
from datetime import datetime

import grpc
from rundblick.customers.v1 import job_pb2_grpc, segment_pb2_grpc

from chassis.idempotency import Writes
from chassis.mongo import Database
from chassis.outbox import Outbox
from services.customers.customer.repository import MongoCustomerRepository
from services.customers.employee.repository import MongoEmployeeRepository
from services.customers.facts.gathering import Gathering
from services.customers.facts.language import Language
from services.customers.job.repository import MongoJobRepository
from services.customers.job.servicer import JobServicer
from services.customers.reference.resolver import Resolver
from services.customers.segment.checking import SegmentCheck
from services.customers.segment.defining import Defining
from services.customers.segment.evaluating import Evaluating
from services.customers.segment.judging import SegmentJudge
from services.customers.segment.memberships import MongoMembershipRepository
from services.customers.segment.repository import MongoSegmentRepository
from services.customers.segment.servicer import SegmentServicer
from services.customers.standing.judging import Standing


class Segmenting:
    def __init__(
        self,
        database: Database,
        customers: MongoCustomerRepository,
        employees: MongoEmployeeRepository,
        gathering: Gathering,
        language: Language,
        writes: Writes,
        outbox: Outbox,
        now: Callable[[], datetime],
    ) -> None:
        self._customers = customers
        self._writes = writes
        self._outbox = outbox
        self._now = now
        self.segments = MongoSegmentRepository(database)
        self.memberships = MongoMembershipRepository(database, customers)
        self.jobs = MongoJobRepository(database)
        self.judge = SegmentJudge(self.segments, self.memberships, language, outbox)
        alone = Standing(database, customers, gathering, outbox, (self.judge,), now)
        self.evaluating = Evaluating(database, customers, self.jobs, alone, now)
        self._defining = Defining(
            self.segments, self.memberships, customers, employees, gathering, language, self.evaluating, now
        )
        self.check = SegmentCheck(customers, self.memberships, gathering, self.judge, now)

    async def ensure_indexes(self) -> None:
        for owner in (self.segments, self.memberships, self.jobs):
            await owner.ensure_indexes()

    def register(self, server: grpc.aio.Server, resolver: Resolver) -> None:
        segment_pb2_grpc.add_SegmentServiceServicer_to_server(
            SegmentServicer(
                self.segments,
                self.memberships,
                self._customers,
                self._defining,
                self.judge,
                self.evaluating,
                resolver,
                self._writes,
                self._outbox,
                self._now,
            ),
            server,
        )
        job_pb2_grpc.add_JobServiceServicer_to_server(JobServicer(self.jobs, self._now), server)
