"""Looks all feedback through for topics that changed, as jobs: in the order of ids, from where it was left.

What people said of its topics stays. The place that was reached is kept after each batch: whoever takes the lease after
a kill goes on from there, and what was found already changes nothing.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime

from chassis.caller import service_caller
from chassis.ids import new_id
from chassis.leading import lead
from chassis.lease import Lease
from chassis.mongo import Database, Session, in_transaction
from chassis.outbox import Outbox
from services.feedback.feedback.domain import Feedback, steps
from services.feedback.feedback.recording import Recording
from services.feedback.feedback.repository import MongoFeedbackRepository
from services.feedback.job.domain import PREFIX, Job, Kind, State
from services.feedback.job.repository import MongoJobRepository
from services.feedback.topic.domain import Topic

_AT_ONCE = 200
_LOOK_SECONDS = 5.0


class Classifying:
    def __init__(
        self,
        database: Database,
        feedback: MongoFeedbackRepository,
        jobs: MongoJobRepository,
        recording: Recording,
        outbox: Outbox,
        now: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._feedback = feedback
        self._jobs = jobs
        self._recording = recording
        self._outbox = outbox
        self._now = now
        self._caller = service_caller("feedback")
        self._lease = Lease(database, "topic_classification", new_id("out"))
        self._asked = asyncio.Event()

    async def ask(self, topic: Topic, session: Session) -> None:
        """Look for it as soon as the session commits."""
        job = Job(new_id(PREFIX), Kind.TOPIC_CLASSIFICATION, topic.key, topic.id)
        await self._jobs.add(self._caller, job, session)

    def wake(self) -> None:
        """After the commit: begin now instead of at the next look."""
        self._asked.set()

    async def step(self) -> bool:
        """The next batch, for all topics that changed at once; False: there is nothing to do now."""
        running = await self._jobs.of_state(self._caller, Kind.TOPIC_CLASSIFICATION, State.RUNNING)
        if not running:
            waiting = await self._jobs.of_state(self._caller, Kind.TOPIC_CLASSIFICATION, State.WAITING)
            if not waiting:
                return False
            total, now = await self._feedback.count(self._caller), self._now()
            running = [job.begun(total, now) for job in waiting]
            await self._jobs.save(self._caller, running)
        after = min(job.after for job in running)

        async def work(session: Session) -> list[Feedback]:
            batch = await self._feedback.after(self._caller, after, _AT_ONCE, session)
            found = await self._recording.analysed(self._caller, [one.text for one in batch], session)
            pairs = [(one, steps.reclassified(one, said)) for one, said in zip(batch, found, strict=True)]
            await self._recording.change(self._caller, [(old, new) for old, new in pairs if new is not old], session)
            return batch

        batch = await in_transaction(self._database, work)
        self._outbox.wake()
        if len(batch) == _AT_ONCE:
            news = [job.advanced(len(batch), batch[-1].id) if job.after == after else job for job in running]
        else:
            news = [job.advanced(len(batch), after).finished(self._now()) for job in running]
        await self._jobs.save(self._caller, news)
        return True

    async def run(self) -> None:
        await lead(self._lease, self.step, self._asked, what="the look for topics", look_seconds=_LOOK_SECONDS)
