"""An invitation: one customer is asked once, reminded a few times, and answers at most once."""

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum

from chassis.errors import Conflict, NotFound
from services.feedback.survey.domain.survey import Survey

INVITATION_PREFIX = "inv"
# So long after a message it is looked whether it could be sent at all.
LOOK_BACK = timedelta(hours=1)


class State(Enum):
    """NOT_SENT: the customer was not reached, and is not counted as asked."""

    OPEN = "OPEN"
    ANSWERED = "ANSWERED"
    EXPIRED = "EXPIRED"
    NOT_SENT = "NOT_SENT"


class InvitationNotFound(NotFound):
    def __init__(self) -> None:
        super().__init__("no invitation has this token", ("token",))


class AnsweredAlready(Conflict):
    def __init__(self, id: str) -> None:
        super().__init__(f"{id} was answered already", ("token",))


class TooLate(Conflict):
    def __init__(self, id: str) -> None:
        super().__init__(f"{id} cannot be answered any more", ("token",))


@dataclass(frozen=True, slots=True)
class Sent:
    """A message: the invitation itself or a reminder. Each has a token of its own, kept as a hash alone."""

    at: datetime
    token_hash: bytes


@dataclass(frozen=True, slots=True)
class Invitation:
    """sent: the first message, then the reminders; empty: the customer answered without being asked.

    next_at: when somebody has to look after it; None: no more. reached: the first message was sent.
    wording: the version of the survey that the customer answered. why: NOT_SENT, in one word.
    """

    id: str
    survey: str
    customer: str | None
    source_record: str | None
    invited_at: datetime
    expires_at: datetime
    sent: tuple[Sent, ...]
    next_at: datetime | None
    touchpoint: str | None = None
    channel: str | None = None
    campaign: str | None = None
    enquiry: str | None = None
    language: str = "en"
    state: State = State.OPEN
    reached: bool = False
    answered_at: datetime | None = None
    feedback: str | None = None
    wording: int | None = None
    why: str | None = None
    source: str = "rundblick"
    team: str | None = None
    owner: str | None = None
    version: int = 1

    @property
    def last(self) -> datetime:
        return self.sent[-1].at

    @property
    def counts(self) -> bool:
        """Was the customer asked, as far as is known?"""
        return bool(self.sent) and self.state is not State.NOT_SENT

    def state_at(self, survey: Survey, at: datetime) -> State:
        """Whoever looks after it may not have come round yet."""
        over = at >= self.expires_at or not survey.active
        return State.EXPIRED if self.state is State.OPEN and over else self.state

    def require_open(self, survey: Survey, at: datetime) -> None:
        """AnsweredAlready. TooLate: it expired, was never sent, or the survey is over."""
        state = self.state_at(survey, at)
        if state is State.ANSWERED:
            raise AnsweredAlready(self.id)
        if state is not State.OPEN:
            raise TooLate(self.id)

    def answered(self, survey: Survey, feedback: str, wording: int, at: datetime) -> "Invitation":
        """As require_open."""
        self.require_open(survey, at)
        return replace(
            self,
            state=State.ANSWERED,
            answered_at=at,
            feedback=feedback,
            wording=wording,
            next_at=None,
            version=self.version + 1,
        )

    def not_sent(self, why: str) -> "Invitation":
        return replace(self, state=State.NOT_SENT, why=why, next_at=None, version=self.version + 1)

    def expired(self) -> "Invitation":
        return replace(self, state=State.EXPIRED, next_at=None, version=self.version + 1)

    def waiting(self, survey: Survey, at: datetime, *, reached: bool) -> "Invitation":
        """Until there is something to do again: a reminder, the end, or another look whether it was sent."""
        if not reached:
            return replace(self, next_at=min(at + LOOK_BACK, self.expires_at))
        return replace(self, reached=True, next_at=self.reminder_at(survey) or self.expires_at)

    def reminder_at(self, survey: Survey) -> datetime | None:
        """When the next reminder is due; None: there is none to come."""
        if survey.reminders is None or len(self.sent) > survey.reminders.most:
            return None
        due = self.last + timedelta(days=survey.reminders.after_days)
        return due if due < self.expires_at else None

    def reminded(self, survey: Survey, token_hash: bytes, at: datetime) -> "Invitation":
        sent = replace(self, sent=(*self.sent, Sent(at, token_hash)), version=self.version + 1)
        return sent.waiting(survey, at, reached=True)


def invited(survey: Survey, said: Invitation, at: datetime) -> Invitation:
    """As it begins: open for as long as the survey says, and soon looked after."""
    return replace(said, expires_at=at + timedelta(days=survey.days_open), next_at=at + LOOK_BACK)


def drawn(survey: Survey, occasion: str) -> bool:
    """Does the lot fall on this occasion? The same, whoever draws again."""
    if survey.trigger is None:
        return False
    number = int.from_bytes(hashlib.sha256(f"{survey.id}/{occasion}".encode()).digest()[:8], "big")
    return number < survey.trigger.share * 2**64
