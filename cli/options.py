"""What several subcommands take, and how all of them speak."""

import sys
from contextlib import AbstractAsyncContextManager
from typing import Annotated, NoReturn

import grpc
import typer
from rich.console import Console

from chassis.channel import open_channel
from chassis.settings import TlsSettings, read

DEFAULT_ENDPOINT = "http://127.0.0.1:8000"

Endpoint = Annotated[str, typer.Option(help="The running system.")]
Token = Annotated[str | None, typer.Option(help="Who asks; see rundblick token.", envvar="RUNDBLICK_TOKEN")]


def new_console() -> Console:
    # Into a file or a pipe tables are as wide as they need to be.
    return Console() if sys.stdout.isatty() else Console(width=160)


def operator_channel(address: str) -> AbstractAsyncContextManager[grpc.aio.Channel]:
    """To a service, with the certificate that RUNDBLICK_TLS_CERT, _KEY and _CA name; without them on a laptop."""
    return open_channel(address, tls=read(TlsSettings).tls)


def fail(error: Exception) -> NoReturn:
    typer.secho(f"rundblick: {error}", fg="red", err=True)
    raise typer.Exit(1)
