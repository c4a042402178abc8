"""A report as one HTML file that needs nothing else."""

from collections.abc import Sequence
from datetime import timedelta

from cli.report import MONTHS_SHOWN
from cli.report_model import BACK, SURVIVES, Figure, Look, Report, Side, Subject
from cli.report_pictures import Effects, Row, Span, Tick, Timeline, effects, escaped, timeline
from cli.report_style import STYLE
from cli.report_words import Language, foot, head


def as_html(report: Report, words: Language) -> str:
    month = words.month(report.month)
    title = words("title", month=month)
    body = [
        f"<h1>{escaped(title)}</h1>",
        *[f"<p>{escaped(text)}</p>" for text in head(report, words)],
        _overview(report, words) if report.figures else f"<p>{escaped(words('nothing'))}</p>",
        *[_section(report, figure, place, words) for place, figure in enumerate(report.figures)],
        f"<footer>{''.join(f'<p>{escaped(text)}</p>' for text in foot(report, words))}</footer>",
    ]
    return "\n".join(
        [
            "<!DOCTYPE html>",
            f'<html lang="{words.code}">',
            '<head>\n<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            # What a name might smuggle in is neither run nor fetched.
            "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">",
            f"<title>{escaped(title)}</title>\n<style>{STYLE}</style>\n</head>",
            "<body>",
            *body,
            "</body>\n</html>\n",
        ]
    )


def _value(side: Side, figure: Figure, words: Language) -> str:
    return words.value(side.value, figure)


def _badge(look: Look, words: Language) -> str:
    css = look.shown.lower().replace("_", "-")
    return f'<span class="badge {css}">{escaped(words.marked(look.shown))}</span>'


def _overview(report: Report, words: Language) -> str:
    months = [words.month(report.month.plus(-back)) for back in BACK.values()]
    columns = [words("kpi"), words("value"), *months]
    rows = []
    for place, figure in enumerate(report.figures):
        cells = [f'<td data-name="{escaped(words("value"))}">{escaped(_value(figure.sides[0], figure, words))}</td>']
        for month, look in zip(months, figure.subjects[0].looks, strict=True):
            cells.append(f'<td data-name="{escaped(month)}">{_badge(look, words)}</td>')
        name = f'<a href="#k{place}">{escaped(figure.name)}</a>'
        rows.append(f'<tr><th scope="row">{name}</th>{"".join(cells)}</tr>')
    return f"<section><h2>{escaped(words('overview'))}</h2>{_table(columns, rows)}</section>"


def _table(columns: Sequence[str], rows: Sequence[str]) -> str:
    names = "".join(f'<th scope="col">{escaped(column)}</th>' for column in columns)
    body = "\n".join(rows)
    return f'<table class="rows"><thead><tr>{names}</tr></thead>\n<tbody>\n{body}\n</tbody></table>'


def _section(report: Report, figure: Figure, place: int, words: Language) -> str:
    over_time = timeline(
        f"k{place}-time",
        _timeline(report, figure, words),
        lambda value: words.value(value, figure),
        durations=figure.unit == "s",
    )
    pictures = []
    for against in BACK:
        looks = [(subject, look) for subject in figure.subjects for look in subject.looks if look.against == against]
        if any(look.effect is not None for _, look in looks):
            pictures.append(_effects(report, figure, f"k{place}-{against}", looks, words))
    legend = ""
    if pictures:
        measure = next(look.measure for subject in figure.subjects for look in subject.looks if look.effect is not None)
        legend = f'<p class="soft">{escaped(words("effects_legend", measure=words.measure(measure)))}</p>'
    description = f'<p class="soft">{escaped(figure.description)}</p>' if figure.description else ""
    return "\n".join(
        [
            f'<section id="k{place}"><h2>{escaped(figure.name)}</h2>',
            f'{description}<div class="pictures">{_figure(over_time, _legend(figure, words))}',
            f"<div>{''.join(pictures)}</div></div>{legend}",
            _details(report, figure, words),
            "</section>",
        ]
    )


def _legend(figure: Figure, words: Language) -> str:
    said = [words("legend"), words("bars_a_week" if figure.additive else "bars") if figure.over_weeks else ""]
    if figure.target is not None:
        target = words("target", value=words.value(figure.target, figure))
        said.append(words("target_apart" if figure.additive else "dashed", target=target))
    return " ".join(filter(None, said))


def _figure(picture: str, caption: str) -> str:
    return f"<figure>{picture}<figcaption>{escaped(caption)}</figcaption></figure>"


