"""Subcommands for who looks after a running system: its outbox, its derivations, its self-check."""

from typing import Annotated

import typer
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from cli import retelling
from cli import verify as verifying
from cli.importing import ImportFault
from cli.options import DEFAULT_ENDPOINT, Endpoint, Token, fail, new_console
from cli.outbox import SERVICES, OutboxClient, OutboxFault, print_entries
from cli.rederive import CUSTOMERS, WAITS, Change, Derived, rederive
from cli.services import OperationFault, addresses_of, answers, done

outbox_app = typer.Typer(no_args_is_help=True, help="What services have still to tell each other.")
rederive_app = typer.Typer(no_args_is_help=True, help="Derive anew what follows from recorded facts.")

DIFFERENCES = 4
_ALL = ("customers", "feedback", "metrics")


@outbox_app.command("list")
def list_entries(
    endpoint: Endpoint = DEFAULT_ENDPOINT,
    parked: Annotated[bool, typer.Option("--parked", help="Only what was given up.")] = False,
    token: Token = None,
) -> None:
    """List what services have still to tell each other, and what they gave up, with the reason."""
    try:
        clients = [OutboxClient(endpoint, service, token) for service in SERVICES]
        found = (entry for client in clients for entry in client.entries(parked=True if parked else None))
        print_entries(new_console(), found)
    except (OutboxFault, ImportFault) as error:
        fail(error)


@outbox_app.command()
def retry(
    ids: Annotated[list[str] | None, typer.Argument(help="Parked entries.")] = None,
    all: Annotated[bool, typer.Option("--all", help="Every parked entry.")] = False,
    endpoint: Endpoint = DEFAULT_ENDPOINT,
    token: Token = None,
) -> None:
    """Deliver parked entries again, after what stopped them was mended."""
    try:
        clients = [OutboxClient(endpoint, service, token) for service in SERVICES]
        retried = sum(client.retry(ids or [], all=all) for client in clients)
    except (OutboxFault, ImportFault) as error:
        fail(error)
    typer.echo(f"{retried} delivered again")


DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would change, and change nothing.")]
After = Annotated[str, typer.Option(help="Go on after this id, where an earlier run ended.")]


@rederive_app.command()
def waits(
    endpoint: Endpoint = DEFAULT_ENDPOINT, dry_run: DryRun = False, after: After = "", token: Token = None
) -> None:
    """Derive all waits anew from messages and show what changes; figures follow. Running it twice changes nothing."""
    _rederive(WAITS, endpoint, token, dry_run=dry_run, after=after)


@rederive_app.command()
def customers(
    endpoint: Endpoint = DEFAULT_ENDPOINT, dry_run: DryRun = False, after: After = "", token: Token = None
) -> None:
    """Derive anew by what customers are found, in a search and by match rules, after a release changed how.

    Running it twice changes nothing. Whoever came in meanwhile is not held against those who are found only now: run
    the job of duplicates for them.
    """
    _rederive(CUSTOMERS, endpoint, token, dry_run=dry_run, after=after)


def _rederive(derived: Derived, endpoint: str, token: str | None, *, dry_run: bool, after: str) -> None:
    console = new_console()
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    try:
        address = addresses_of(endpoint, (derived.service,), token)[derived.service]
        with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
            task = bar.add_task(derived.nouns, total=None)

            def progress(examined: int, total: int, changes: list[Change]) -> None:
                bar.update(task, completed=examined, total=max(total, examined))
                for id, details in changes:
                    for detail in details:
                        bar.console.print(f"{id}: {detail}", markup=False, highlight=False)

            result = done(rederive(derived, address, token, after=after, dry_run=dry_run, progress=progress))
    except (OperationFault, ImportFault) as error:
        fail(error)
    verb = "would change" if dry_run else "changed"
    console.print(f"{result.examined} {derived.nouns} examined, {result.changed} {verb}", highlight=False)


@rederive_app.command()
def figures(endpoint: Endpoint = DEFAULT_ENDPOINT, token: Token = None) -> None:
    """Tell metrics anew what the others know, after its database was lost. Nobody has to stop writing.

    Stop metrics, drop its database, run this to its end, and start metrics: it counts what then waits for it. Broken
    off, it is run again, with metrics still stopped. Definitions of your own are applied again: rundblick kpi apply.
    """
    console = new_console()
    columns = (TextColumn("{task.description}"), TextColumn("{task.completed:,} told"))
    try:
        addresses = addresses_of(endpoint, _ALL, token)
        if done(answers(addresses.pop("metrics"))):
            fail(OperationFault("metrics still runs: it would count twice. Stop it and drop its database first"))
        with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
            tasks = {part: bar.add_task(part, total=None) for _, part in retelling.TOLD}

            def progress(part: str, count: int) -> None:
                bar.update(tasks[part], completed=count)

            examined = done(retelling.retell(addresses, token, progress=progress))
    except (OperationFault, ImportFault) as error:
        fail(error)
    for part, count in examined.items():
        console.print(f"{part}: {count} told again", highlight=False)
    console.print("Start metrics now. When its outboxes are empty, rundblick verify finds nothing.", highlight=False)


def verify(
    endpoint: Endpoint = DEFAULT_ENDPOINT,
    sample: Annotated[
        int | None, typer.Option(help="So many of each kind, by chance, instead of all; figures always whole.", min=1)
    ] = None,
    wait: Annotated[float, typer.Option(help="Seconds to wait until nothing is on its way.", min=0)] = 60,
    token: Token = None,
) -> None:
    """Recompute everything derived from what was recorded, over all services, and name each difference.

    Exit status 4: there are differences.
    """
    console = new_console()
    columns = (TextColumn("{task.description}"), TextColumn("{task.completed:,} examined"))
    try:
        addresses = addresses_of(endpoint, _ALL, token)
        with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
            tasks = {name: bar.add_task(name, total=None) for name in (*[p for _, p in verifying.PARTS], "figures")}

            def progress(part: str, count: int) -> None:
                bar.update(tasks[part], completed=count)

            report = done(verifying.verify(addresses, token, sample=sample, seconds=wait, progress=progress))
    except (OperationFault, ImportFault) as error:
        fail(error)
    verifying.print_report(console, report)
    if report.differences:
        raise typer.Exit(DIFFERENCES)
