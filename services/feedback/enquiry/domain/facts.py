"""What is recorded of an enquiry, and what is derived from that."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from chassis.errors import Conflict, InvalidInput, NotFound

LONGEST_SUBJECT = 500
LONGEST_BODY = 100_000
LONGEST_LABEL = 200


class Status(Enum):
    NEW = "NEW"
    OPEN = "OPEN"
    PENDING = "PENDING"
    RESOLVED = "RESOLVED"
    CLOSED = "CLOSED"


class Priority(Enum):
    LOW = "LOW"
    NORMAL = "NORMAL"
    HIGH = "HIGH"
    URGENT = "URGENT"


class AuthorKind(Enum):
    CUSTOMER = "CUSTOMER"
    EMPLOYEE = "EMPLOYEE"
    BOT = "BOT"
    SYSTEM = "SYSTEM"
    PARTNER = "PARTNER"


class Visibility(Enum):
    PUBLIC = "PUBLIC"
    INTERNAL = "INTERNAL"


class Step(Enum):
    """A change of status that was recorded; the customer's messages change it too, without one."""

    OPENED = "OPENED"
    PENDING = "PENDING"
    RESOLVED = "RESOLVED"
    CLOSED = "CLOSED"
    REOPENED = "REOPENED"
    EXCLUDED = "EXCLUDED"
    INCLUDED = "INCLUDED"


class Reason(Enum):
    SPAM = "SPAM"
    DUPLICATE = "DUPLICATE"


class WaitKind(Enum):
    FIRST = "FIRST"
    NEXT = "NEXT"
    RESOLUTION = "RESOLUTION"


class WaitEnd(Enum):
    ANSWERED = "ANSWERED"
    CLOSED_UNANSWERED = "CLOSED_UNANSWERED"
    EXCLUDED = "EXCLUDED"


class WaitFlag(Enum):
    NEGATIVE = "NEGATIVE"


class EnquiryNotFound(NotFound):
    def __init__(self, id: str, path: tuple[str, ...] = ("id",)) -> None:
        super().__init__(f"there is no enquiry {id}", path)


class StaleVersion(Conflict):
    def __init__(self, id: str, present: int, made_from: int) -> None:
        super().__init__(f"{id} is at version {present}, the change was made from version {made_from}", ("version",))


class WrongStep(Conflict):
    def __init__(self, id: str, status: str, step: str, path: tuple[str, ...] = ("id",)) -> None:
        super().__init__(f"{id} is {status}: it cannot be {step}", path)


class OfAnother(Conflict):
    def __init__(self, id: str) -> None:
        super().__init__(f"{id} is of another customer already", ("customer_id",))


class Merged(Conflict):
    def __init__(self, id: str, into: str, path: tuple[str, ...] = ("id",)) -> None:
        super().__init__(f"{id} was merged into {into}", path)


@dataclass(frozen=True, slots=True)
class Message:
    """connected: calls only, did anybody talk. channel: of the touchpoint, as it was then. code: by which it came.

    merged_from: the enquiry it was written in, when that was merged into the one it belongs to.
    """

    id: str
    enquiry: str
    author_kind: AuthorKind
    visibility: Visibility
    occurred_at: datetime
    source: str
    body: str = ""
    author: str | None = None
    touchpoint: str | None = None
    channel: str | None = None
    in_reply_to: str | None = None
    connected: bool | None = None
    external_id: str | None = None
    source_record: str | None = None
    attachments: tuple[str, ...] = ()
    code: str | None = None
    merged_from: str | None = None

    def __post_init__(self) -> None:
        if len(self.body) > LONGEST_BODY:
            raise InvalidInput(f"a message has at most {LONGEST_BODY} characters", ("message", "body"))

    @property
    def from_customer(self) -> bool:
        return self.author_kind is AuthorKind.CUSTOMER and self.visibility is Visibility.PUBLIC

    @property
    def answers(self) -> bool:
        """Never an answer: internal notes, bots, automatic replies, campaigns, calls that did not connect."""
        return (
            self.author_kind in (AuthorKind.EMPLOYEE, AuthorKind.PARTNER)
            and self.visibility is Visibility.PUBLIC
            and self.connected is not False
        )


@dataclass(frozen=True, slots=True)
class Transition:
    step: Step
    at: datetime
    reason: Reason | None = None
    by: str | None = None


