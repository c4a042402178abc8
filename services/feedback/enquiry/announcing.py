"""Tells those who watch of promises that are at risk, and of those that are missed while the customer still waits.

What was told is kept with the enquiry, in the transaction that tells it: so it is told once, by whichever replica and
over however many restarts. What is missed counts in the figures from then on.
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
from services.feedback.enquiry.domain import levels
from services.feedback.enquiry.domain.facts import Enquiry
from services.feedback.enquiry.domain.observations import contributions
from services.feedback.enquiry.judging import Judging
from services.feedback.enquiry.outgoing import entries
from services.feedback.enquiry.repository import MongoEnquiryRepository
from services.feedback.stream.outgoing import changed

_AT_ONCE = 100
_LOOK_SECONDS = 1.0


class Announcing:
    def __init__(
        self,
        database: Database,
        enquiries: MongoEnquiryRepository,
        judging: Judging,
        outbox: Outbox,
        now: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._enquiries = enquiries
        self._judging = judging
        self._outbox = outbox
        self._now = now
        self._caller = service_caller("feedback")
        self._lease = Lease(database, "service_levels", new_id("out"))

    async def step(self) -> bool:
        """Tell what there is to tell now; True: there may be more."""
        now = self._now()

        async def work(session: Session) -> int:
            found = await self._enquiries.to_look_at(self._caller, now, _AT_ONCE, session)
            rules = await self._judging.rules() if found else None
            for enquiry in found:
                if rules is not None:
                    await self._tell(enquiry, rules.judged(enquiry), now, session)
            return len(found)

        found = await in_transaction(self._database, work)
        if found:
            self._outbox.wake()
        return found == _AT_ONCE

    async def _tell(self, enquiry: Enquiry, judged: Enquiry, now: datetime, session: Session) -> None:
        after, count = levels.told(judged, now)
        if contributions(after) != contributions(enquiry):
            # Otherwise it stays at its version: nobody's change shall fail because time went by.
            after = replace(after, version=enquiry.version + 1)
        await self._enquiries.save(self._caller, after, session, made_from=enquiry.version)
        told = [changed("waiting", after.id, source=after.source, team=after.team) for _ in range(count)]
        await self._outbox.append(session, [*entries(enquiry, after, ()), *(entry for one in told for entry in one)])

    async def run(self) -> None:
        await lead(self._lease, self.step, asyncio.Event(), what="telling of waits", look_seconds=_LOOK_SECONDS)
