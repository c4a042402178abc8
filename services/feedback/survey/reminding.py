"""Looks after invitations: whether they could be sent, who is reminded, and what is over.

One of all replicas does it. Each invitation is a transaction of its own, and says itself when it is due: whoever is
killed leaves the rest to the next.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime

from chassis.caller import service_caller
from chassis.ids import new_id
from chassis.leading import lead
from chassis.lease import Lease
from chassis.mongo import Database, Session, in_transaction
from chassis.outbox import Entry, Outbox
from services.feedback.survey.asking import Audience
from services.feedback.survey.domain import Invitation, State, Survey
from services.feedback.survey.inviting import new_token, token_hash
from services.feedback.survey.outgoing import counted, first_external_id, message
from services.feedback.survey.repository import MongoInvitationRepository, MongoSurveyRepository

_AT_ONCE = 200
_LOOK_SECONDS = 30.0
# Of a delivery that is not on its way any more.
_FAILED = frozenset({"REFUSED", "BOUNCED", "FAILED"})
_SENT = "SENT"


class Reminding:
    def __init__(
        self,
        database: Database,
        surveys: MongoSurveyRepository,
        invitations: MongoInvitationRepository,
        audience: Audience,
        outbox: Outbox,
        now: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._surveys = surveys
        self._invitations = invitations
        self._audience = audience
        self._outbox = outbox
        self._now = now
        self._caller = service_caller("feedback")
        self._lease = Lease(database, "surveys", new_id("out"))
        self._asked = asyncio.Event()

    async def step(self) -> bool:
        """Those that are due now, some at once; False: there are no more."""
        due = await self._invitations.due(self._caller, self._now(), _AT_ONCE)
        if not due:
            return False
        unknown = [first_external_id(one) for one in due if not one.reached]
        states = await self._audience.states(due[0].source, unknown) if unknown else {}
        for one in due:
            await self._look_after(one.id, states.get(first_external_id(one)))
        self._outbox.wake()
        return len(due) == _AT_ONCE

    async def _look_after(self, id: str, delivery: str | None) -> None:
        async def work(session: Session) -> None:
            known = (await self._invitations.of_ids(self._caller, [id], session))[id]
            if known.state is not State.OPEN or known.next_at is None or known.next_at > self._now():
                # Answered, or looked after, a moment ago.
                return
            survey = (await self._surveys.of_ids(self._caller, [known.survey], session))[known.survey]
            after, entries = self._next(known, survey, delivery)
            await self._invitations.save(self._caller, after, session)
            await self._outbox.append(session, [*entries, *counted(known, after)])

        await in_transaction(self._database, work)

    def _next(self, known: Invitation, survey: Survey, delivery: str | None) -> tuple[Invitation, list[Entry]]:
        now = self._now()
        if not known.reached and delivery in _FAILED:
            return known.not_sent(delivery), []
        if known.state_at(survey, now) is State.EXPIRED:
            return known.expired(), []
        reached = known.reached or delivery == _SENT
        due = known.reminder_at(survey)
        if not reached or due is None or due > now:
            return known.waiting(survey, now, reached=reached), []
        token = new_token()
        reminded = known.reminded(survey, token_hash(token), now)
        return reminded, [message(survey, reminded, token)]

    async def run(self) -> None:
        await lead(self._lease, self.step, self._asked, what="reminding", look_seconds=_LOOK_SECONDS)
