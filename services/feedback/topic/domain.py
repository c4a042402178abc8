"""A topic: what feedback can be about, found by words and phrases that the company declares for each language."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from chassis.errors import AlreadyExists, Conflict, InvalidInput, NotFound

PREFIX = "top"
LANGUAGES = ("de", "en")
LONGEST_NAME = 200
LONGEST_WORD = 80
MOST_WORDS = 200

_KEY = re.compile(r"[a-z][a-z0-9_]{0,59}")
# A star stands for any letters before or behind a word, so that *rechnung is found in Schlussrechnung.
_WORD = re.compile(r"\*?[^\W_]+\*?([ '-]+\*?[^\W_]+\*?)*")

# language -> words and phrases
Words = Mapping[str, tuple[str, ...]]


class TopicNotFound(NotFound):
    def __init__(self, key: str, path: tuple[str, ...] = ("key",)) -> None:
        super().__init__(f"there is no topic {key}", path)


class TopicExists(AlreadyExists):
    def __init__(self, key: str) -> None:
        super().__init__(f"there is a topic {key} already: name the version that is to be changed", ("version",))


class StaleTopic(Conflict):
    def __init__(self, key: str, present: int, made_from: int) -> None:
        super().__init__(f"{key} is at version {present}, the change was made from version {made_from}", ("version",))


@dataclass(frozen=True, slots=True)
class Topic:
    """InvalidInput: what cannot be a topic, with the field. id: follows from the key. archived: found no more."""

    id: str
    key: str
    name: str
    words: Words = field(default_factory=dict)
    archived: bool = False
    version: int = 1

    def __post_init__(self) -> None:
        if not _KEY.fullmatch(self.key):
            raise InvalidInput("a key is like late_delivery", ("key",))
        if not 1 <= len(self.name.strip()) <= LONGEST_NAME:
            raise InvalidInput(f"a name has 1 to {LONGEST_NAME} characters", ("name",))
        for language, words in self.words.items():
            if language not in LANGUAGES:
                raise InvalidInput(f"words are known of {', '.join(LANGUAGES)}", ("words", "language"))
            if len(words) > MOST_WORDS:
                raise InvalidInput(f"at most {MOST_WORDS} words of a language", ("words", language))
            for word in words:
                if len(word) > LONGEST_WORD or not _WORD.fullmatch(word):
                    raise InvalidInput(f"{word[:LONGEST_WORD]!r} is no word or phrase", ("words", language))


def defined(known: Topic | None, said: Topic, made_from: int | None) -> Topic:
    """The topic as it is from now on; the same one when nothing is new.

    TopicExists: it is changed without naming its version. StaleTopic: somebody else changed it since.
    """
    if known is None:
        return said
    wanted = replace(known, name=said.name, words=said.words, archived=False)
    if wanted == known:
        return known
    if made_from is None:
        raise TopicExists(known.key)
    if made_from != known.version:
        raise StaleTopic(known.key, known.version, made_from)
    return replace(wanted, version=known.version + 1)


def archived(known: Topic) -> Topic:
    return known if known.archived else replace(known, archived=True, version=known.version + 1)
