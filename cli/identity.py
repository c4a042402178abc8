"""Subcommands about who is the same as whom: possible duplicates are looked for in a process of their own."""

import os
import subprocess
import sys
from typing import Annotated

import typer

identity_app = typer.Typer(no_args_is_help=True, help="Customers who may be the same.")

_MongoUri = Annotated[
    str | None, typer.Option(help="Where customers are kept; none: RUNDBLICK_MONGO_URI, else the usual port.")
]


@identity_app.command()
def candidates(
    mongo_uri: _MongoUri = None,
    threshold: Annotated[
        float | None,
        typer.Option(help="Show pairs that are at least so likely; none: 0.9.", min=0.01, max=0.999),
    ] = None,
    merge_above: Annotated[
        float | None, typer.Option(help="Merge pairs that are at least so likely; none: people decide.", min=0.9, max=1)
    ] = None,
) -> None:
    """Compare all customers, keep pairs that may be the same for people to decide, and say how many.

    Needs the database of the customers service; that service may run, and goes on meanwhile.
    """
    said = {
        "RUNDBLICK_MONGO_URI": mongo_uri,
        "RUNDBLICK_SUGGEST_ABOVE": threshold,
        "RUNDBLICK_MERGE_ABOVE": merge_above,
    }
    environment = {**os.environ, **{name: str(value) for name, value in said.items() if value is not None}}
    # What links takes memory that no other subcommand should pay for.
    command = [sys.executable, "-m", "services.customers.candidate"]
    done = subprocess.run(command, env=environment, check=False)
    raise typer.Exit(done.returncode)
