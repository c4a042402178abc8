"""Sentiments of words: from the German Polarity Lexicon, VADER's lexicon, and a small list of our own."""

import importlib.util
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

_WORDS = Path(__file__).with_name("words.yaml")
_OF_PACKAGE = ("textblob_de", "data/de-sentiment.xml")
_ENTRY = re.compile(r'<word [^>]*?form="(?P<form>[^"]+)"[^>]*?polarity="(?P<polarity>[-\d.]+)"')


@dataclass(frozen=True)
class Phrases:
    """Words that follow each other, with what each says; a star at a word's end stands for any ending."""

    said: Sequence[tuple[tuple[str, ...], float]] = ()
    _by_first: dict[str, list[tuple[tuple[str, ...], float]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for phrase, value in self.said:
            self._by_first.setdefault(phrase[0][:3], []).append((phrase, value))

    def at(self, words: Sequence[str], place: int) -> tuple[int, float] | None:
        """How many words the longest phrase that begins there has, and what it says."""
        fitting = [
            (len(phrase), value)
            for phrase, value in self._by_first.get(words[place][:3], ())
            if len(phrase) <= len(words) - place
            and all(_fits(part, word) for part, word in zip(phrase, words[place:], strict=False))
        ]
        return max(fitting, default=None)

    def is_in(self, words: Sequence[str]) -> bool:
        return any(self.at(words, place) is not None for place in range(len(words)))


def _fits(part: str, word: str) -> bool:
    return word.startswith(part[:-1]) if part.endswith("*") else word == part


def parts(phrase: str) -> tuple[str, ...]:
    return tuple(phrase.lower().replace("ß", "ss").replace("'", " ").replace("-", " ").split())


@dataclass(frozen=True)
class Own:
    """Our own list of one language."""

    sentiment: Phrases
    negations: frozenset[str]
    wish: Phrases
    expectation: Phrases
    complaint: Phrases
    question: Phrases


def own(language: str) -> Own:
    said: Mapping[str, Any] = yaml.safe_load(_WORDS.read_text(encoding="utf-8"))[language]
    kinds = {
        name: [(parts(one), 1.0) for one in said[name]] for name in ("wish", "expectation", "complaint", "question")
    }
    return Own(
        sentiment=Phrases([(parts(one), float(value)) for value, some in said["sentiment"].items() for one in some]),
        negations=frozenset(said["negations"]),
        **{name: Phrases(phrases) for name, phrases in kinds.items()},
    )


def german_polarities() -> Mapping[str, float]:
    """form -> -1 ... 1, of the words that have one.

    The lexicon alone is read: the package around it brings taggers and parsers that take a hundred megabytes.
    """
    package, place = _OF_PACKAGE
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(f"{package} is not installed")
    text = Path(spec.submodule_search_locations[0], place).read_text(encoding="utf-8")
    return {
        entry["form"].lower().replace("ß", "ss"): float(entry["polarity"])
        for entry in _ENTRY.finditer(text)
        if float(entry["polarity"]) and "_" not in entry["form"]
    }
