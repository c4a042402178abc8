"""What of the service measures business time and keeps service levels: one part of its wiring."""

from collections.abc import Callable, Coroutine
from datetime import datetime
from typing import Any

import grpc
from rundblick.feedback.v1 import calendar_pb2_grpc, job_pb2_grpc, policy_pb2_grpc

from chassis.idempotency import Writes
from chassis.mongo import Database
from chassis.outbox import Outbox
from services.feedback.calendar.repository import MongoCalendarRepository
from services.feedback.calendar.servicer import CalendarServicer
from services.feedback.enquiry.announcing import Announcing
from services.feedback.enquiry.judging import Judging
from services.feedback.enquiry.references import CustomersClient
from services.feedback.enquiry.remeasuring import Remeasuring
from services.feedback.enquiry.repository import MongoEnquiryRepository
from services.feedback.job.repository import MongoJobRepository
from services.feedback.job.servicer import JobServicer
from services.feedback.policy.repository import MongoPolicyRepository
from services.feedback.policy.servicer import PolicyServicer


class Promising:
    def __init__(
        self, database: Database, enquiries: MongoEnquiryRepository, outbox: Outbox, now: Callable[[], datetime]
    ) -> None:
        self._now = now
        self.calendars = MongoCalendarRepository(database)
        self.policies = MongoPolicyRepository(database)
        self.jobs = MongoJobRepository(database)
        self.judging = Judging(self.calendars, self.policies, now)
        self.remeasuring = Remeasuring(database, enquiries, self.jobs, self.judging, outbox, now)
        self.announcing = Announcing(database, enquiries, self.judging, outbox, now)

    async def ensure_indexes(self) -> None:
        for owner in (self.calendars, self.policies, self.jobs):
            await owner.ensure_indexes()

    def register(self, server: grpc.aio.Server, customers: CustomersClient, writes: Writes) -> None:
        calendar_pb2_grpc.add_CalendarServiceServicer_to_server(
            CalendarServicer(self.calendars, customers, self.remeasuring, writes), server
        )
        policy_pb2_grpc.add_PolicyServiceServicer_to_server(
            PolicyServicer(self.policies, self.remeasuring, writes, self._now), server
        )
        job_pb2_grpc.add_JobServiceServicer_to_server(JobServicer(self.jobs, self._now), server)

    def loops(self) -> list[Coroutine[Any, Any, None]]:
        return [self.remeasuring.run(), self.announcing.run()]
