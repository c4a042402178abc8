"""Walks over all customers for jobs of one kind, in the order of ids, from where it was left.

All jobs that wait are begun together, and the place that was reached is kept: whoever takes over after a kill goes on
from there.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

from chassis.caller import service_caller
from chassis.mongo import Database
from services.customers.customer.repository import MongoCustomerRepository
from services.customers.job.domain import Kind, State
from services.customers.job.repository import MongoJobRepository

_AT_ONCE = 500


class Walk:
    """judge: deals with some customers."""

    def __init__(
        self,
        database: Database,
        customers: MongoCustomerRepository,
        jobs: MongoJobRepository,
        kind: Kind,
        judge: Callable[[Sequence[str]], Awaitable[None]],
        now: Callable[[], datetime],
    ) -> None:
        self._count = database["customers"].estimated_document_count
        self._customers = customers
        self._jobs = jobs
        self._kind = kind
        self._judge = judge
        self._now = now
        self._caller = service_caller("customers")

    async def step(self) -> bool:
        """Deal with the next customers; False: there is nothing to do now."""
        running = await self._jobs.of_state(self._caller, self._kind, State.RUNNING)
        if not running:
            waiting = await self._jobs.of_state(self._caller, self._kind, State.WAITING)
            if not waiting:
                return False
            total, now = await self._count(), self._now()
            running = [job.begun(total, now) for job in waiting]
            # Before the first customer is asked: a rule that changes from now on waits for the next walk.
            await self._jobs.save(self._caller, running)
        # After a kill between two of them they may stand at different places.
        after = min(job.after for job in running)
        ids = await self._customers.some(self._caller, after, _AT_ONCE)
        await self._judge(ids)
        if len(ids) == _AT_ONCE:
            news = [job.advanced(len(ids), ids[-1]) if job.after == after else job for job in running]
        else:
            news = [job.advanced(len(ids), after).finished(self._now()) for job in running]
        await self._jobs.save(self._caller, news)
        return True
