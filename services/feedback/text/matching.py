"""Finds topics in texts: a phrase is there when the stems of its words follow each other in the text."""

import re
from collections.abc import Mapping, Sequence

import snowballstemmer

from services.feedback.topic.domain import LANGUAGES, Topic

_TOKEN = re.compile(r"[^\W_]+")
_NAMES = {"de": "german", "en": "english"}

# (key of the topic, its words as they are looked for)
_Phrase = tuple[str, list[str]]


def tokens(text: str) -> list[str]:
    """Words as people write them, small. Swiss and German spellings are alike."""
    return _TOKEN.findall(text.lower().replace("ß", "ss"))


class Stems:
    """The stems of words. Not for two threads at once."""

    def __init__(self) -> None:
        self._stemmers = {language: snowballstemmer.stemmer(name) for language, name in _NAMES.items()}

    def of(self, language: str, words: Sequence[str]) -> list[str]:
        found: list[str] = self._stemmers[language].stemWords(list(words))
        return found


class Matcher:
    """Of these topics. A language that is not known: the words of all languages are looked for."""

    def __init__(self, topics: Sequence[Topic], stems: Stems) -> None:
        self._stems = stems
        self._phrases = {language: self._of_language(topics, language) for language in LANGUAGES}

    def of(self, words: Sequence[str], language: str | None) -> tuple[str, ...]:
        """The keys of the topics that a text with these words speaks of, sorted."""
        found: set[str] = set()
        for of_language in (language,) if language in LANGUAGES else LANGUAGES:
            by_first, starred = self._phrases[of_language]
            stems = self._stems.of(of_language, words)
            for place, stem in enumerate(stems):
                for key, phrase in (*by_first.get(stem, ()), *starred):
                    if key not in found and _begins(
                        phrase, words[place : place + len(phrase)], stems[place : place + len(phrase)]
                    ):
                        found.add(key)
        return tuple(sorted(found))

    def _of_language(self, topics: Sequence[Topic], language: str) -> tuple[Mapping[str, list[_Phrase]], list[_Phrase]]:
        """By the stem they begin with; those that begin with a star are tried at every word."""
        by_first: dict[str, list[_Phrase]] = {}
        starred: list[_Phrase] = []
        for topic in topics:
            for said in () if topic.archived else topic.words.get(language, ()):
                phrase = self._phrase(language, said)
                (starred if "*" in phrase[0] else by_first.setdefault(phrase[0], [])).append((topic.key, phrase))
        return by_first, starred

    def _phrase(self, language: str, phrase: str) -> list[str]:
        """Its words as they are looked for: stems, but for those with a star."""
        said = phrase.lower().replace("ß", "ss").replace("-", " ").replace("'", " ").split()
        stems = self._stems.of(language, [word.strip("*") for word in said])
        return [word if "*" in word else stem for word, stem in zip(said, stems, strict=True)]


def _begins(phrase: Sequence[str], words: Sequence[str], stems: Sequence[str]) -> bool:
    return len(phrase) == len(words) and all(map(_fits, phrase, words, stems))


def _fits(part: str, word: str, stem: str) -> bool:
    if part.startswith("*"):
        # Anywhere: German puts words before it and endings behind it, as in Schlussrechnungen.
        return part.strip("*") in word
    return word.startswith(part[:-1]) if part.endswith("*") else stem == part
