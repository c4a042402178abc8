"""Sweeps: from time to time, and after rules changed, all customers are judged anew, as jobs.

Rules that use now begin to hold without anything happening.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta

from chassis.caller import Caller, service_caller
from chassis.ids import new_id
from chassis.leading import lead
from chassis.lease import Lease
from chassis.mongo import Database, Session
from services.customers.customer.repository import MongoCustomerRepository
from services.customers.job.domain import PREFIX, Job, Kind, State
from services.customers.job.repository import MongoJobRepository
from services.customers.job.walking import Walk
from services.customers.standing.judging import Standing

# What one works for that nobody asked for.
_BY_TIME = "schedule"
_AT_ONCE = 500
_LOOK_SECONDS = 1.0


class Sweep:
    """every: the longest time between two. due: customers of whom something ended by itself, at most so many."""

    def __init__(
        self,
        database: Database,
        customers: MongoCustomerRepository,
        jobs: MongoJobRepository,
        standing: Standing,
        every: timedelta,
        now: Callable[[], datetime],
        due: Callable[[Caller, datetime, int], Awaitable[Sequence[str]]],
    ) -> None:
        self._jobs = jobs
        self._standing = standing
        self._walk = Walk(database, customers, jobs, Kind.STANDING_SWEEP, standing.judge, now)
        self._every = every
        self._now = now
        self._due = due
        self._caller = service_caller("customers")
        self._lease = Lease(database, "sweep", new_id("out"))
        self._asked = asyncio.Event()

    async def ask(self, subject: str, session: Session) -> None:
        """Judge everybody as soon as the session commits. subject: what changed, as people know it."""
        await self._add(subject, session)
        self._asked.set()

    async def newest(self) -> Job | None:
        """None: there was none yet."""
        return await self._jobs.newest(self._caller, Kind.STANDING_SWEEP)

    async def step(self) -> bool:
        """Judge the next customers; False: there is nothing to do now."""
        if ended := await self._due(self._caller, self._now(), _AT_ONCE):
            await self._standing.judge(ended)
        newest = await self.newest()
        if newest is None or (newest.state is State.DONE and self._over(newest)):
            await self._add(_BY_TIME)
        return await self._walk.step()

    def _over(self, job: Job) -> bool:
        return job.started_at is not None and job.started_at + self._every <= self._now()

    async def _add(self, subject: str, session: Session | None = None) -> None:
        await self._jobs.add(self._caller, Job(new_id(PREFIX), Kind.STANDING_SWEEP, subject, subject), session)

    async def run(self) -> None:
        await lead(self._lease, self.step, self._asked, what="the sweep", look_seconds=_LOOK_SECONDS)
