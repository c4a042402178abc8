"""What a plan says in words, in German and English. Each number in a sentence is a parameter of it."""

from collections.abc import Mapping

from services.metrics.plan.domain import Code, Said

_GERMAN = "de"

_SENTENCES: Mapping[Code, tuple[str, str]] = {
    Code.COST: (
        "A response costs {cost} {unit}, most likely between {lower} and {upper}.",
        "Eine Antwort kostet {cost} {unit}, sehr wahrscheinlich zwischen {lower} und {upper}.",
    ),
    Code.NO_SPEND: (
        "{responses} responses, and no money was spent: there is no cost to compare.",
        "{responses} Antworten, und kein Geld ausgegeben: Es gibt keine Kosten zu vergleichen.",
    ),
    Code.TOO_FEW: (
        "{responses} responses to {spend} {unit} are too few to judge: {needed} are needed.",
        "{responses} Antworten auf {spend} {unit} sind für ein Urteil zu wenige: {needed} sind nötig.",
    ),
    Code.UNCERTAIN: (
        "{responses} responses to {spend} {unit}: on too few days, or in too short a period, to say how sure that is.",
        "{responses} Antworten auf {spend} {unit}: an zu wenigen Tagen oder in zu kurzer Zeit für ein Intervall.",
    ),
    Code.MOVE: (
        "A response costs {from} {unit} here (at least {fromLower}), and {to} there (at most {toUpper}): the same "
        "money brought {times} times as many.",
        "Eine Antwort kostet hier {from} {unit} (mindestens {fromLower}) und dort {to} (höchstens {toUpper}): Dasselbe "
        "Geld brachte dort {times}-mal so viele.",
    ),
    Code.MOVES: (
        "{moves} of {judged} touchpoints cost clearly more per response than the cheapest one.",
        "{moves} von {judged} Kontaktpunkten kosten je Antwort deutlich mehr als der günstigste.",
    ),
    Code.NO_DIFFERENCE: (
        "The costs at {judged} touchpoints do not differ enough: chance alone can do that, so nothing is suggested.",
        "Die Kosten an {judged} Kontaktpunkten unterscheiden sich nicht genug: Das kann auch Zufall sein, also wird "
        "nichts vorgeschlagen.",
    ),
    Code.NOTHING_TO_COMPARE: (
        "{judged} touchpoints have spend and at least {needed} responses; two are needed to compare, so nothing is "
        "suggested.",
        "{judged} Kontaktpunkte haben Ausgaben und mindestens {needed} Antworten; für einen Vergleich sind zwei nötig, "
        "also wird nichts vorgeschlagen.",
    ),
}
# Digits after the point, of what is no money.
_DIGITS = {"responses": 0, "needed": 0, "moves": 0, "judged": 0, "times": 1}


def text(said: Said, unit: str, language: str) -> str:
    """unit: of money. Any other language than German is English."""
    german = language == _GERMAN
    numbers = {name: _shown(name, number, german) for name, number in said.numbers.items()}
    return _SENTENCES[said.code][german].format(**numbers, unit=unit)


def _shown(name: str, number: float, german: bool) -> str:
    shown = f"{number:,.{_DIGITS.get(name, 2)}f}"
    return shown.translate(str.maketrans(",.", ".,")) if german else shown
