"""Pictures of a report as SVG: a figure over time, and its effects at each touchpoint. Text in, text out.

Colours come from the page's style by class; what they say, shapes and texts say as well.
"""

import html
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from cli.report_words import clean

WIDTH = 400.0
# A target so far above everything would press the line flat: it is named at the upper edge instead.
_FARTHEST_TARGET = 3.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 62.0, 8.0, 20.0, 18.0
_HEIGHT = 190.0
_DURATION_STEPS = (
    1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 14_400, 21_600, 28_800, 43_200,
)  # fmt: skip
_DAY = 86_400
_LABEL, _VERDICT, _ROW = 118.0, 92.0, 22.0
# Where all effects are zero.
_LEAST_REACH = 0.1


@dataclass(frozen=True, slots=True)
class Span:
    """A month that is compared. level: its value on the scale of the line. kind: now, then."""

    label: str
    start: date
    end: date
    level: float | None
    kind: str


@dataclass(frozen=True, slots=True)
class Tick:
    day: date
    label: str


@dataclass(frozen=True, slots=True)
class Timeline:
    """points: the middle of each week, and its value; None: a gap. target: on the scale of the line."""

    title: str
    description: str
    first: date
    end: date
    points: Sequence[tuple[date, float | None]]
    spans: Sequence[Span]
    ticks: Sequence[Tick]
    target: float | None
    target_label: str
    empty: str


@dataclass(frozen=True, slots=True)
class Row:
    label: str
    verdict: str
    said: str
    value: float | None
    lower: float | None
    upper: float | None


@dataclass(frozen=True, slots=True)
class Effects:
    """left, right: what the sides of the zero line mean."""

    title: str
    description: str
    rows: Sequence[Row]
    left: str
    right: str


Shown = Callable[[float], str]


def escaped(text: str) -> str:
    return html.escape(clean(text))


def _number(number: float) -> str:
    # Without a sign before zero.
    return f"{round(number, 1) + 0.0:.1f}"


def _text(x: float, y: float, text: str, anchor: str = "start", css: str = "") -> str:
    named = f' class="{css}"' if css else ""
    return f'<text x="{_number(x)}" y="{_number(y)}" text-anchor="{anchor}"{named}>{escaped(text)}</text>'


def _line(x1: float, y1: float, x2: float, y2: float, css: str) -> str:
    places = f'x1="{_number(x1)}" y1="{_number(y1)}" x2="{_number(x2)}" y2="{_number(y2)}"'
    return f'<line {places} class="{css}"/>'


def _picture(id: str, title: str, description: str, height: float, parts: Sequence[str]) -> str:
    return "\n".join(
        [
            f'<svg viewBox="0 0 {_number(WIDTH)} {_number(height)}" role="img" '
            f'aria-labelledby="{escaped(id)}-t {escaped(id)}-d" xmlns="http://www.w3.org/2000/svg">',
            f'<title id="{escaped(id)}-t">{escaped(title)}</title>',
            f'<desc id="{escaped(id)}-d">{escaped(description)}</desc>',
            *parts,
            "</svg>",
        ]
    )


def step_of(reach: float, *, durations: bool) -> float:
    """The distance of marks on an axis of this length: some three of them, at numbers people use."""
    wanted = reach / 3
    if durations and wanted >= 1:
        if (found := next((step for step in _DURATION_STEPS if step >= wanted), None)) is not None:
            return float(found)
        return _DAY * step_of(reach / _DAY, durations=False)
    power = 10.0 ** math.floor(math.log10(wanted))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= wanted * (1 - 1e-9))