@dataclass(frozen=True, slots=True)
class Assignment:
    at: datetime
    assignee: str | None
    team: str | None
    by: str | None = None


@dataclass(frozen=True, slots=True)
class StatusChange:
    """From then on it was so. by: the employee whose step or answer it was."""

    at: datetime
    status: Status
    excluded: Reason | None = None
    by: str | None = None


@dataclass(frozen=True, slots=True)
class Pause:
    """The enquiry was PENDING; end None: it still is."""

    begin: datetime
    end: datetime | None = None


@dataclass(frozen=True, slots=True)
class Wait:
    """key: the same for the same wait, whatever becomes of it.

    business_seconds: of a wait that ended, by that version of that calendar; None: there was none.
    """

    key: str
    kind: WaitKind
    started_at: datetime
    ended_at: datetime | None = None
    ended: WaitEnd | None = None
    flagged: WaitFlag | None = None
    paused_seconds: float | None = None
    touchpoint: str | None = None
    channel: str | None = None
    answered_by: str | None = None
    assignee_at_start: str | None = None
    assignee_at_end: str | None = None
    pauses: tuple[Pause, ...] = ()
    business_seconds: float | None = None
    calendar: str | None = None
    calendar_version: int | None = None


class Word(Enum):
    """What those who watch were told of a promise that is still open."""

    AT_RISK = "AT_RISK"
    MISSED = "MISSED"


@dataclass(frozen=True, slots=True)
class Level:
    """What a policy promised for one wait, and whether it is kept.

    policy: its id. target: seconds, of business time or all. due_at: when they have passed; None: they stand still, or
    never pass. risk_at: from then on it is at risk. late_after: the last moment at which it is not missed, later than
    due_at where nobody is there in between. met: None, nobody knows yet. told: what was said last while it was open.
    """

    wait: str
    kind: WaitKind
    started_at: datetime
    policy: str
    policy_key: str
    policy_version: int
    target: float
    business: bool
    due_at: datetime | None
    risk_at: datetime | None
    late_after: datetime | None
    open: bool
    met: bool | None
    told: Word | None = None


@dataclass(frozen=True, slots=True)
class Derived:
    """What follows from the facts alone, in whatever order they came in.

    touchpoints: that its public messages came or went over, the first one first.
    """

    status: Status = Status.NEW
    waits: tuple[Wait, ...] = ()
    first_responded_at: datetime | None = None
    resolved_at: datetime | None = None
    reopen_count: int = 0
    excluded: Reason | None = None
    history: tuple[StatusChange, ...] = ()
    touchpoints: tuple[str, ...] = ()

    @property
    def waiting_since(self) -> datetime | None:
        """Since when a customer waits for an answer."""
        return min(
            (w.started_at for w in self.waits if w.kind is not WaitKind.RESOLUTION and w.ended_at is None),
            default=None,
        )


@dataclass(frozen=True, slots=True)
class Enquiry:
    """campaign: of the code it was opened with. merged_into: the enquiry that its messages belong to since."""

    id: str
    source: str
    subject: str
    opened_at: datetime
    customer: str | None = None
    source_record: str | None = None
    touchpoint: str | None = None
    channel: str | None = None
    external_id: str | None = None
    category: str | None = None
    service: str | None = None
    priority: Priority = Priority.NORMAL
    assignee: str | None = None
    team: str | None = None
    transitions: tuple[Transition, ...] = ()
    assignments: tuple[Assignment, ...] = ()
    campaign: str | None = None
    merged_into: str | None = None
    derived: Derived = Derived()
    levels: tuple[Level, ...] = ()
    version: int = 1

    def __post_init__(self) -> None:
        if not self.subject.strip() or len(self.subject) > LONGEST_SUBJECT:
            raise InvalidInput(f"a subject has 1 to {LONGEST_SUBJECT} characters", ("subject",))
        if not self.source or len(self.source) > LONGEST_LABEL:
            raise InvalidInput(f"a source has 1 to {LONGEST_LABEL} characters", ("source",))
        for name, text in (("category", self.category), ("service", self.service), ("external_id", self.external_id)):
            if text is not None and len(text) > LONGEST_LABEL:
                raise InvalidInput(f"{name} has at most {LONGEST_LABEL} characters", (name,))
