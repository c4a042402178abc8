"""What a measure is, how far it may move, and who is to be told of it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import Enum

from chassis.errors import Conflict, InvalidInput, NotFound
from chassis.ids import prefix_of
from chassis.money import Money

PREFIX = "mea"
OWN_SOURCE = "rundblick"
# What people link one by one; of what many said alike, its topic is linked.
MOST_FEEDBACK = 1_000
MOST_TOPICS = 50
# Of a piece of feedback.
MOST_MEASURES = 20
_LONGEST_TITLE = 200
_LONGEST_DESCRIPTION = 10_000
_LONGEST_KEY = 100
_LONGEST_SUBJECT = 200
_LONGEST_TEXT = 20_000
_MOST_TEXTS = 30
_MOST_STEPS = 200


class Kind(Enum):
    OFFER = "OFFER"
    PRODUCT = "PRODUCT"
    SERVICE = "SERVICE"
    PROCESS = "PROCESS"
    COMMUNICATION = "COMMUNICATION"


class Status(Enum):
    PROPOSED = "PROPOSED"
    PLANNED = "PLANNED"
    STARTED = "STARTED"
    INTRODUCED = "INTRODUCED"
    COMPLETED = "COMPLETED"
    DECLINED = "DECLINED"


# Customers have it, or had it: that cannot be undone.
_THERE = (Status.INTRODUCED, Status.COMPLETED)


class Refusal(Enum):
    """Why somebody who asked is not told. UNKNOWN: customers knows nobody of that id."""

    OBJECTED = "OBJECTED"
    NO_ADDRESS = "NO_ADDRESS"
    UNKNOWN = "UNKNOWN"


class MeasureNotFound(NotFound):
    def __init__(self, id: str, path: tuple[str, ...] = ("id",)) -> None:
        super().__init__(f"there is no measure {id[:80]}", path)


class NotDecided(Conflict):
    def __init__(self, id: str) -> None:
        super().__init__(
            f"{id} is neither introduced nor declined: customers are told once, of what came of it", ("measure_id",)
        )


class StaleVersion(Conflict):
    def __init__(self, id: str, present: int, made_from: int) -> None:
        super().__init__(f"{id} is at version {present}, the change was made from version {made_from}", ("version",))


@dataclass(frozen=True, slots=True)
class Step:
    """Since when it has, or had, a status. by: the employee who said so."""

    status: Status
    at: datetime
    by: str | None = None


@dataclass(frozen=True, slots=True)
class Measure:
    """InvalidInput: what cannot be, with the field.

    history: the oldest first. introduced_at: since when customers have it. aims_at: the key of the KPI it is to move.
    topics: keys of what it answers. owner: the employee who answers for it; team: theirs.
    """

    id: str
    title: str
    kind: Kind
    created_at: datetime
    history: tuple[Step, ...]
    description: str | None = None
    introduced_at: datetime | None = None
    owner: str | None = None
    team: str | None = None
    budget: Money | None = None
    due_on: date | None = None
    aims_at: str | None = None
    offer: str | None = None
    campaign: str | None = None
    topics: tuple[str, ...] = ()
    source: str = OWN_SOURCE
    version: int = 1

    def __post_init__(self) -> None:
        if not self.title.strip() or len(self.title) > _LONGEST_TITLE:
            raise InvalidInput(f"a title has 1 to {_LONGEST_TITLE} characters", ("title",))
        if self.description is not None and len(self.description) > _LONGEST_DESCRIPTION:
            raise InvalidInput(f"a description has at most {_LONGEST_DESCRIPTION} characters", ("description",))
        if self.budget is not None and self.budget.amount < 0:
            raise InvalidInput("a budget is not below zero", ("budget", "amount"))
        if self.aims_at is not None and not 1 <= len(self.aims_at) <= _LONGEST_KEY:
            raise InvalidInput("a measure aims at a KPI by its key", ("aims_at",))
        for field, id, prefix in (("offer_id", self.offer, "off"), ("campaign_id", self.campaign, "cmp")):
            if id is not None and prefix_of(id) != prefix:
                raise InvalidInput(f"{id[:40]!r} does not read {prefix}_ and a ULID", (field,))
        if len(self.topics) > MOST_TOPICS:
            raise InvalidInput(f"at most {MOST_TOPICS} topics", ("topic_keys",))
        if len(self.history) > _MOST_STEPS:
            raise InvalidInput(f"at most {_MOST_STEPS} steps", ("status",))

    @property
    def status(self) -> Status:
        return self.history[-1].status

    @property
    def decided(self) -> bool:
        """Customers can be told what came of it."""
        return self.status in (*_THERE, Status.DECLINED)


def begun(status: Status, now: datetime, introduced_at: datetime | None, by: str | None) -> dict[str, object]:
    """The history of one that is known from now on, and since when customers have it."""
    there = _introduced(status, introduced_at, now, None)
    return {"history": (Step(status, now, by),), "introduced_at": there}


def changed(
    measure: Measure,
    made_from: int,
    news: Measure,
    now: datetime,
    *,
    status: Status | None = None,
    introduced_at: datetime | None = None,
    by: str | None = None,
) -> Measure:
    """The next version, at another status where one is said. introduced_at: None, now when this introduces it.

    StaleVersion: somebody else changed it in between. InvalidInput: it cannot move there, or had another moment.
    """
    if measure.version != made_from:
        raise StaleVersion(measure.id, measure.version, made_from)
    towards = status or measure.status
    if measure.status in _THERE and towards not in _THERE:
        raise InvalidInput(f"{measure.id} was introduced: it can be completed, not taken back", ("status",))
    history = measure.history
    if towards is not measure.status:
        history = (*history, Step(towards, now, by))
    return replace(
        news,
        history=history,
        introduced_at=_introduced(towards, introduced_at, now, measure.introduced_at),
        version=measure.version + 1,
    )


def _introduced(status: Status, said: datetime | None, now: datetime, known: datetime | None) -> datetime | None:
    if status not in _THERE:
        if said is not None:
            raise InvalidInput("only what is introduced has such a moment: set its status too", ("introduced_at",))
        return None
    if said is not None and said > now:
        raise InvalidInput("what is introduced later is planned or started until then", ("introduced_at",))
    return said or known or now


def linked(measure: Measure, topics: Iterable[str]) -> Measure:
    """With further topics. InvalidInput: too many of them."""
    return replace(measure, topics=tuple(dict.fromkeys((*measure.topics, *topics))), version=measure.version + 1)


def unlinked(measure: Measure, topics: Iterable[str]) -> Measure:
    gone = set(topics)
    left = tuple(one for one in measure.topics if one not in gone)
    return replace(measure, topics=left, version=measure.version + 1)


@dataclass(frozen=True, slots=True)
class Asking:
    """A customer who asked for what a measure brings. feedback: with which, the newest first, some of it.

    source_record: of the newest; language: that of the newest that has one.
    """

    customer: str
    source_record: str
    feedback: tuple[str, ...]
    language: str | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """A customer who was told of a measure. delivery: under which it goes out, once that is known."""

    measure: str
    customer: str
    source_record: str
    at: datetime
    language: str
    delivery: str | None = None

    @property
    def id(self) -> str:
        return f"{self.measure}:{self.source_record}"


@dataclass(frozen=True, slots=True)
class Text:
    """What customers are told in one language. InvalidInput: it cannot be sent, with the field."""

    language: str
    subject: str
    text: str

    def __post_init__(self) -> None:
        if not self.language.replace("-", "").isalnum() or len(self.language) > _LONGEST_KEY:
            raise InvalidInput("a language reads like de or en-GB (BCP 47)", ("language",))
        if not self.subject.strip() or len(self.subject) > _LONGEST_SUBJECT or not self.subject.isprintable():
            raise InvalidInput(f"a subject is one line of at most {_LONGEST_SUBJECT} characters", ("subject",))
        if not self.text.strip() or len(self.text) > _LONGEST_TEXT:
            raise InvalidInput(f"a text has 1 to {_LONGEST_TEXT} characters", ("text",))


def checked(texts: Sequence[Text]) -> Sequence[Text]:
    """InvalidInput: there is none, or two are in one language."""
    if not 1 <= len(texts) <= _MOST_TEXTS:
        raise InvalidInput(f"1 to {_MOST_TEXTS} texts", ("texts",))
    if len({_base(one.language) for one in texts}) < len(texts):
        raise InvalidInput("one text for each language", ("texts",))
    return texts


def text_for(asking: Asking, texts: Sequence[Text]) -> Text:
    """In the language they asked in; else the first."""
    return next((one for one in texts if asking.language and _base(one.language) == _base(asking.language)), texts[0])


def _base(language: str) -> str:
    return language.partition("-")[0].casefold()
