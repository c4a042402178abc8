"""What several subcommands take, and how all of them speak."""

import sys
from typing import Annotated, NoReturn

import typer
from rich.console import Console

DEFAULT_ENDPOINT = "http://127.0.0.1:8000"

Endpoint = Annotated[str, typer.Option(help="The running system.")]
Token = Annotated[str | None, typer.Option(help="Who asks; see rundblick token.", envvar="RUNDBLICK_TOKEN")]


def new_console() -> Console:
    # Into a file or a pipe tables are as wide as they need to be.
    return Console() if sys.stdout.isatty() else Console(width=160)


def fail(error: Exception) -> NoReturn:
    typer.secho(f"rundblick: {error}", fg="red", err=True)
    raise typer.Exit(1)