def _timeline(report: Report, figure: Figure, words: Language) -> Timeline:
    months = [report.month, *[report.month.plus(-back) for back in BACK.values()]]
    first = report.month.plus(1 - MONTHS_SHOWN).first
    spans = []
    for place, (month, side) in enumerate(zip(months, figure.sides, strict=True)):
        value = side.value if figure.over_weeks else None
        if figure.additive and value is not None:
            # A month that still runs has fewer days than its name says.
            value = value * 7 / month.days if place or report.over else None
        label = words.short_month(month)
        spans.append(Span(label, month.first, month.plus(1).first, value, "then" if place else "now"))
    now, then, earlier = (_value(side, figure, words) for side in figure.sides)
    named = [words.month(month) for month in months]
    shown = [report.month.plus(-back) for back in range(MONTHS_SHOWN - 1, 0, -3)]
    return Timeline(
        title=words("weekly", name=figure.name),
        description=words(
            "weekly_of",
            first=words.day(first),
            last=words.day(report.month.plus(1).first - timedelta(days=1)),
            **dict(zip(("month", "previous", "year"), named, strict=True)),
            now=now,
            then=then,
            earlier=earlier,
        ),
        first=first,
        end=report.month.plus(1).first,
        points=[(point.start + (point.end - point.start) / 2, point.value) for point in figure.series],
        spans=spans,
        ticks=[Tick(month.first, f"{words.short_month(month)} {month.year}") for month in shown],
        target=None if figure.additive else figure.target,
        target_label=words("target", value=words.value(figure.target, figure)),
        empty=words("empty"),
    )


def _effects(report: Report, figure: Figure, id: str, looks: Sequence[tuple[Subject, Look]], words: Language) -> str:
    measure = next((look.measure for _, look in looks if look.effect is not None), None)
    rows = []
    for subject, look in looks:
        effect = look.effect
        bounds = (effect.value, effect.lower, effect.upper) if effect is not None else (None, None, None)
        rows.append(Row(subject.name, look.shown, words.verdict(look.shown), *bounds))
    higher = figure.direction == "HIGHER_IS_BETTER"
    said = "; ".join(
        f"{subject.name}: {words.effect(look.effect, look.measure, figure)}, {words.verdict(look.shown)}"
        for subject, look in looks
    )
    of = Effects(
        title=words("effects", name=figure.name, month=words.month(report.held_against(looks[0][1]))),
        description=said,
        rows=rows,
        left=words("worse" if higher else "better"),
        right=words("better" if higher else "worse"),
    )
    picture = effects(id, of, lambda value: words.of_effect(value, measure, figure))
    return _figure(picture, of.title)


def _details(report: Report, figure: Figure, words: Language) -> str:
    """What was found, and the total, at once; what found nothing, when it is opened."""
    names = [words(name) for name in ("touchpoint", "with", "then", "now", "n", "effect", "verdict", "because")]
    found: list[str] = []
    rest: list[str] = []
    for subject in figure.subjects:
        for look in subject.looks:
            seen = subject.touchpoint is None or look.shown in (*SURVIVES, "CONFLICTING")
            (found if seen else rest).append(_row(report, figure, subject, look, names[1:], words))
    if not rest:
        return _table(names, found)
    summary = f"<summary>{escaped(words('rest', count=words.number(len(rest))))}</summary>"
    return f"{_table(names, found)}\n<details>{summary}{_table(names, rest)}</details>"


def _row(report: Report, figure: Figure, subject: Subject, look: Look, names: Sequence[str], words: Language) -> str:
    p = words.p(look)
    why = "".join(f'<p class="soft">{escaped(text)}</p>' for text in [*words.notes(look), *([p] if p else [])])
    counts = f"{words.number(look.then.n)} → {words.number(look.now.n)}"
    cells = [
        ("", escaped(words.month(report.held_against(look)))),
        ("figure", escaped(words.value(look.then.value, figure))),
        ("figure", escaped(words.value(look.now.value, figure))),
        ("figure", escaped(counts)),
        ("figure", escaped(words.effect(look.effect, look.measure, figure)).replace(" (", "<br/>(")),
        ("", _badge(look, words)),
        ("", f"{escaped(look.because)}{why}"),
    ]
    said = "".join(
        f'<td class="{css}" data-name="{escaped(name)}">{cell}</td>'
        for name, (css, cell) in zip(names, cells, strict=True)
    )
    return f'<tr><th scope="row">{escaped(subject.name)}</th>{said}</tr>'
