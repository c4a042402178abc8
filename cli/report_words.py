"""Numbers and words of a report, in English and German."""

import math
from datetime import date

from cli.report_model import LEVEL, NO_EVIDENCE, NOT_COMPARABLE, Effect, Figure, Look, Month, Report

LANGUAGES = ("en", "de")

WORDS: dict[str, tuple[str, str]] = {
    "title": ("Report of {month}", "Bericht für {month}"),
    "against": (
        "{month}, held against {previous} and {year}.",
        "{month}, verglichen mit {previous} und {year}.",
    ),
    "running": ("{month} is not over yet.", "{month} ist noch nicht vorbei."),
    "looks": (
        "{looks} comparisons were made, {tested} of them with a p-value. So many looks find something by chance; "
        "therefore the p-values are adjusted (Holm), and better or worse is said only below {level}.",
        "{looks} Vergleiche wurden gezogen, {tested} davon mit einem p-Wert. So viele Blicke finden auch durch Zufall "
        "etwas; darum sind die p-Werte angepasst (Holm), und besser oder schlechter heißt es nur unter {level}.",
    ),
    "nothing": ("Nothing has any data in this month.", "In diesem Monat hat nichts Daten."),
    "overview": ("At a glance", "Auf einen Blick"),
    "kpi": ("Key figure", "Kennzahl"),
    "value": ("Value", "Wert"),
    "touchpoint": ("Touchpoint", "Kontaktpunkt"),
    "with": ("Held against", "Verglichen mit"),
    "then": ("Then", "Damals"),
    "now": ("Now", "Jetzt"),
    "n": ("Observations", "Beobachtungen"),
    "effect": ("Effect", "Effekt"),
    "verdict": ("Verdict", "Urteil"),
    "because": ("Because", "Begründung"),
    "all": ("All", "Alle"),
    "unknown": ("not known", "nicht bekannt"),
    "fell": (
        "Did not survive the adjustment: taken alone it would be “{verdict}”.",
        "Hielt der Anpassung nicht stand: Für sich genommen wäre es „{verdict}“.",
    ),
    "adjusted": ("adjusted p {p}", "angepasstes p {p}"),
    "weekly": ("{name}, week by week", "{name}, Woche für Woche"),
    "weekly_of": (
        "From {first} to {last}. {month}: {now}; {previous}: {then}; {year}: {earlier}.",
        "Von {first} bis {last}. {month}: {now}; {previous}: {then}; {year}: {earlier}.",
    ),
    "legend": ("Line: weeks. Shaded: the months compared.", "Linie: Wochen. Hinterlegt: die verglichenen Monate."),
    "bars": ("Bars: their values.", "Balken: deren Werte."),
    "bars_a_week": ("Bars: their values, a week.", "Balken: deren Werte je Woche."),
    "rest": (
        "{count} more comparisons, in which nothing was found",
        "{count} weitere Vergleiche, in denen nichts gefunden wurde",
    ),
    "target": ("target {value}", "Ziel {value}"),
    "dashed": ("Dashed: {target}.", "Gestrichelt: {target}."),
    "target_apart": (
        "The {target} is meant for a period of another length, and is not drawn.",
        "Das {target} gilt für einen Zeitraum anderer Länge und ist nicht eingezeichnet.",
    ),
    "effects": ("{name}: effects against {month}", "{name}: Effekte gegenüber {month}"),
    "effects_legend": (
        "Effects: the mark is the effect, the line its interval; grey: no evidence, or too little data. {measure}",
        "Effekte: Zeichen mit Intervall als Linie; grau: kein Beleg oder zu wenig Daten. {measure}",
    ),
    "better": ("better", "besser"),
    "worse": ("worse", "schlechter"),
    "empty": ("no values", "keine Werte"),
    "foot_now": (
        "As things stand when it is asked for: what comes in later changes it.",
        "Nach dem Stand, zu dem gefragt wird: Was später eingeht, ändert ihn.",
    ),
    "foot_as_of": (
        "As things stood when {day} began, 31 days after the end of the month: asked again later, it stays the same.",
        "Nach dem Stand zu Beginn des {day}, 31 Tage nach Ende des Monats: Später erneut gefragt, bleibt er derselbe.",
    ),
    "foot_settles": (
        "Asked for from {day} on, it looks at how things stood when that day began, and stays the same from then on.",
        "Ab dem {day} gefragt, gilt der Stand zu Beginn dieses Tages, und er bleibt von da an derselbe.",
    ),
    "foot_zone": ("Days begin as in {zone}.", "Tage beginnen wie in {zone}."),
}
VERDICTS: dict[str, tuple[str, tuple[str, str]]] = {
    "IMPROVED": ("▲", ("better", "besser")),
    "WORSENED": ("▼", ("worse", "schlechter")),
    "CONFLICTING": ("◆", ("conflicting", "widersprüchlich")),
    NO_EVIDENCE: ("○", ("no evidence", "kein Beleg")),
    "INSUFFICIENT_DATA": ("×", ("too little data", "zu wenig Daten")),
    NOT_COMPARABLE: ("–", ("not comparable", "nicht vergleichbar")),
}
_MEASURES: dict[str, tuple[str, str]] = {
    "OPEN_DELTA": (
        "The effect lies between −1 and 1; above zero, waits became longer.",
        "Der Effekt liegt zwischen −1 und 1; über null wurden Wartezeiten länger.",
    ),
    "DELTA": (
        "The effect lies between −1 and 1; above zero, values rose.",
        "Der Effekt liegt zwischen −1 und 1; über null stiegen Werte.",
    ),
    "SHARE": ("The effect is in percentage points.", "Der Effekt ist in Prozentpunkten."),
    "LOG_RATE": (
        "The effect is the change of the count a day; sentences name its natural logarithm.",
        "Der Effekt ist die Änderung der Anzahl je Tag; Sätze nennen ihren natürlichen Logarithmus.",
    ),
    "DIFFERENCE": ("The effect is in the unit of the figure.", "Der Effekt ist in der Einheit der Kennzahl."),
}
_MONTHS = (
    ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
     "December"),
    ("Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober", "November",
     "Dezember"),
)  # fmt: skip
_DURATIONS = (
    (86_400, ("d", "T"), 3_600, ("h", "Std")),
    (3_600, ("h", "Std"), 60, ("min", "min")),
    (60, ("min", "min"), 1, ("s", "s")),
)
_UNITS = {"d": ("d", "T"), "h": ("h", "Std")}


