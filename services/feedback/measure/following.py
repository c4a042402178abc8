"""What becomes of the feedback that a measure is linked to, as far as the caller has to do with feedback at all."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from chassis.caller import Caller, Reach
from chassis.errors import Forbidden, InvalidInput
from chassis.mongo import Session
from services.feedback.feedback import messages
from services.feedback.feedback.domain import FeedbackStatus, FeedbackStep, steps
from services.feedback.feedback.recording import Recording
from services.feedback.feedback.repository import MongoFeedbackRepository

_READ = "feedback:read"
_WRITE = "feedback:write"


def reader_of_feedback(caller: Caller) -> Caller | None:
    """The caller as far as they see feedback; None: they see none of it."""
    reach = caller.reach(_READ)
    nobody = caller.employee is None and (reach is Reach.OWN or caller.team is None)
    return None if reach is Reach.NONE or (reach is not Reach.ALL and nobody) else replace(caller, rows=reach)


class Following:
    def __init__(self, feedback: MongoFeedbackRepository, recording: Recording) -> None:
        self._feedback = feedback
        self._recording = recording

    async def set(self, caller: Caller, ids: Sequence[str], status: int, at: datetime, session: Session) -> None:
        """Give them that status; what only repeats another one stays a duplicate.

        Forbidden: the caller does not write all feedback. InvalidInput: it is no status that follows a measure.
        """
        if caller.reach(_WRITE) is not Reach.ALL:
            raise Forbidden(f"the scope {_WRITE} is needed to set the status of feedback", ("feedback_status",))
        wanted: FeedbackStatus = messages.one_of(messages.STATUS_FROM_PROTO, status, "feedback_status")
        if wanted is FeedbackStatus.DUPLICATE:
            raise InvalidInput("each duplicate names what it repeats", ("feedback_status",))
        step = FeedbackStep(wanted, at, caller.employee or caller.subject)
        pairs = []
        for before in (await self._feedback.of_ids(caller, ids, session)).values():
            if before.duplicate_of is None:
                after = steps.moved(before, step, duplicate_of=None, owner=None)
                pairs += [(before, after)] if after is not before else []
        await self._recording.change(caller, pairs, session)
