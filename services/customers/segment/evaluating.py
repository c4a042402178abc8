"""Asks all customers by the rules of segments that changed, as jobs: in the order of ids, from where it was left.

Whoever was not yet asked belongs where they did before. All rules that changed are asked together, and the place that
was reached is kept: whoever takes the lease after a kill goes on from there.
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
from services.customers.job.domain import PREFIX, Job, Kind, State
from services.customers.job.repository import MongoJobRepository
from services.customers.segment.domain import Segment
from services.customers.standing.judging import Standing

_AT_ONCE = 500
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
        self._count = database["customers"].estimated_document_count
        self._customers = customers
        self._jobs = jobs
        self._standing = standing
        self._now = now
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
        running = await self._jobs.of_state(self._caller, Kind.SEGMENT_EVALUATION, State.RUNNING)
        if not running:
            waiting = await self._jobs.of_state(self._caller, Kind.SEGMENT_EVALUATION, State.WAITING)
            if not waiting:
                return False
            total, now = await self._count(), self._now()
            running = [job.begun(total, now) for job in waiting]
            # Before the first customer is asked: a rule that changes from now on waits for the next walk.
            await self._jobs.save(self._caller, running)
        # After a kill between two of them they may stand at different places.
        after = min(job.after for job in running)
        ids = await self._customers.some(self._caller, after, _AT_ONCE)
        await self._standing.judge(ids)
        if len(ids) == _AT_ONCE:
            news = [job.advanced(len(ids), ids[-1]) if job.after == after else job for job in running]
        else:
            news = [job.advanced(len(ids), after).finished(self._now()) for job in running]
        await self._jobs.save(self._caller, news)
        return True

    async def run(self) -> None:
        await lead(self._lease, self.step, self._asked, what="the evaluation of segments", look_seconds=_LOOK_SECONDS)