def clean(text: str) -> str:
    """Of a name that somebody gave: nothing that moves a cursor, turns writing around or is not allowed in XML."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())


class Language:
    """What is said, and how numbers are written."""

    def __init__(self, language: str) -> None:
        self.code = language
        self._place = LANGUAGES.index(language)

    def __call__(self, name: str, /, **values: str) -> str:
        return WORDS[name][self._place].format(**values)

    def verdict(self, verdict: str) -> str:
        return VERDICTS[verdict][1][self._place]

    def marked(self, verdict: str) -> str:
        return f"{VERDICTS[verdict][0]} {self.verdict(verdict)}"

    def measure(self, measure: str | None) -> str:
        return _MEASURES[measure][self._place] if measure in _MEASURES else ""

    def month(self, month: Month) -> str:
        return f"{_MONTHS[self._place][month.month - 1]} {month.year}"

    def short_month(self, month: Month) -> str:
        return _MONTHS[self._place][month.month - 1][:3]

    def day(self, day: date) -> str:
        return day.isoformat() if self.code == "en" else f"{day.day}.{day.month}.{day.year}"

    def number(self, number: float, digits: int = 3) -> str:
        size = abs(number)
        if size >= 100 or number == int(number):
            text = f"{number:,.0f}"
        else:
            places = digits - 1 - math.floor(math.log10(size))
            text = f"{number:.{min(max(places, 0), 9)}f}"
            text = text.rstrip("0").rstrip(".") if "." in text else text
        text = text.replace("-", "−") if float(text.replace(",", "")) else "0"
        return text if self.code == "en" else text.translate(str.maketrans(",.", ".,"))

    def duration(self, seconds: float) -> str:
        """The two largest parts; what is left over is rounded."""
        sign, seconds = ("−" if seconds < 0 else ""), abs(seconds)
        for length, unit, part, smaller in _DURATIONS:
            whole = round(seconds / part) * part
            if whole >= length:
                rest = round(whole % length / part)
                more = f" {rest} {smaller[self._place]}" if rest else ""
                return f"{sign}{whole // length} {unit[self._place]}{more}"
        return f"{sign if seconds else ''}{self.number(seconds, 2)} s"

    def value(self, value: float | None, figure: Figure) -> str:
        if value is None:
            return "–"
        if figure.aggregation == "RATE":
            return f"{self.number(100 * value)} %"
        if figure.unit == "s":
            return self.duration(value)
        if figure.unit == "1":
            return self.number(value)
        known = _UNITS.get(figure.unit)
        return f"{self.number(value)} {known[self._place] if known else clean(figure.unit)}"

    def of_effect(self, value: float, measure: str | None, figure: Figure) -> str:
        """With its sign, in what people think in."""
        if measure == "LOG_RATE":
            text = f"{self.number(100 * math.expm1(min(value, 50.0)), 2)} %"
        elif measure == "SHARE":
            text = f"{self.number(100 * value, 2)} {('pp', 'Pp')[self._place]}"
        elif measure == "DIFFERENCE":
            text = self.value(value, figure)
        else:
            text = self.number(value, 2)
        return f"+{text}" if value > 0 and any(sign in text for sign in "123456789") else text

    def effect(self, effect: Effect | None, measure: str | None, figure: Figure) -> str:
        if effect is None:
            return "–"
        text = self.of_effect(effect.value, measure, figure)
        if effect.lower is None or effect.upper is None:
            return text
        bounds = [self.of_effect(bound, measure, figure) for bound in (effect.lower, effect.upper)]
        return f"{text} ({bounds[0]} … {bounds[1]})"

    def notes(self, look: Look) -> list[str]:
        """What is to be known beside the reason."""
        found = [self("fell", verdict=self.verdict(look.verdict))] if look.fell else []
        return found + [clean(one) for one in look.warnings]

    def p(self, look: Look) -> str:
        if look.p_adjusted is None:
            return ""
        text = "< " + self.number(0.001) if look.p_adjusted < 0.001 else self.number(round(look.p_adjusted, 3), 2)
        return self("adjusted", p=text)


def head(report: Report, words: Language) -> list[str]:
    month = words.month(report.month)
    months = {"previous": words.month(report.month.plus(-1)), "year": words.month(report.month.plus(-12))}
    said = [words("against", month=month, **months)]
    if not report.over:
        said.append(words("running", month=month))
    counts = {"looks": words.number(len(report.looks)), "tested": words.number(report.tested)}
    return [*said, words("looks", **counts, level=words.number(LEVEL))]


def foot(report: Report, words: Language) -> list[str]:
    zone = words("foot_zone", zone=report.zone)
    if report.as_of is not None:
        return [words("foot_as_of", day=words.day(report.as_of)), zone]
    return [words("foot_now"), words("foot_settles", day=words.day(report.settles)), zone]
