"""What warnings of campaigns say in words, in German and English. Each number in a sentence is a parameter of it."""

from collections.abc import Mapping

from services.metrics.campaign.domain import Code, Warned

_GERMAN = "de"

_SENTENCES: Mapping[Code, tuple[str, str]] = {
    Code.BUDGET_UNUSED: (
        "{elapsedShare} of the time is over, but only {spent} of {budget} {currency} is spent: {unused} is unused.",
        "{elapsedShare} der Zeit sind um, aber nur {spent} von {budget} {currency} sind ausgegeben: {unused} sind "
        "ungenutzt.",
    ),
    Code.SPEND_WITHOUT_RESPONSE: (
        "{spent} of {budget} {currency} is spent, and after {days} days no customer has answered.",
        "{spent} von {budget} {currency} sind ausgegeben, und nach {days} Tagen hat kein Kunde geantwortet.",
    ),
    Code.GOAL_AT_RISK: (
        "{kpi} is at {value}; {target} is to be reached by {dueOn}, and {expected} would be in step with that.",
        "{kpi} steht bei {value}; {target} sollen bis {dueOn} erreicht sein, und {expected} wären dafür nötig.",
    ),
    Code.OVERSPENT: (
        "{spent} {currency} is spent, {over} more than the budget of {budget}.",
        "{spent} {currency} sind ausgegeben, {over} mehr als das Budget von {budget}.",
    ),
}
_WHOLE = frozenset({"days"})
_MONEY = frozenset({"spent", "budget", "unused", "over"})
_SHARES = frozenset({"elapsedShare"})


def text(warned: Warned, language: str) -> str:
    """Any other language than German is English."""
    german = language == _GERMAN
    numbers = {name: _shown(name, number, german) for name, number in warned.numbers.items()}
    return _SENTENCES[warned.code][german].format(**numbers, **warned.words)


def _shown(name: str, number: float, german: bool) -> str:
    if name in _WHOLE:
        return f"{number:.0f}"
    if name in _SHARES:
        return f"{100 * number:.0f} %"
    shown = f"{number:,.2f}" if name in _MONEY else f"{number:,.4g}"
    return shown.translate(str.maketrans(",.", ".,")) if german else shown
