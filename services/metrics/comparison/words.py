"""What a comparison says in words, in German and English. Each number in a sentence is a field of the comparison."""

from collections.abc import Mapping
from dataclasses import dataclass

from services.metrics.comparison.domain import Finding, Measure

ENGLISH, GERMAN = "en", "de"


@dataclass(frozen=True, slots=True)
class Said:
    """parameters: as numbers are written in programs; names are those of the fields."""

    code: str
    parameters: Mapping[str, str]
    text: str


# Of a field: how its number is shown. Without an entry, three significant digits.
_WHOLE = frozenset({"nBaseline", "nCurrent", "dates", "followUpDays"})
_SHARES = frozenset({"baselineShare", "currentShare", "shareDifference", "share"})

_SENTENCES: Mapping[str, tuple[str, str]] = {
    "IMPROVED": (
        "Better: the effect is {effect} (interval {lower} to {upper}), more than the {needed} by which other dates are "
        "exceeded; {dates} of them were tried.",
        "Besser: Der Effekt ist {effect} (Intervall {lower} bis {upper}), mehr als die {needed}, die gegen andere Tage "
        "nötig sind; {dates} davon wurden geprüft.",
    ),
    "WORSENED": (
        "Worse: the effect is {effect} (interval {lower} to {upper}), more than the {needed} by which other dates are "
        "exceeded; {dates} of them were tried.",
        "Schlechter: Der Effekt ist {effect} (Intervall {lower} bis {upper}), mehr als die {needed}, die gegen andere "
        "Tage nötig sind; {dates} davon wurden geprüft.",
    ),
    "TOO_FEW": (
        "Too little to compare: {nBaseline} observations before, {nCurrent} after.",
        "Zu wenig zum Vergleichen: {nBaseline} Beobachtungen vorher, {nCurrent} nachher.",
    ),
    "NO_INTERVAL": (
        "Too many days have no value at all: nothing can be said about the effect.",
        "Zu viele Tage haben gar keinen Wert: Über den Effekt lässt sich nichts sagen.",
    ),
    "TOO_WIDE": (
        "The effect could be a relevant gain as well as a relevant loss: {effect}, between {lower} and {upper}.",
        "Der Effekt kann ein nennenswerter Gewinn wie auch ein nennenswerter Verlust sein: {effect}, zwischen {lower} "
        "und {upper}.",
    ),
    "HISTORY_TOO_SHORT": (
        "The effect is {effect} (interval {lower} to {upper}), but the history is too short to know by how much this "
        "figure moves on its own.",
        "Der Effekt ist {effect} (Intervall {lower} bis {upper}), aber die Vorgeschichte ist zu kurz, um zu wissen, "
        "wie sehr sich diese Kennzahl von selbst bewegt.",
    ),
    "INTERVAL_HOLDS_ZERO": (
        "No evidence of a change: the effect is {effect}, and its interval from {lower} to {upper} allows for none.",
        "Kein Beleg für eine Änderung: Der Effekt ist {effect}, und sein Intervall von {lower} bis {upper} lässt zu, "
        "dass es keiner ist.",
    ),
    "AS_AT_OTHER_DATES": (
        "No evidence of a change: the effect is {effect}, and at {dates} other dates this figure moved about as much "
        "on its own; it would have to exceed {needed}.",
        "Kein Beleg für eine Änderung: Der Effekt ist {effect}, und an {dates} anderen Tagen bewegte sich diese "
        "Kennzahl von selbst etwa so sehr; er müsste {needed} übersteigen.",
    ),
    "OPEN_WAITS_DISAGREE": (
        "Open waits say the opposite of those that ended: {openEffect} with them, {effectSize} among those that ended.",
        "Offene Wartezeiten sagen das Gegenteil der beendeten: {openEffect} mit ihnen, {effectSize} unter den "
        "beendeten.",
    ),
    "SHARE_DISAGREES": (
        "Waits and targets say the opposite: the effect on waits is {openEffect}, the share answered in time moved "
        "by {shareDifference}.",
        "Wartezeiten und Ziele sagen das Gegenteil: Der Effekt auf die Wartezeiten ist {openEffect}, der Anteil der "
        "rechtzeitig Beantworteten änderte sich um {shareDifference}.",
    ),
    "SIMPSON": (
        "Overall the effect is {overall}, with the mix held constant it is {effect}: the mix has changed, not the "
        "figure.",
        "Insgesamt ist der Effekt {overall}, bei gleicher Mischung {effect}: Geändert hat sich die Mischung, nicht die "
        "Kennzahl.",
    ),
    "SEASON": (
        "The same happened a year before: {season} then, {effect} now.",
        "Dasselbe geschah ein Jahr zuvor: {season} damals, {effect} jetzt.",
    ),
    "TREND_BEFORE": (
        "It was moving this way before already: trend {tau}, p {trendPValue}.",
        "Es bewegte sich schon vorher in diese Richtung: Trend {tau}, p {trendPValue}.",
    ),
    "CONTROL_MOVED_TOO": (
        "Where nothing was changed it moved as well: the effect is {effect}, of which {control} is left beyond that.",
        "Auch wo nichts geändert wurde, bewegte es sich: Der Effekt ist {effect}, davon bleibt darüber hinaus "
        "{control}.",
    ),
    "SMALL_SAMPLE": (
        "Small samples: {nBaseline} before, {nCurrent} after.",
        "Kleine Stichproben: {nBaseline} vorher, {nCurrent} nachher.",
    ),
    "MIX_SHIFT": (
        "The mix has changed, which alone would have moved the value by {mixShift}.",
        "Die Mischung hat sich geändert; das allein hätte den Wert um {mixShift} bewegt.",
    ),
    "SHARE_IN_TIME": (
        "Of those due, {baselineShare} were answered in time before and {currentShare} after, both seen {followUpDays} "
        "days after their end.",
        "Von den fälligen wurden vorher {baselineShare} rechtzeitig beantwortet und nachher {currentShare}, beide "
        "{followUpDays} Tage nach ihrem Ende betrachtet.",
    ),
    "OTHER_CHANGES": (
        "Within the two periods there were other changes: {names}.",
        "In den beiden Zeiträumen gab es weitere Änderungen: {names}.",
    ),
}

