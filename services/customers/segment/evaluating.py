"""Asks all customers by the rules of segments that changed, as jobs.

Whoever was not yet asked belongs where they did before.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime

from chassis.caller import service_caller
from chassis.ids import new_id
from chassis.leading import lead
from chassis.lease import Lease
from chassis.mongo import Database, Session
from services.customers.customer.repository import MongoCustomerRepository
from services.customers.job.domain import PREFIX, Job, Kind
from services.customers.job.repository import MongoJobRepository
from services.customers.job.walking import Walk
from services.customers.segment.domain import Segment
from services.customers.standing.judging import Standing

_LOOK_SECONDS = 1.0


class Evaluating:
    """standing: with the judge of segments alone."""

    def __init__(
        self,
        database: Database,
        customers: MongoCustomerRepository,
        jobs: MongoJobRepository,
        standing: Standing,
        now: Callable[[], datetime],
    ) -> None:
        self._jobs = jobs
        self._walk = Walk(database, customers, jobs, Kind.SEGMENT_EVALUATION, standing.judge, now)
        self._caller = service_caller("customers")
        self._lease = Lease(database, "segment_evaluation", new_id("out"))
        self._asked = asyncio.Event()

    async def ask(self, segment: Segment, session: Session) -> None:
        """Ask all customers as soon as the session commits."""
        job = Job(new_id(PREFIX), Kind.SEGMENT_EVALUATION, segment.key, segment.id)
        await self._jobs.add(self._caller, job, session)

    def wake(self) -> None:
        """After the commit: begin now instead of at the next look."""
        self._asked.set()

    async def step(self) -> bool:
        """Ask the next customers; False: there is nothing to do now."""
        return await self._walk.step()

    async def run(self) -> None:
        await lead(self._lease, self.step, self._asked, what="the evaluation of segments", look_seconds=_LOOK_SECONDS)
