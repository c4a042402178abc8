"""What a survey is: one question, on one scale for ever, in words that may change."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum

from chassis.errors import AlreadyExists, Conflict, InvalidInput, NotFound

PREFIX = "srv"
LANGUAGES = ("de", "en")
_KEY = re.compile(r"[a-z0-9][a-z0-9_-]{0,99}")
_LONGEST_QUESTION = 500
_LONGEST_LABEL = 100
# A page without a script shows each step of the scale.
_MOST_STEPS = 11
_MOST_REMINDERS = 3
_MOST_DAYS_BETWEEN = 30
_MOST_DAYS_OPEN = 90
_MOST_QUIET_DAYS = 3_650


class Kind(Enum):
    """Net promoter score, customer satisfaction, customer effort score."""

    NPS = "NPS"
    CSAT = "CSAT"
    CES = "CES"


class Occasion(Enum):
    """RESOLVED: an enquiry of the customer was resolved."""

    RESOLVED = "RESOLVED"


class SurveyNotFound(NotFound):
    def __init__(self, id: str, path: tuple[str, ...] = ("id",)) -> None:
        super().__init__(f"there is no survey {id[:100]}", path)


class SurveyKeyTaken(AlreadyExists):
    def __init__(self, key: str, version: int) -> None:
        super().__init__(f"there is a survey {key}, at version {version}: name it to change the survey", ("key",))


class StaleVersion(Conflict):
    def __init__(self, key: str, present: int, made_from: int) -> None:
        super().__init__(f"{key} is at version {present}, the change was made from version {made_from}", ("version",))


class SurveyArchived(Conflict):
    def __init__(self, key: str, path: tuple[str, ...] = ("survey_id",)) -> None:
        super().__init__(f"the survey {key} is archived", path)


@dataclass(frozen=True, slots=True)
class Scale:
    """Whole steps from lowest to highest, both of them answers. InvalidInput: hardly a scale, or too long to show."""

    lowest: int
    highest: int

    def __post_init__(self) -> None:
        if not 1 <= self.highest - self.lowest < _MOST_STEPS or self.lowest not in (0, 1):
            raise InvalidInput(f"a scale begins with 0 or 1 and has 2 to {_MOST_STEPS} steps", ("scale",))

    def check(self, value: float) -> None:
        """InvalidInput: it is none of its steps."""
        if not (self.lowest <= value <= self.highest and value == int(value)):
            raise InvalidInput(f"an answer is a whole number from {self.lowest} to {self.highest}", ("score",))


USUAL: Mapping[Kind, Scale] = {Kind.NPS: Scale(0, 10), Kind.CSAT: Scale(1, 5), Kind.CES: Scale(1, 7)}


@dataclass(frozen=True, slots=True)
class Text:
    """What is asked, in one language. follow_up: the open question below it. The labels say what the ends mean."""

    language: str
    question: str
    follow_up: str | None = None
    lowest_label: str | None = None
    highest_label: str | None = None

    def __post_init__(self) -> None:
        if self.language not in LANGUAGES:
            raise InvalidInput(f"a language is one of {', '.join(LANGUAGES)}", ("language",))
        for name, text, most in (
            ("question", self.question, _LONGEST_QUESTION),
            ("follow_up", self.follow_up, _LONGEST_QUESTION),
            ("lowest_label", self.lowest_label, _LONGEST_LABEL),
            ("highest_label", self.highest_label, _LONGEST_LABEL),
        ):
            if text is not None and not (text.strip() and len(text) <= most):
                raise InvalidInput(f"it has 1 to {most} characters", (name,))


@dataclass(frozen=True, slots=True)
class Wording:
    """What was asked from that version of the survey on, until the next."""

    version: int
    since: datetime
    texts: tuple[Text, ...]


@dataclass(frozen=True, slots=True)
class Reminders:
    """So many at most to who did not answer, each so many days after the message before."""

    most: int
    after_days: int

    def __post_init__(self) -> None:
        if not 1 <= self.most <= _MOST_REMINDERS:
            raise InvalidInput(f"1 to {_MOST_REMINDERS} reminders", ("reminders", "most"))
        if not 1 <= self.after_days <= _MOST_DAYS_BETWEEN:
            raise InvalidInput(f"after 1 to {_MOST_DAYS_BETWEEN} days", ("reminders", "after_days"))


@dataclass(frozen=True, slots=True)
class Trigger:
    """share: of the occasions on which customers are invited by themselves, drawn by lot."""

    occasion: Occasion
    share: float

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1:
            raise InvalidInput("a share lies above 0 and goes up to 1", ("trigger", "share"))


@dataclass(frozen=True, slots=True)
class Survey:
    """InvalidInput: what cannot be asked, with the field.

    wordings: oldest first, the last is asked today. days_open: of an invitation. quiet_days: a customer who was invited
    to anything in so many days is left alone.
    """

    id: str
    key: str
    kind: Kind
    scale: Scale
    wordings: tuple[Wording, ...]
    reminders: Reminders | None = None
    days_open: int = 30
    quiet_days: int = 90
    trigger: Trigger | None = None
    active: bool = True
    source: str = "rundblick"
    version: int = 1

    def __post_init__(self) -> None:
        if not _KEY.fullmatch(self.key):
            raise InvalidInput("a key has 1 to 100 small letters, digits, - and _, such as after-service", ("key",))
        if self.kind is Kind.NPS and self.scale != USUAL[Kind.NPS]:
            raise InvalidInput("an NPS is asked on the scale from 0 to 10", ("scale",))
        languages = [text.language for text in self.texts]
        if not languages:
            raise InvalidInput("a survey asks something", ("texts",))
        if len(set(languages)) != len(languages):
            raise InvalidInput("each language comes once", ("texts",))
        for name, days, least, most in (
            ("days_open", self.days_open, 1, _MOST_DAYS_OPEN),
            ("quiet_days", self.quiet_days, 0, _MOST_QUIET_DAYS),
        ):
            if not least <= days <= most:
                raise InvalidInput(f"{least} to {most} days", (name,))
        if self.reminders is not None and self.reminders.most * self.reminders.after_days >= self.days_open:
            raise InvalidInput("the last reminder comes before the invitation expires", ("reminders",))

    @property
    def texts(self) -> tuple[Text, ...]:
        return self.wordings[-1].texts

    def text_in(self, language: str) -> Text:
        """In that language, where it has it."""
        wanted = language.partition("-")[0].lower()
        return next((text for text in self.texts if text.language == wanted), self.texts[0])

    def wording(self, version: int | None) -> Wording:
        """What was asked in that version, today's without one. InvalidInput: there was no such version."""
        if version is None:
            return self.wordings[-1]
        if not 1 <= version <= self.version:
            raise InvalidInput(f"{self.key} has the versions 1 to {self.version}", ("version",))
        return next(one for one in reversed(self.wordings) if one.version <= version)


