"""What an uplift says in words, in German and English. Each number in a sentence is a parameter of it."""

from collections.abc import Mapping

from services.metrics.offer.domain import Because

_GERMAN = "de"

_SENTENCES: Mapping[str, tuple[str, str]] = {
    "TOO_FEW": (
        "{treated} customers with the offer and {control} without are too few: {needed} in each group are needed.",
        "{treated} Kunden mit dem Angebot und {control} ohne sind zu wenige: Je Gruppe sind {needed} nötig.",
    ),
    "MORE": (
        "{treated} of those with the offer converted, and {control} of those who were left out by lot.",
        "{treated} derer mit dem Angebot haben gekauft, und {control} derer, die das Los ausgelassen hat.",
    ),
    "FEWER": (
        "Only {treated} of those with the offer converted, but {control} of those who were left out by lot.",
        "Nur {treated} derer mit dem Angebot haben gekauft, aber {control} derer, die das Los ausgelassen hat.",
    ),
    "NO_DIFFERENCE": (
        "{treated} of those with the offer converted, {control} of those without: chance alone can do that.",
        "{treated} derer mit dem Angebot haben gekauft, {control} derer ohne: Das kann auch Zufall sein.",
    ),
    "DIFFERENCE": (
        "The difference is {difference} points, most likely between {lower} and {upper} (p {pValue}).",
        "Der Unterschied beträgt {difference} Punkte, sehr wahrscheinlich {lower} bis {upper} (p {pValue}).",
    ),
}
_WHOLE = frozenset({"needed"})
_POINTS = frozenset({"difference", "lower", "upper"})


def text(because: Because, language: str) -> str:
    """Any other language than German is English."""
    german = language == _GERMAN
    whole = because.code == "TOO_FEW"
    shown = {name: _shown(name, number, german, whole=whole) for name, number in because.numbers.items()}
    return _SENTENCES[because.code][german].format(**shown)


def _shown(name: str, number: float, german: bool, *, whole: bool) -> str:
    if whole or name in _WHOLE:
        return f"{number:.0f}"
    if name == "pValue":
        said = f"= {number:.3f}" if number >= 0.001 else "< 0.001"
    else:
        said = f"{100 * number:+.1f}" if name in _POINTS else f"{100 * number:.1f} %"
    return said.replace(".", ",") if german else said