_OF_MEASURE: Mapping[Measure, tuple[str, str]] = {
    Measure.OPEN_DELTA: (
        "An effect above zero means that waits became longer.",
        "Ein Effekt über null heißt, dass Wartezeiten länger wurden.",
    ),
    Measure.DELTA: ("An effect above zero means that values rose.", "Ein Effekt über null heißt, dass Werte stiegen."),
    Measure.SHARE: ("The effect is a difference of shares.", "Der Effekt ist eine Differenz von Anteilen."),
    Measure.LOG_RATE: (
        "The effect is the logarithm of the ratio of counts a day.",
        "Der Effekt ist der Logarithmus des Verhältnisses der Anzahlen je Tag.",
    ),
    Measure.DIFFERENCE: (
        "The effect is a difference in the unit of the figure.",
        "Der Effekt ist eine Differenz in der Einheit der Kennzahl.",
    ),
}


def shown(name: str, number: float, language: str) -> str:
    """As people read it: three significant digits, shares in percent, the language's decimal sign."""
    if name in _WHOLE:
        return f"{number:.0f}"
    text = f"{_digits(100 * number)} %" if name in _SHARES else _digits(number)
    return text.replace(".", ",") if language == GERMAN else text


def _digits(number: float) -> str:
    if abs(number) >= 100:
        return f"{number:.0f}"
    text = f"{number:.3g}"
    return text if "e" not in text else f"{number:.1e}"


def say(finding: Finding, language: str) -> Said:
    """Any other language than German is English."""
    german = language == GERMAN
    sentence = _SENTENCES[finding.code][1 if german else 0]
    numbers = {name: shown(name, number, GERMAN if german else ENGLISH) for name, number in finding.numbers.items()}
    parameters = {name: repr(float(number)) for name, number in finding.numbers.items()} | dict(finding.words)
    return Said(finding.code, parameters, sentence.format(**numbers, **finding.words))


def of_measure(measure: Measure, language: str) -> Said:
    """What the sign of the effect means."""
    return Said(f"MEASURE_{measure.value}", {}, _OF_MEASURE[measure][1 if language == GERMAN else 0])


CODES = frozenset(_SENTENCES)