def defined(said: Survey, known: Survey | None, made_from: int | None) -> Survey:
    """A new survey, or the next version of a known one, active again.

    InvalidInput: its kind or its scale would change. SurveyKeyTaken, SurveyNotFound, StaleVersion.
    """
    if made_from is None:
        if known is not None:
            raise SurveyKeyTaken(known.key, known.version)
        return said
    if known is None:
        raise SurveyNotFound(said.key, ("key",))
    _require(known, made_from)
    for name, was, now in (("kind", known.kind, said.kind), ("scale", known.scale, said.scale)):
        if was != now:
            # Answers on other scales cannot be put together, nor compared.
            raise InvalidInput(f"the {name} of a survey never changes: define another survey", (name,))
    version = known.version + 1
    wordings = known.wordings
    if said.texts != known.texts:
        wordings = (*wordings, replace(said.wordings[-1], version=version))
    return replace(said, id=known.id, source=known.source, wordings=wordings, version=version)


def archived(known: Survey, made_from: int) -> Survey:
    """StaleVersion: somebody else changed it in between."""
    _require(known, made_from)
    return replace(known, active=False, version=known.version + 1)


def _require(known: Survey, made_from: int) -> None:
    if known.version != made_from:
        raise StaleVersion(known.key, known.version, made_from)
