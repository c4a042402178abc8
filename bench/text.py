"""How well texts of customers are read: on 400 German and English ones that people labelled, and how long it takes.

    python -m bench.text                        # writes bench/results/<date>-text.json; some seconds

Half of the texts were looked at while the word lists were made (tuning); what counts are the others (held_out). The
same hand wrote texts, labels and word lists: what customers write is read somewhat worse.
"""

import gc
import sys
import time
from collections.abc import Mapping

import psutil

from bench import report
from services.feedback.text.analysing import LibraryAnalysis
from tests.feedback.text.measuring import LANGUAGES, Measured, labelled, measured

_ROUNDS = 5


def _figures(of: Measured) -> Mapping[str, object]:
    names = ("NEGATIVE", "NEUTRAL", "POSITIVE")
    return {
        "texts": of.texts,
        "language_right": of.share(of.language),
        "sentiment_right": of.share(of.sentiment),
        "sentiment_majority_baseline": of.majority,
        "kind_right": of.share(of.kind),
        "kind_majority_baseline": of.majority_of_kinds,
        "confusion": {said: {read: of.confusion[said, read] for read in names} for said in names},
    }


def main() -> int:
    process = psutil.Process()
    gc.collect()
    before, begun = process.memory_info().rss, time.perf_counter()
    analysis = LibraryAnalysis()
    made = time.perf_counter() - begun
    gc.collect()
    held = process.memory_info().rss - before
    texts = [text for language in LANGUAGES for part in ("tuning", "held_out") for *_, text in labelled(language, part)]
    begun = time.perf_counter()
    for _ in range(_ROUNDS):
        for text in texts:
            analysis.of(text, ())
    spent = (time.perf_counter() - begun) / (_ROUNDS * len(texts))
    results = {
        language: {part: _figures(measured(analysis, language, part)) for part in ("held_out", "tuning")}
        for language in LANGUAGES
    }
    figures = {
        "seconds_to_load": round(made, 2),
        "megabytes_held": round(held / 1e6, 1),
        "milliseconds_per_text": round(spent * 1000, 3),
        **results,
    }
    report.write("text", "python -m bench.text", figures)
    return 0


if __name__ == "__main__":
    sys.exit(main())
