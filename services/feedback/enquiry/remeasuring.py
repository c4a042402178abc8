"""Measures and judges all enquiries anew after a calendar or a policy changed, as a job, from where it was left.

What changes corrects the figures, the old contribution out and the new one in.
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from chassis.caller import service_caller
from chassis.ids import new_id
from chassis.leading import lead
from chassis.lease import Lease
from chassis.mongo import Database, Session, in_transaction
from chassis.outbox import Outbox
from services.feedback.enquiry.judging import Judging
from services.feedback.enquiry.outgoing import entries
from services.feedback.enquiry.repository import MongoEnquiryRepository
from services.feedback.job.domain import PREFIX, Job, Kind, State
from services.feedback.job.repository import MongoJobRepository

_AT_ONCE = 100
_LOOK_SECONDS = 1.0


class Remeasuring:
    def __init__(
        self,
        database: Database,
        enquiries: MongoEnquiryRepository,
        jobs: MongoJobRepository,
        judging: Judging,
        outbox: Outbox,
        now: Callable[[], datetime],
        *,
        at_once: int = _AT_ONCE,
    ) -> None:
        self._database = database
        self._enquiries = enquiries
        self._jobs = jobs
        self._judging = judging
        self._outbox = outbox
        self._now = now
        self._at_once = at_once
        self._caller = service_caller("feedback")
        self._lease = Lease(database, "business_time", new_id("out"))
        self._asked = asyncio.Event()

    async def ask(self, subject: str, id: str, session: Session) -> None:
        """Begin as soon as the session commits. subject: the key of what changed; id: its id."""
        await self._jobs.add(self._caller, Job(new_id(PREFIX), Kind.BUSINESS_TIME, subject, id), session)

    def wake(self) -> None:
        """After the commit: begin now instead of at the next look."""
        self._asked.set()

    async def step(self) -> bool:
        """The next enquiries; False: there is nothing to do now."""
        running = await self._jobs.of_state(self._caller, Kind.BUSINESS_TIME, State.RUNNING)
        if not running:
            waiting = await self._jobs.of_state(self._caller, Kind.BUSINESS_TIME, State.WAITING)
            if not waiting:
                return False
            total, now = await self._enquiries.count(self._caller), self._now()
            running = [job.begun(total, now) for job in waiting]
            # Before the first enquiry: what changes from now on waits for the next walk.
            await self._jobs.save(self._caller, running)
        # After a kill between two of them they may stand at different places.
        after = min(job.after for job in running)
        ids = await self._judge(after)
        if len(ids) == self._at_once:
            news = [job.advanced(len(ids), ids[-1]) if job.after == after else job for job in running]
        else:
            news = [job.advanced(len(ids), after).finished(self._now()) for job in running]
        await self._jobs.save(self._caller, news)
        return True

    async def _judge(self, after: str) -> list[str]:
        async def work(session: Session) -> list[str]:
            rules = await self._judging.rules()
            found = await self._enquiries.after(self._caller, after, self._at_once, session)
            for enquiry in found:
                judged = rules.judged(enquiry)
                if judged != enquiry:
                    judged = replace(judged, version=enquiry.version + 1)
                    await self._enquiries.save(self._caller, judged, session)
                    await self._outbox.append(session, entries(enquiry, judged, ()))
            return [enquiry.id for enquiry in found]

        ids = await in_transaction(self._database, work)
        self._outbox.wake()
        return ids

    async def run(self) -> None:
        await lead(self._lease, self.step, self._asked, what="measuring by new calendars", look_seconds=_LOOK_SECONDS)
