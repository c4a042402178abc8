"""Reads German and English texts with libraries that need nothing but what is installed."""

import asyncio
import math
import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence

from py3langid.langid import MODEL_FILE, LanguageIdentifier
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from services.feedback.feedback.domain import Analysed, FeedbackKind
from services.feedback.text.domain import Analysis
from services.feedback.text.lexicon import german_polarities, own
from services.feedback.text.matching import Matcher, Stems, tokens
from services.feedback.topic.domain import Topic

# Texts of other languages are told apart from German and English, and are given no sentiment.
_LANGUAGES = ("de", "en", "fr", "it", "es", "nl", "pl", "pt", "cs", "tr")
# So much surer another language must be than German or English.
_MARGIN = 8.0
_SENTENCE = re.compile(r"[^.!?]+[.!?]*")
# A negation turns what stands so many words after it, and in German before it, by as much as VADER has it.
_REACH = 3
_TURNED = -0.74
# What a word says at most, and how sums become -1 ... 1, likewise.
_STRONGEST = 4.0
_ALPHA = 15.0
_NEUTRAL = 0.05
# What is wished for, expected or asked praises and blames less than what is stated: "would be great" is no praise.
_NOT_STATED = 0.2
# Whoever says that something is not so, and nothing else, is rather disappointed.
_NOT_SO = -1.5


class LibraryAnalysis:
    """Not for two threads at once."""

    def __init__(self) -> None:
        self._identifier = LanguageIdentifier.from_model_file(MODEL_FILE)
        self._identifier.set_languages(list(_LANGUAGES))
        self._stems = Stems()
        self._own = {language: own(language) for language in ("de", "en")}
        self._german = self._stemmed(german_polarities())
        self._english = SentimentIntensityAnalyzer()
        self._matcher: tuple[tuple[Topic, ...], Matcher] = ((), Matcher((), self._stems))

    def of(self, text: str, topics: Sequence[Topic]) -> Analysed:
        words = tokens(text)
        language = self._language(text)
        sentiment = self._sentiment(text, words, language)
        return Analysed(
            kind=self._kind(text, words, language, sentiment),
            language=language,
            sentiment=sentiment,
            topics=self._topics(topics).of(words, language),
        )

    def _language(self, text: str) -> str | None:
        ranked = self._identifier.rank(text)
        (best, score), *_ = ranked
        if best in self._own:
            return str(best)
        ours, of_ours = next((name, value) for name, value in ranked if name in self._own)
        return str(ours) if score - of_ours < _MARGIN else str(best)

    def _topics(self, topics: Sequence[Topic]) -> Matcher:
        known, matcher = self._matcher
        if tuple(topics) != known:
            matcher = Matcher(topics, self._stems)
            self._matcher = tuple(topics), matcher
        return matcher

    def _stemmed(self, polarities: Mapping[str, float]) -> dict[str, float]:
        return dict(zip(self._stems.of("de", list(polarities)), polarities.values(), strict=True)) | dict(polarities)

    def _sentiment(self, text: str, words: Sequence[str], language: str | None) -> float | None:
        if language not in self._own or not words:
            return None
        said = sum(self._of_sentence(sentence, language) for sentence in _SENTENCE.findall(text))
        return round(said / math.sqrt(said * said + _ALPHA), 3)

    def _of_sentence(self, text: str, language: str) -> float:
        words, own = tokens(text), self._own[language]
        said = sum(self._said(words, language))
        if language == "en":
            said += _summed(self._english.polarity_scores(text)["compound"])
        if text.endswith("?") or own.wish.is_in(words) or own.expectation.is_in(words):
            return said * _NOT_STATED
        return said if said or own.negations.isdisjoint(words) else _NOT_SO

    def _said(self, words: Sequence[str], language: str) -> Iterator[float]:
        """What each word or phrase says, turned where it is negated. VADER has its own words, and its own negations."""
        own = self._own[language]
        lexicon = self._german if language == "de" else {}
        stems = self._stems.of(language, words) if lexicon else words
        place = 0
        while place < len(words):
            known = own.sentiment.at(words, place)
            length, value = known or (1, lexicon.get(words[place], lexicon.get(stems[place], 0.0)))
            if known is None and words[place] in own.negations:
                value = 0.0
            if value:
                around = [*words[max(0, place - _REACH) : place], *words[place + length : place + length + _REACH]]
                negated = language == "de" and not own.negations.isdisjoint(around)
                # "Not good" is bad, but "not delivered for months" is not good.
                yield value * _STRONGEST * ((_TURNED if value > 0 else 0.0) if negated else 1.0)
            place += length

    def _kind(self, text: str, words: Sequence[str], language: str | None, sentiment: float | None) -> FeedbackKind:
        own = self._own.get(language or "")
        asks = text.rstrip().endswith("?")
        feeling = sentiment or 0.0
        if own is not None:
            if feeling < _NEUTRAL and own.complaint.is_in(words):
                return FeedbackKind.COMPLAINT
            if own.wish.is_in(words):
                return FeedbackKind.WISH
            if own.expectation.is_in(words):
                return FeedbackKind.EXPECTATION
            asks = asks or own.question.at(words, 0) is not None
        if asks:
            return FeedbackKind.QUESTION
        return FeedbackKind.PRAISE if feeling > _NEUTRAL else FeedbackKind.PROBLEM


def _summed(compound: float) -> float:
    """The sum that VADER made its number of."""
    return compound * math.sqrt(_ALPHA / (1 - min(compound * compound, 0.9999)))


class Reading:
    """Reads texts beside the event loop. make: what reads them; it takes a second, so the first text waits for it."""

    def __init__(self, make: Callable[[], Analysis] = LibraryAnalysis) -> None:
        self._make = make
        self._analysis: Analysis | None = None
        self._one_at_a_time = threading.Lock()

    async def of(self, texts: Sequence[str | None], topics: Sequence[Topic]) -> list[Analysed]:
        """Of each text; without one it is a rating."""
        if not any(texts):
            return [Analysed(FeedbackKind.RATING)] * len(texts)
        return await asyncio.to_thread(self._read, list(texts), tuple(topics))

    def _read(self, texts: Sequence[str | None], topics: Sequence[Topic]) -> list[Analysed]:
        with self._one_at_a_time:
            if self._analysis is None:
                self._analysis = self._make()
            analysis = self._analysis
            return [analysis.of(text, topics) if text else Analysed(FeedbackKind.RATING) for text in texts]
