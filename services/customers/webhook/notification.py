"""What endpoints are told: that something happened, by ids alone, and what becomes of telling it."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum

from chassis.errors import Conflict, InvalidInput, NotFound

PREFIX = "whn"
# Together some eleven hours.
MAX_ATTEMPTS = 16
_FIRST_PAUSE = timedelta(seconds=30)
_LONGEST_PAUSE = timedelta(hours=1)
# So long it can be looked at, and told once more.
KEPT = timedelta(days=30)
_LONGEST_ID = 200


class Event(Enum):
    """As the endpoint reads it."""

    CUSTOMER_CHANGED = "customer.changed"
    CUSTOMER_MERGED = "customer.merged"
    CONSENT_CHANGED = "consent.changed"
    ENQUIRY_OPENED = "enquiry.opened"
    ENQUIRY_RESOLVED = "enquiry.resolved"
    ENQUIRY_WAITING = "enquiry.waiting"
    FEEDBACK_RECEIVED = "feedback.received"
    MEASURE_INTRODUCED = "measure.introduced"


class NotificationState(Enum):
    QUEUED = "QUEUED"
    SENT = "SENT"
    FAILED = "FAILED"


class NotificationNotFound(NotFound):
    def __init__(self, id: str) -> None:
        super().__init__(f"there is no notification {id}", ("id",))


class WrongState(Conflict):
    def __init__(self, id: str, state: NotificationState) -> None:
        super().__init__(f"{id} is {state.value}", ("id",))


class EndpointArchived(Conflict):
    def __init__(self, id: str) -> None:
        super().__init__(f"{id} is archived", ("id",))


@dataclass(frozen=True, slots=True)
class Happening:
    """id: the same however often it is said. subject: what it happened to; customer: whose that is, where it is known.

    version: of the subject, since then. formers: the customers that became this one.
    """

    id: str
    event: Event
    subject: str
    at: datetime
    customer: str | None = None
    version: int | None = None
    formers: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name, id in (("id", self.id), ("subject_id", self.subject)):
            if not 1 <= len(id) <= _LONGEST_ID:
                raise InvalidInput(f"{name} has 1 to {_LONGEST_ID} characters", (name,))


@dataclass(frozen=True, slots=True)
class Notification:
    """sequence: of the endpoint, in the order in which it happened. next_at: when it is due; while somebody tells it,
    when it counts as left alone. attempts: those that failed.
    """

    id: str
    endpoint: str
    happening: Happening
    sequence: int
    queued_at: datetime
    next_at: datetime
    state: NotificationState = NotificationState.QUEUED
    attempts: int = 0
    last_error: str | None = None
    sent_at: datetime | None = None

    def sent(self, at: datetime) -> "Notification":
        return replace(self, state=NotificationState.SENT, sent_at=at, last_error=None)

    def failed(self, why: str) -> "Notification":
        return replace(self, state=NotificationState.FAILED, last_error=why)

    def postponed(self, why: str, at: datetime) -> "Notification":
        """An attempt failed: later again, each time after twice as long; after the last one it is given up."""
        tried = replace(self, attempts=self.attempts + 1, last_error=why)
        if tried.attempts >= MAX_ATTEMPTS:
            return tried.failed(why)
        return replace(tried, next_at=at + min(_FIRST_PAUSE * 2**self.attempts, _LONGEST_PAUSE))

    def again(self, at: datetime) -> "Notification":
        """WrongState: it waits already."""
        if self.state is NotificationState.QUEUED:
            raise WrongState(self.id, self.state)
        return replace(self, state=NotificationState.QUEUED, attempts=0, last_error=None, sent_at=None, next_at=at)
