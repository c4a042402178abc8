"""What a report of a month consists of, and which of its findings survive that many were looked for."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

# Beyond it a look counts as luck.
LEVEL = 0.05
# A report of a past month sees this many days more: late answers come in, and then it stays as it is.
FOLLOWED_DAYS = 31
SURVIVES = ("IMPROVED", "WORSENED")
NO_EVIDENCE = "NO_EVIDENCE"
# The two periods cannot be held against each other at all.
NOT_COMPARABLE = "NOT_COMPARABLE"
PREVIOUS, YEAR_BEFORE = "previousMonth", "yearBefore"
BACK = {PREVIOUS: 1, YEAR_BEFORE: 12}
# Values of these grow with the length of what is looked at.
ADDITIVE = frozenset({"COUNT", "SUM", "DISTINCT_CUSTOMERS"})

_MONTH = re.compile(r"([0-9]{4})-([0-9]{2})")


class ReportFault(Exception):
    """Why there is no report, in one line."""


@dataclass(frozen=True, slots=True, order=True)
class Month:
    year: int
    month: int

    @classmethod
    def parse(cls, text: str) -> "Month":
        found = _MONTH.fullmatch(text)
        if found is None or not 1 <= int(found[2]) <= 12 or int(found[1]) < 1971:
            raise ReportFault(f"{text} is not a month: it is written as 2026-10")
        return cls(int(found[1]), int(found[2]))

    @classmethod
    def of(cls, day: date) -> "Month":
        return cls(day.year, day.month)

    @property
    def first(self) -> date:
        return date(self.year, self.month, 1)

    @property
    def days(self) -> int:
        return (self.plus(1).first - self.first).days

    def plus(self, months: int) -> "Month":
        count = self.year * 12 + self.month - 1 + months
        return Month(count // 12, count % 12 + 1)

    def __str__(self) -> str:
        return f"{self.year:04}-{self.month:02}"


def settled(month: Month) -> date:
    """From this day on a report of the month stays as it is: after the end of the next one, or a little later."""
    return month.plus(1).first + timedelta(days=FOLLOWED_DAYS)


@dataclass(frozen=True, slots=True)
class Effect:
    value: float
    lower: float | None
    upper: float | None


@dataclass(frozen=True, slots=True)
class Side:
    n: int
    value: float | None


@dataclass(frozen=True, slots=True)
class Look:
    """One comparison. verdict: of the comparison alone; shown: when it is held against all others of the report.

    p: None: it has none, and does not count among the looks that are adjusted for.
    """

    against: str
    verdict: str
    because: str
    then: Side
    now: Side
    measure: str | None = None
    effect: Effect | None = None
    test: str | None = None
    p_value: float | None = None
    p: float | None = None
    p_adjusted: float | None = None
    warnings: tuple[str, ...] = ()

    @property
    def shown(self) -> str:
        if self.verdict not in SURVIVES:
            return self.verdict
        return self.verdict if self.p_adjusted is not None and self.p_adjusted < LEVEL else NO_EVIDENCE

    @property
    def fell(self) -> bool:
        """Did its finding not survive the adjustment?"""
        return self.shown != self.verdict


@dataclass(frozen=True, slots=True)
class Subject:
    """touchpoint: None: all of them together."""

    touchpoint: str | None
    name: str
    looks: tuple[Look, ...]


@dataclass(frozen=True, slots=True)
class Point:
    start: date
    end: date
    n: int
    value: float | None


@dataclass(frozen=True, slots=True)
class Figure:
    """One KPI. series: by weeks, those that lie wholly within what is shown. subjects: the first is the total."""

    key: str
    name: str
    description: str
    unit: str
    direction: str
    aggregation: str
    target: float | None
    series: tuple[Point, ...]
    subjects: tuple[Subject, ...]

    @property
    def additive(self) -> bool:
        return self.aggregation in ADDITIVE

    @property
    def over_weeks(self) -> bool:
        """Does the value of a month lie where those of its weeks do, as a mean or a part? Customers come again."""
        return self.aggregation != "DISTINCT_CUSTOMERS"

    @property
    def sides(self) -> tuple[Side, Side, Side]:
        """Of all touchpoints together: now, the month before, a year before."""
        looks = {look.against: look for look in self.subjects[0].looks}
        return looks[PREVIOUS].now, looks[PREVIOUS].then, looks[YEAR_BEFORE].then


@dataclass(frozen=True, slots=True)
class Report:
    """as_of: the day on whose beginning things are looked at; None: now. settles: from when on it stays as it is."""

    month: Month
    language: str
    zone: str
    over: bool
    as_of: date | None
    settles: date
    figures: tuple[Figure, ...]

    @property
    def looks(self) -> list[Look]:
        return [look for figure in self.figures for subject in figure.subjects for look in subject.looks]

    def held_against(self, look: Look) -> Month:
        return self.month.plus(-BACK[look.against])

    @property
    def tested(self) -> int:
        return sum(look.p is not None for look in self.looks)


def holm(values: Sequence[float]) -> list[float]:
    """Adjusted p-values in the order given (Holm 1979): below a level, so many looks taken together err so often."""
    adjusted = [0.0] * len(values)
    highest = 0.0
    for rank, place in enumerate(sorted(range(len(values)), key=lambda place: values[place])):
        highest = max(highest, min(1.0, (len(values) - rank) * values[place]))
        adjusted[place] = highest
    return adjusted


def usable_p(test: str | None, p_value: float | None, effect_size: float | None) -> float | None:
    """The p-value that can be adjusted.

    One that is counted from some hundred draws cannot be smaller than a few thousandths, which no adjustment for many
    looks would leave; the effect in standard deviations of the same draws can say more.
    """
    if test == "DAY_BLOCK_BOOTSTRAP" and effect_size is not None:
        return math.erfc(abs(effect_size) / math.sqrt(2))
    return p_value


def adjusted(report: Report) -> Report:
    """With the p-values of all its looks adjusted for how many there are."""
    tested = [look for look in report.looks if look.p is not None]
    found = iter(holm([look.p for look in tested if look.p is not None]))
    figures = []
    for figure in report.figures:
        subjects = [
            replace(
                subject,
                looks=tuple(
                    replace(look, p_adjusted=next(found)) if look.p is not None else look for look in subject.looks
                ),
            )
            for subject in figure.subjects
        ]
        figures.append(replace(figure, subjects=tuple(subjects)))
    return replace(report, figures=tuple(figures))


def as_data(report: Report) -> dict[str, Any]:
    """The whole of it for programs; keys always in the same order."""
    return {
        "month": str(report.month),
        "comparedWith": {name: str(report.month.plus(-back)) for name, back in BACK.items()},
        "monthIsOver": report.over,
        "timeZone": report.zone,
        "language": report.language,
        "asOf": report.as_of.isoformat() if report.as_of else None,
        "staysFrom": report.settles.isoformat(),
        "looks": len(report.looks),
        "adjustedOver": report.tested,
        "adjustment": "HOLM",
        "level": LEVEL,
        "kpis": [_figure(figure) for figure in report.figures],
    }


def _figure(figure: Figure) -> dict[str, Any]:
    return {
        "key": figure.key,
        "name": figure.name,
        "description": figure.description,
        "unit": figure.unit,
        "direction": figure.direction,
        "aggregation": figure.aggregation,
        "target": figure.target,
        "weeks": [
            {"start": one.start.isoformat(), "end": one.end.isoformat(), "n": one.n, "value": one.value}
            for one in figure.series
        ],
        "rows": [
            {
                "touchpoint": subject.touchpoint,
                "name": subject.name if subject.touchpoint is not None else None,
                "comparisons": [_look(look) for look in subject.looks],
            }
            for subject in figure.subjects
        ],
    }


def _look(look: Look) -> dict[str, Any]:
    effect = look.effect
    return {
        "with": look.against,
        "shown": look.shown,
        "verdict": look.verdict,
        "survivedAdjustment": None if look.verdict not in SURVIVES else not look.fell,
        "because": look.because,
        "then": {"n": look.then.n, "value": look.then.value},
        "now": {"n": look.now.n, "value": look.now.value},
        "measure": look.measure,
        "effect": None if effect is None else {"value": effect.value, "lower": effect.lower, "upper": effect.upper},
        "test": look.test,
        "pValue": look.p_value,
        "pUsed": look.p,
        "pAdjusted": look.p_adjusted,
        "warnings": list(look.warnings),
    }
