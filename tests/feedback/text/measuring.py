"""Holds what is read in texts against what people say of them."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from services.feedback.feedback.domain import Analysed
from services.feedback.text.domain import Analysis

_LABELLED = Path(__file__).parent / "labelled"
LANGUAGES = ("de", "en")
# Between these a text says nothing good or bad.
NEUTRAL = 0.2


@dataclass
class Measured:
    """confusion: (what people say, what was read) -> texts; of sentiments. majority: of the most frequent label."""

    texts: int = 0
    language: int = 0
    sentiment: int = 0
    kind: int = 0
    confusion: Counter[tuple[str, str]] = field(default_factory=Counter)
    sentiments: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)

    def share(self, right: int) -> float:
        return right / self.texts

    @property
    def majority(self) -> float:
        return self.share(max(self.sentiments.values()))

    @property
    def majority_of_kinds(self) -> float:
        return self.share(max(self.kinds.values()))


def labelled(language: str, part: str) -> list[tuple[str, str, str]]:
    """(sentiment, kind, text). part: tuning, or held_out."""
    rows = yaml.safe_load((_LABELLED / f"{language}.yaml").read_text(encoding="utf-8"))[part]
    return [(sentiment, kind, text) for sentiment, kind, text in rows]


def sentiment_of(said: Analysed) -> str:
    if said.sentiment is None or abs(said.sentiment) < NEUTRAL:
        return "NEUTRAL"
    return "POSITIVE" if said.sentiment > 0 else "NEGATIVE"


def measured(analysis: Analysis, language: str, part: str) -> Measured:
    result = Measured()
    for sentiment, kind, text in labelled(language, part):
        said = analysis.of(text, ())
        result.texts += 1
        result.language += said.language == language
        result.sentiment += sentiment_of(said) == sentiment
        result.kind += said.kind.value == kind
        result.confusion[sentiment, sentiment_of(said)] += 1
        result.sentiments[sentiment] += 1
        result.kinds[kind] += 1
    return result
