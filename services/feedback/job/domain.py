"""What a job is: what it works for, and how far it is."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum

PREFIX = "job"


class Kind(Enum):
    """BUSINESS_TIME: waits are measured and judged anew after a calendar or a service level changed.

    TOPIC_CLASSIFICATION: feedback is looked through for a topic that changed.
    """

    BUSINESS_TIME = "BUSINESS_TIME"
    TOPIC_CLASSIFICATION = "TOPIC_CLASSIFICATION"


class State(Enum):
    WAITING = "WAITING"
    RUNNING = "RUNNING"
    DONE = "DONE"


@dataclass(frozen=True, slots=True)
class Job:
    """subject: what it works for, as people know it; subject_id: its id. after: the last enquiry it dealt with."""

    id: str
    kind: Kind
    subject: str
    subject_id: str
    state: State = State.WAITING
    done: int = 0
    total: int = 0
    after: str = ""
    started_at: datetime | None = None
    finished_at: datetime | None = None

    def begun(self, total: int, now: datetime) -> "Job":
        return replace(self, state=State.RUNNING, total=total, started_at=now)

    def advanced(self, count: int, after: str) -> "Job":
        """Enquiries that came meanwhile are dealt with too: there are then more than at its beginning."""
        done = self.done + count
        return replace(self, done=done, total=max(self.total, done), after=after)

    def finished(self, now: datetime) -> "Job":
        # How many there were at its beginning was known roughly.
        return replace(self, state=State.DONE, total=self.done, finished_at=now)

    def forecast(self, now: datetime) -> datetime | None:
        """When it will be done at the present pace; None: it does not run, or nothing is done yet."""
        if self.state is not State.RUNNING or self.started_at is None or not self.done:
            return None
        return now + (now - self.started_at) / self.done * (self.total - self.done)
