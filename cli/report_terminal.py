"""A report as tables for a terminal."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from cli.report_model import Figure, Report
from cli.report_words import Language, clean, foot, head

_BARS = "▁▂▃▄▅▆▇█"
_STYLES = {"IMPROVED": "green", "WORSENED": "red", "CONFLICTING": "magenta"}


def sparkline(values: Sequence[float | None]) -> str:
    """A bar for each value, from the smallest to the largest; a dot where there is none."""
    known = [value for value in values if value is not None]
    low, high = min(known, default=0.0), max(known, default=0.0)
    if high <= low:
        return "".join("·" if value is None else _BARS[3] for value in values)
    return "".join(
        "·" if value is None else _BARS[min(int((value - low) / (high - low) * len(_BARS)), len(_BARS) - 1)]
        for value in values
    )


def print_report(console: Console, report: Report, words: Language) -> None:
    # Texts are given as such: what somebody named is no markup.
    console.print(Text(words("title", month=words.month(report.month)), style="bold"))
    for line in head(report, words):
        console.print(Text(line))
    if not report.figures:
        console.print(Text(words("nothing")))
    for figure in report.figures:
        console.print(_table(report, figure, words))
    for line in foot(report, words):
        console.print(Text(line))


def _table(report: Report, figure: Figure, words: Language) -> Table:
    title = f"{clean(figure.name)}  {sparkline([point.value for point in figure.series])}"
    if figure.target is not None:
        title += f"  {words('target', value=words.value(figure.target, figure))}"
    table = Table(title=Text(title, style="bold"), title_justify="left")
    for name in ("touchpoint", "with"):
        table.add_column(words(name))
    for name in ("then", "now", "n"):
        table.add_column(words(name), justify="right")
    for name in ("effect", "verdict", "because"):
        table.add_column(words(name))
    for subject in figure.subjects:
        for place, look in enumerate(subject.looks):
            because = [clean(look.because), *(words.notes(look)[:1] if look.fell else ())]
            table.add_row(
                Text("" if place else clean(subject.name)),
                Text(words.month(report.held_against(look))),
                Text(words.value(look.then.value, figure)),
                Text(words.value(look.now.value, figure)),
                Text(f"{words.number(look.then.n)} → {words.number(look.now.n)}"),
                Text(words.effect(look.effect, look.measure, figure)),
                Text(words.marked(look.shown), style=_STYLES.get(look.shown, "dim")),
                Text(" ".join(because)),
            )
    return table
