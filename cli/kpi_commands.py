"""rundblick kpi: definitions as files."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from cli import kpis
from cli.graph import Graph, GraphError
from cli.options import DEFAULT_ENDPOINT, Endpoint, Token, fail, new_console

kpi_app = typer.Typer(no_args_is_help=True, help="What is measured, and how.")

_LIST = """{ kpis { key name unit direction target { value } definition { version event aggregation
  backFill { done total forecast } } } }"""
_SHOW = """query($key: String!) { kpi(key: $key) { key name description unit direction archivedAt
  target { value since until } owner { id }
  definition { version event filter value aggregation quantile of perCustomer countedFrom
    dimensionSets { dimensions } backFill { job done total forecast } } } }"""


@kpi_app.command("list")
def list_kpis(endpoint: Endpoint = DEFAULT_ENDPOINT, token: Token = None) -> None:
    """List the KPIs, and how far the counting of stored events is where it is still going on."""
    try:
        found = Graph(endpoint, token).ask(_LIST)["kpis"]
    except GraphError as error:
        fail(error)
    table = Table()
    for column in ("key", "version", "aggregation", "event", "unit", "target", "counted"):
        table.add_column(column)
    for kpi in found:
        definition = kpi["definition"]
        table.add_row(
            kpi["key"],
            str(definition["version"]),
            definition["aggregation"],
            definition["event"] or "",
            kpi["unit"],
            f"{kpi['target']['value']:g}" if kpi["target"] else "",
            _progress(definition["backFill"]),
        )
    new_console().print(table)


def _progress(fill: dict[str, Any] | None) -> str:
    if fill is None:
        return "all"
    percent = 100 * fill["done"] // fill["total"] if fill["total"] else 0
    if not fill["forecast"]:
        return f"{percent} %"
    left = (datetime.fromisoformat(fill["forecast"]) - datetime.now(UTC)).total_seconds()
    return f"{percent} %, {max(left, 0):.0f} s left"


@kpi_app.command()
def show(key: str, endpoint: Endpoint = DEFAULT_ENDPOINT, token: Token = None) -> None:
    """Show one definition."""
    try:
        kpi = Graph(endpoint, token).ask(_SHOW, key=key)["kpi"]
        if kpi is None:
            raise GraphError(f"there is no KPI {key}: see rundblick kpi list")
    except GraphError as error:
        fail(error)
    definition = kpi.pop("definition")
    definition["dimensionSets"] = "; ".join(", ".join(s["dimensions"]) for s in definition["dimensionSets"]) or None
    table = Table(show_header=False)
    for name, value in {**kpi, **definition}.items():
        if value not in (None, [], ""):
            shown = (
                " ".join(f"{k} {v}" for k, v in value.items() if v is not None) if isinstance(value, dict) else value
            )
            table.add_row(name, ", ".join(shown) if isinstance(shown, list) else str(shown))
    new_console().print(table)


@kpi_app.command()
def apply(
    file: Annotated[Path, typer.Argument(help="YAML: a list of KPIs, or events and kpis.")],
    endpoint: Endpoint = DEFAULT_ENDPOINT,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would change, and change nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    token: Token = None,
) -> None:
    """Show what a file changes, then apply it. A file with a mistake changes nothing; twice changes nothing more."""
    console = new_console()
    try:
        applying = kpis.Applying(Graph(endpoint, token), kpis.read(file), file.name)
        plans = list(applying.plans())
        for event in applying.new_events:
            console.print(f"events {event.get('name')}: declared", highlight=False)
        for plan in plans:
            _print_plan(console, plan)
        todo = [plan for plan in plans if plan.changes or plan.waits_for]
        if not todo and not applying.new_events:
            console.print("nothing to change")
            return
        if dry_run or not (yes or typer.confirm("Apply?")):
            return
        for key, version, anew in applying.apply(plans):
            said = ", stored events are being counted: see rundblick kpi list" if anew else ""
            console.print(f"{key} is at version {version}{said}", highlight=False)
    except (kpis.DefinitionFault, GraphError) as error:
        fail(error)


def _print_plan(console: Console, plan: kpis.Plan) -> None:
    key = plan.kpi.get("key")
    if plan.waits_for:
        console.print(f"{key}: tried when {plan.waits_for} is defined", highlight=False)
        return
    if not plan.changes:
        console.print(f"{key}: as it is", highlight=False)
        return
    console.print(f"{key}: {'new' if plan.version == 0 else f'version {plan.version + 1}'}", highlight=False)
    for name, before, after in plan.changes:
        said = f"{before} -> {after}" if before else after
        console.print(f"  {name}: {said}", highlight=False, markup=False)
    trial = plan.trial
    if trial and trial["examined"]:
        left = ", ".join(f"{one['reason']} {one['count']}" for one in trial["leftOut"])
        result = "nothing" if trial["result"] is None else f"{trial['result']:g}"
        console.print(
            f"  of the newest {trial['examined']} events it counts {trial['counted']}"
            f"{f' and leaves out {left}' if left else ''}; they give {result}",
            highlight=False,
            markup=False,
        )
        for fault in trial["faults"]:
            console.print(f"  {fault['count']} x {fault['message']}, such as {fault['event']}", markup=False)


@kpi_app.command()
def archive(key: str, endpoint: Endpoint = DEFAULT_ENDPOINT, token: Token = None) -> None:
    """Count it no more; what was counted stays."""
    mutation = "mutation($input: ArchiveKpiInput!) { archiveKpi(input: $input) { kpi { key } userErrors { message } } }"
    try:
        payload = Graph(endpoint, token).ask(mutation, input={"key": key})["archiveKpi"]
        if payload["userErrors"]:
            raise GraphError("; ".join(error["message"] for error in payload["userErrors"]))
    except GraphError as error:
        fail(error)
    typer.echo(f"{key} is archived")
