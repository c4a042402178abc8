"""rundblick report: how a month compares, as a table, a page or data."""

import json
from datetime import UTC, datetime
from enum import StrEnum
from io import StringIO
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from cli.graph import Graph, GraphError
from cli.options import DEFAULT_ENDPOINT, Endpoint, Token, fail, new_console
from cli.report import Asked, Gathering
from cli.report_html import as_html
from cli.report_model import Month, Report, ReportFault, as_data
from cli.report_terminal import print_report
from cli.report_words import Language

_WIDTH = 160


class Format(StrEnum):
    terminal = "terminal"
    html = "html"
    json = "json"


class Tongue(StrEnum):
    en = "en"
    de = "de"


def report(
    month: Annotated[str, typer.Option(help="Which one, such as 2026-10, in the reporting zone.")],
    kpi: Annotated[list[str] | None, typer.Option(help="Only this one; may be given several times.")] = None,
    format: Annotated[Format, typer.Option(help="How it is written.")] = Format.terminal,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="A file; else what is shown.")] = None,
    language: Annotated[Tongue, typer.Option(help="Of all that is said.")] = Tongue.en,
    endpoint: Endpoint = DEFAULT_ENDPOINT,
    token: Token = None,
) -> None:
    """Compare a month with the one before and with a year before: every KPI, in total and at each touchpoint.

    Better or worse is said only of what survives that so much was looked at.
    """
    words = Language(language.value)
    status = Console(stderr=True).status("")
    try:
        asked = Asked(Month.parse(month), tuple(kpi or ()), language.value)
        with status:
            gathering = Gathering(
                Graph(endpoint, token, language.value),
                asked,
                datetime.now(UTC),
                all_touchpoints=words("all"),
                unknown=words("unknown"),
                progress=status.update,
            )
            found = gathering.report()
        if output is None and format is Format.terminal:
            print_report(new_console(), found, words)
        elif output is None:
            typer.echo(_written(found, format, words), nl=False)
        else:
            _save(output, _written(found, format, words))
            typer.echo(f"{len(found.looks)} comparisons in {output}")
    except (ReportFault, GraphError, OSError) as error:
        fail(error)


def _save(path: Path, text: str) -> None:
    """A file is there when it is complete, or not at all."""
    partial = path.with_name(f"{path.name}.part")
    try:
        partial.write_text(text, encoding="utf-8", newline="\n")
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _written(found: Report, format: Format, words: Language) -> str:
    if format is Format.html:
        return as_html(found, words)
    if format is Format.json:
        return json.dumps(as_data(found), ensure_ascii=False, indent=2, allow_nan=False) + "\n"
    text = StringIO()
    # The same in every terminal.
    print_report(Console(file=text, width=_WIDTH, color_system=None, legacy_windows=False), found, words)
    return text.getvalue()
