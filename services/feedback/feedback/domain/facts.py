"""What is recorded of feedback."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from chassis.errors import Conflict, InvalidInput, NotFound

LONGEST_TEXT = 20_000
LONGEST_LABEL = 200
MOST_TOPICS = 20


class FeedbackKind(Enum):
    WISH = "WISH"
    PROBLEM = "PROBLEM"
    EXPECTATION = "EXPECTATION"
    PRAISE = "PRAISE"
    COMPLAINT = "COMPLAINT"
    QUESTION = "QUESTION"
    RATING = "RATING"


class FeedbackStatus(Enum):
    NEW = "NEW"
    ACKNOWLEDGED = "ACKNOWLEDGED"
    PLANNED = "PLANNED"
    STARTED = "STARTED"
    COMPLETED = "COMPLETED"
    DECLINED = "DECLINED"
    DUPLICATE = "DUPLICATE"


# Something may still come of it.
OPEN = frozenset({FeedbackStatus.NEW, FeedbackStatus.ACKNOWLEDGED, FeedbackStatus.PLANNED, FeedbackStatus.STARTED})


class ScoreKind(Enum):
    NPS = "NPS"
    CSAT = "CSAT"
    CES = "CES"


# The usual ones, lowest and highest.
SCALES: Mapping[ScoreKind, tuple[float, float]] = {
    ScoreKind.NPS: (0.0, 10.0),
    ScoreKind.CSAT: (1.0, 5.0),
    ScoreKind.CES: (1.0, 7.0),
}


class FeedbackNotFound(NotFound):
    def __init__(self, id: str, path: tuple[str, ...] = ("id",)) -> None:
        super().__init__(f"there is no feedback {id}", path)


class StaleFeedback(Conflict):
    def __init__(self, id: str, present: int, made_from: int) -> None:
        super().__init__(f"{id} is at version {present}, the change was made from version {made_from}", ("version",))


class DuplicateOfItself(InvalidInput):
    def __init__(self, id: str, other: str) -> None:
        super().__init__(f"{id} repeats {other}, which repeats it in turn", ("duplicate_of_id",))


@dataclass(frozen=True, slots=True)
class Score:
    """One answer on a scale. InvalidInput: it lies beside it."""

    kind: ScoreKind
    value: float
    lowest: float
    highest: float

    def __post_init__(self) -> None:
        if not self.lowest < self.highest:
            raise InvalidInput("the lowest of a scale lies below its highest", ("score", "lowest"))
        if not self.lowest <= self.value <= self.highest:
            said = f"a score of this scale lies between {self.lowest:g} and {self.highest:g}"
            raise InvalidInput(said, ("score", "value"))


@dataclass(frozen=True, slots=True)
class Analysed:
    """What a machine found in a text. kind: what it most likely is. sentiment: -1 ... 1; None: it gives none.

    topics: keys.
    """

    kind: FeedbackKind
    language: str | None = None
    sentiment: float | None = None
    topics: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Classification:
    """What a person said of it; None: they left it as it was. by: an employee's id, else the caller's subject."""

    at: datetime
    by: str
    kind: FeedbackKind | None = None
    topics: tuple[str, ...] | None = None
    sentiment: float | None = None

    def __post_init__(self) -> None:
        if self.kind is None and self.topics is None and self.sentiment is None:
            raise InvalidInput("say a kind, topics or a sentiment", ("kind",))
        if self.sentiment is not None and not -1.0 <= self.sentiment <= 1.0:
            raise InvalidInput("a sentiment lies between -1 and 1", ("sentiment",))
        if self.topics is not None and len(self.topics) > MOST_TOPICS:
            raise InvalidInput(f"at most {MOST_TOPICS} topics", ("topics",))


@dataclass(frozen=True, slots=True)
class FeedbackStep:
    status: FeedbackStatus
    at: datetime
    by: str
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """delivery: under which it goes to the customer by e-mail; None: not queued, or not sent so. sent: it is to be."""

    id: str
    body: str
    at: datetime
    author: str | None = None
    sent: bool = False
    delivery: str | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """Feedback as it comes in. InvalidInput: it says nothing, or too much.

    kind: None, the text says it. solicited: the company asked for it. customer, source_record: None, not known yet.
    """

    source: str
    received_at: datetime
    kind: FeedbackKind | None = None
    text: str | None = None
    score: Score | None = None
    external_id: str | None = None
    customer: str | None = None
    source_record: str | None = None
    touchpoint: str | None = None
    channel: str | None = None
    enquiry: str | None = None
    solicited: bool = False
    survey: str | None = None
    team: str | None = None
    owner: str | None = None
    service: str | None = None

    def __post_init__(self) -> None:
        if self.score is None and not (self.text or "").strip():
            raise InvalidInput("feedback has a text or a score", ("text",))
        if len(self.text or "") > LONGEST_TEXT:
            raise InvalidInput(f"feedback has at most {LONGEST_TEXT} characters", ("text",))
        for name in ("external_id", "service"):
            if len(getattr(self, name) or "") > LONGEST_LABEL:
                raise InvalidInput(f"{name} has at most {LONGEST_LABEL} characters", (name,))


@dataclass(frozen=True, slots=True)
class Feedback:
    """stated: the kind its sender gave, None where the text had to say it. channel: of the touchpoint, as it was then.

    kind, sentiment and topics are those of people where people said them, else those of the sender, else found in the
    text. duplicate_of: what it repeats; it then counts in no figure.
    """

    id: str
    source: str
    received_at: datetime
    kind: FeedbackKind
    stated: FeedbackKind | None = None
    text: str | None = None
    score: Score | None = None
    external_id: str | None = None
    customer: str | None = None
    source_record: str | None = None
    touchpoint: str | None = None
    channel: str | None = None
    enquiry: str | None = None
    solicited: bool = False
    survey: str | None = None
    team: str | None = None
    owner: str | None = None
    service: str | None = None
    language: str | None = None
    sentiment: float | None = None
    topics: tuple[str, ...] = ()
    duplicate_of: str | None = None
    replies: tuple[Reply, ...] = ()
    steps: tuple[FeedbackStep, ...] = ()
    classifications: tuple[Classification, ...] = ()
    version: int = 1

    @property
    def status(self) -> FeedbackStatus:
        return self.steps[-1].status if self.steps else FeedbackStatus.NEW

    @property
    def open(self) -> bool:
        return self.status in OPEN

    @property
    def topics_said(self) -> bool:
        """By a person: no machine changes them."""
        return any(one.topics is not None for one in self.classifications)


@dataclass(frozen=True, slots=True)
class Mention:
    topic: str
    mentions: int
    last_at: datetime


@dataclass(frozen=True, slots=True)
class Voice:
    """What a customer wants and suffers from today, newest first; the newest answer of each kind of survey; topics."""

    wishes: tuple[Feedback, ...] = ()
    problems: tuple[Feedback, ...] = ()
    scores: tuple[Feedback, ...] = ()
    topics: tuple[Mention, ...] = ()
