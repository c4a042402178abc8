"""rundblick export: figures and records as tables."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import IO, Annotated

import typer

from cli import exporting
from cli.graph import Graph, GraphError
from cli.importing import ImportFault
from cli.options import DEFAULT_ENDPOINT, Endpoint, Token, fail
from cli.record_exporting import EXPORTS
from cli.services import OperationFault, addresses_of, done

export_app = typer.Typer(no_args_is_help=True, help="Take figures and records out.")


class Format(StrEnum):
    csv = "csv"
    jsonl = "jsonl"


Formatted = Annotated[Format, typer.Option(help="How it is written.")]
Output = Annotated[Path | None, typer.Option("--output", "-o", help="A file; else what is shown.")]


@export_app.command("kpi")
def export_kpi(
    key: str,
    start: Annotated[
        datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="The first day, in the reporting zone.")
    ],
    end: Annotated[datetime, typer.Option("--to", formats=["%Y-%m-%d"], help="The day after the last.")],
    by: Annotated[list[str] | None, typer.Option(help="A dimension; may be given several times.")] = None,
    every: Annotated[str | None, typer.Option(help="day, week, month, quarter or year; else the whole period.")] = None,
    cells: Annotated[bool, typer.Option("--cells", help="What is kept, day by day, instead of results.")] = False,
    format: Formatted = Format.csv,
    output: Output = None,
    endpoint: Endpoint = DEFAULT_ENDPOINT,
    token: Token = None,
) -> None:
    """Write the results of a KPI, or the cells it is kept in, as CSV or JSON Lines."""
    wanted = exporting.Wanted(key, start.date(), end.date(), tuple(by or ()), every)
    graph = Graph(endpoint, token)
    try:
        with _opened(output) as file:
            write = exporting.Writer(file, format.value)
            if cells:
                address = addresses_of(endpoint, ("metrics",), token)["metrics"]
                zone = exporting.reporting_zone(graph, wanted)
                done(exporting.write_cells(address, token, wanted, zone, write))
            else:
                exporting.write_results(graph, wanted, write)
    except (GraphError, OperationFault, ImportFault, OSError) as error:
        fail(error)
    if output is not None:
        typer.echo(f"{write.count} rows in {output}")


@contextmanager
def _opened(path: Path | None) -> Iterator[IO[str]]:
    """A file is there when it is complete, or not at all."""
    if path is None:
        yield sys.stdout
        return
    partial = path.with_name(f"{path.name}.part")
    try:
        with partial.open("w", encoding="utf-8", newline="") as file:
            yield file
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _add(kind: str) -> None:
    def command(
        format: Formatted = Format.csv,
        output: Output = None,
        endpoint: Endpoint = DEFAULT_ENDPOINT,
        token: Token = None,
    ) -> None:
        try:
            with _opened(output) as file:
                write = exporting.Writer(file, format.value)
                for row in EXPORTS[kind](Graph(endpoint, token)):
                    write(row)
        except (GraphError, OSError) as error:
            fail(error)
        if output is not None:
            typer.echo(f"{write.count} rows in {output}")

    export_app.command(kind, help=f"Write all {kind} that whoever asks may see, as CSV or JSON Lines.")(command)


for _kind in EXPORTS:
    _add(_kind)
