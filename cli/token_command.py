"""rundblick token: a token for development, signed with the key of a system's own issuer."""

import os
from pathlib import Path
from typing import Annotated

import typer

from chassis.caller import ALL_SCOPES, Caller, scopes_of
from cli.issuing import issuer_of
from cli.options import fail
from cli.system import SystemFault
from issuer.signing import claims_of


def token(
    subject: Annotated[str, typer.Argument(help="Whom the token speaks for.")] = "developer",
    scope: Annotated[
        list[str] | None,
        typer.Option("--scope", "--scopes", help="May be repeated; * means all, as does no scope and no role."),
    ] = None,
    role: Annotated[list[str] | None, typer.Option(help="May be repeated.")] = None,
    employee: Annotated[str | None, typer.Option(help="emp_...: whose records are their own.")] = None,
    team: Annotated[str | None, typer.Option(help="tea_...: whose records are their team's.")] = None,
    source: Annotated[
        list[str] | None, typer.Option(help="As of a partner: sees this source alone; may be repeated.")
    ] = None,
    data: Annotated[Path, typer.Option(help="Where the system keeps everything.")] = Path(".rundblick"),
    hours: Annotated[float, typer.Option(help="How long it is valid.", min=0.01, max=24 * 30)] = 8,
) -> None:
    """Print a development token for the system whose data is in --data."""
    if os.environ.get("RUNDBLICK_ENV") == "production":
        fail(SystemFault("development tokens are not made in production: ask your identity provider"))
    if not data.is_dir():
        fail(SystemFault(f"there is no system in {data}: start one with rundblick up, or see --data"))
    named = scopes_of(" ".join(scope or ()))
    caller = Caller(
        subject,
        named or frozenset(() if role else {ALL_SCOPES}),
        employee=employee,
        team=team,
        sources=frozenset(source) if source else None,
        roles=frozenset(role or ()),
    )
    typer.echo(issuer_of(data).token(claims_of(caller), seconds=hours * 3600))