def timeline(id: str, of: Timeline, shown: Shown, *, durations: bool = False) -> str:
    levels = [span.level for span in of.spans if span.level is not None]
    values = [value for _, value in of.points if value is not None] + levels
    low, high = min([0.0, *values]), max([0.0, *values])
    target = of.target
    near = target is not None and (not values or low - (high - low) <= target <= _FARTHEST_TARGET * high)
    if target is not None and near:
        low, high = min(low, target), max(high, target)
    if high <= low:
        high = low + 1.0
    step = step_of(high - low, durations=durations)
    low, high = math.floor(low / step) * step, math.ceil(high / step) * step
    days = (of.end - of.first).days

    def x(day: date) -> float:
        return _LEFT + (WIDTH - _LEFT - _RIGHT) * min(max((day - of.first).days / days, 0.0), 1.0)

    def y(value: float) -> float:
        return _TOP + (_HEIGHT - _TOP - _BOTTOM) * (high - value) / (high - low)

    parts = []
    for span in of.spans:
        left, right = x(span.start), x(span.end)
        place = f'x="{_number(left)}" y="{_number(_TOP)}" width="{_number(right - left)}"'
        parts.append(f'<rect {place} height="{_number(_HEIGHT - _TOP - _BOTTOM)}" class="span {span.kind}"/>')
        parts.append(_text((left + right) / 2, _TOP - 4, span.label, "middle", span.kind))
    for mark in range(round((high - low) / step) + 1):
        value = low + mark * step
        parts.append(_line(_LEFT, y(value), WIDTH - _RIGHT, y(value), "axis" if value == 0 else "grid"))
        parts.append(_text(_LEFT - 4, y(value) + 3.5, shown(value), "end"))
    parts += [_text(x(tick.day), _HEIGHT - 4, tick.label, "start") for tick in of.ticks]
    if target is not None:
        at = y(target) if near else _TOP
        parts.append(_line(_LEFT, at, WIDTH - _RIGHT, at, "target") if near else "")
        above = at - 3 if at - 3 > _TOP + 8 else at + 10
        arrow = "" if near else " ↑"
        parts.append(_text(_LEFT + 3, above, of.target_label + arrow, "start", "target-label"))
    parts += _drawn(of.points, x, y)
    for span in of.spans:
        if span.level is not None:
            parts.append(_line(x(span.start), y(span.level), x(span.end), y(span.level), f"level {span.kind}"))
    if not values:
        parts.append(_text((_LEFT + WIDTH) / 2, _HEIGHT / 2, of.empty, "middle"))
    return _picture(id, of.title, of.description, _HEIGHT, [part for part in parts if part])


def _drawn(
    points: Sequence[tuple[date, float | None]], x: Callable[[date], float], y: Callable[[float], float]
) -> Iterator[str]:
    """A line for each run of values without a gap; a run of one is a dot."""
    run: list[str] = []
    for day, value in [*points, (date.max, None)]:
        if value is not None:
            run.append(f"{_number(x(day))},{_number(y(value))}")
            continue
        if len(run) == 1:
            across, down = run[0].split(",")
            yield f'<circle cx="{across}" cy="{down}" r="2.2" class="point"/>'
        elif run:
            yield f'<polyline points="{" ".join(run)}" class="line"/>'
        run = []


def effects(id: str, of: Effects, shown: Shown) -> str:
    seen = [abs(number) for row in of.rows for number in (row.value, row.lower, row.upper) if number is not None]
    reach = max([number for number in seen if math.isfinite(number)], default=0.0) or _LEAST_REACH
    left, right = _LABEL + 10, WIDTH - _VERDICT - 8
    top, bottom = 20.0, 20.0 + _ROW * len(of.rows)

    def x(value: float) -> float:
        return (left + right) / 2 + (right - left) / 2 * min(max(value / reach, -1.0), 1.0)

    parts = [
        _text(left, 11, f"← {of.left}"),
        _text(right, 11, f"{of.right} →", "end"),
        _line(x(0), top - 4, x(0), bottom, "axis"),
        *[_text(x(place), bottom + 13, shown(place), anchor) for place, anchor in _ends(reach)],
    ]
    for place, row in enumerate(of.rows):
        middle = top + _ROW * (place + 0.5)
        css = row.verdict.lower().replace("_", "-")
        hint = f"<title>{escaped(row.label)}: {escaped(row.said)}</title>"
        parts.append(f'<g class="{css}">{hint}{_text(_LABEL, middle + 3.5, shortened(row.label), "end", "label")}')
        if row.value is not None:
            if row.lower is not None and row.upper is not None:
                parts.append(_line(x(row.lower), middle, x(row.upper), middle, "whisker"))
            parts.append(_mark(row.verdict, x(row.value), middle))
        parts.append(f"{_text(WIDTH - _VERDICT + 2, middle + 3.5, row.said, 'start', 'said')}</g>")
    return _picture(id, of.title, of.description, bottom + 18, parts)


def _ends(reach: float) -> tuple[tuple[float, str], ...]:
    return (-reach, "start"), (0.0, "middle"), (reach, "end")


def shortened(text: str, most: int = 20) -> str:
    text = clean(text)
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _mark(verdict: str, x: float, y: float) -> str:
    """Each verdict has a shape of its own, for those who do not see its colour."""
    corners = {
        "IMPROVED": ((0, -5.5), (5, 4), (-5, 4)),
        "WORSENED": ((0, 5.5), (5, -4), (-5, -4)),
        "CONFLICTING": ((0, -5.5), (5.5, 0), (0, 5.5), (-5.5, 0)),
    }.get(verdict)
    if corners:
        points = " ".join(f"{_number(x + across)},{_number(y + down)}" for across, down in corners)
        return f'<polygon points="{points}" class="mark"/>'
    if verdict == "NO_EVIDENCE":
        return f'<circle cx="{_number(x)}" cy="{_number(y)}" r="4" class="mark"/>'
    return _line(x - 3, y - 3, x + 3, y + 3, "mark") + _line(x - 3, y + 3, x + 3, y - 3, "mark")
