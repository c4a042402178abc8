"""The rights tables, printed so that a data protection officer can read them."""

import json
from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated

import typer
from rich.table import Table

from chassis import rights, roles
from chassis.rights import Object, Rights
from cli.options import new_console

Rows = list[tuple[str, ...]]
# Title, header, rows.
Section = tuple[str, tuple[str, ...], Rows]

SERVICES = ("customers", "feedback", "metrics", "shared")


class Format(StrEnum):
    TABLE = "table"
    MARKDOWN = "markdown"
    JSON = "json"


def tables() -> dict[str, Rights]:
    """By service."""
    return {service: rights.read(f"rundblick.{service}.v1") for service in SERVICES}


def show(
    service: Annotated[str | None, typer.Argument(help=f"One of {', '.join(SERVICES)}; all without it.")] = None,
    format: Annotated[Format, typer.Option(help="As tables, as Markdown for a file, or as JSON.")] = Format.TABLE,
) -> None:
    """Print who may see and do what: the tables that the services enforce."""
    known = tables()
    if service is not None and service not in known:
        raise typer.BadParameter(f"there is no table of {service}: {', '.join(SERVICES)}")
    chosen = {name: table for name, table in known.items() if service in (None, name)}
    if format is Format.JSON:
        typer.echo(json.dumps({name: _as_json(table) for name, table in chosen.items()}, indent=2, sort_keys=True))
        return
    for name, table in chosen.items():
        for title, header, rows in (*_sections(table), *(_roles() if name == "shared" else ())):
            if format is Format.MARKDOWN:
                typer.echo(f"## {name}: {title}\n\n{_markdown(header, rows)}\n")
            else:
                new_console().print(_table(f"{name}: {title}", header, rows))


def _sections(table: Rights) -> Iterator[Section]:
    scopes: Rows = [
        (scope.name, scope.meaning, _yes(scope.rows), _yes(scope.partners), "processes" if scope.internal else "people")
        for scope in table.scopes.values()
    ]
    if scopes:
        yield "scopes", ("scope", "allows to", "also :team, :own", "partners", "held by"), scopes
    if table.objects:
        header = ("object", "read with", "fields", "personal fields", "need", "own", "team")
        yield "what is seen", header, [_object(one) for one in table.objects]
    if table.rpcs:
        calls: Rows = [
            (method.rsplit(".", 1)[-1].replace("/", "."), " or ".join(scopes)) for method, scopes in table.rpcs.items()
        ]
        yield "calls", ("call", "needs"), calls
    if table.processes:
        held: Rows = [(name, ", ".join(sorted(scopes))) for name, scopes in table.processes.items()]
        yield "processes", ("process", "may on its own account"), held


def _roles() -> Iterator[Section]:
    """As shipped; a company may have its own."""
    rows: Rows = [(name, role.meaning, " ".join(sorted(role.scopes))) for name, role in roles.load().items()]
    yield "roles, unless RUNDBLICK_ROLES names others", ("role", "who", "scopes"), rows


def _object(one: Object) -> tuple[str, ...]:
    open_fields = [field for field in one.fields if field not in one.personal]
    return (
        one.name,
        one.read,
        " ".join(open_fields),
        " ".join(one.personal),
        one.personal_scope or "",
        one.own or "",
        one.team or "",
    )


def _as_json(table: Rights) -> dict[str, object]:
    return {
        "scopes": {
            scope.name: {
                "meaning": scope.meaning,
                "rows": scope.rows,
                "partners": scope.partners,
                "internal": scope.internal,
            }
            for scope in table.scopes.values()
        },
        "objects": {
            one.name: {
                "read": one.read,
                "fields": list(one.fields),
                "personal": list(one.personal),
                "personalScope": one.personal_scope,
                "own": one.own,
                "team": one.team,
                "partOf": one.part_of,
            }
            for one in table.objects
        },
        "calls": {method: list(scopes) for method, scopes in table.rpcs.items()},
        "processes": {name: sorted(scopes) for name, scopes in table.processes.items()},
    }


def _yes(value: bool) -> str:
    return "yes" if value else ""


def _table(title: str, header: tuple[str, ...], rows: list[tuple[str, ...]]) -> Table:
    table = Table(title=title, title_justify="left")
    for column in header:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*row)
    return table


def _markdown(header: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [header, tuple("---" for _ in header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
