"""The rundblick command: one function per subcommand; what it does is in the modules beside."""

import os
import re
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from cli import (
    clients,
    deliveries,
    demo_people,
    export_commands,
    identity,
    import_commands,
    kpi_commands,
    mails,
    operations,
    plan,
    report_command,
    rights,
    token_command,
    topic_commands,
)
from cli import demo as demo_view
from cli.certs import NAMES, CertificateFault, renew
from cli.demo_comparison import print_comparison
from cli.graph import Graph, GraphError
from cli.import_commands import import_enquiries, import_records
from cli.importing import ImportFault
from cli.mapping import MappingError
from cli.mongod import MongodError
from cli.options import fail, new_console
from cli.rows import FileError
from cli.stopping import Stop, stop_on_signals
from cli.system import System, SystemFault, running_system, tls_variables

app = typer.Typer(no_args_is_help=True, add_completion=False, help="One view of each customer over every touchpoint.")
app.add_typer(import_commands.import_app, name="import")
app.add_typer(operations.outbox_app, name="outbox")
app.add_typer(operations.rederive_app, name="rederive")
app.add_typer(clients.client_app, name="client")
app.add_typer(identity.identity_app, name="identity")
app.add_typer(deliveries.deliveries_app, name="deliveries")
app.add_typer(mails.mail_app, name="mail")
app.add_typer(kpi_commands.kpi_app, name="kpi")
app.add_typer(topic_commands.topic_app, name="topic")
app.add_typer(export_commands.export_app, name="export")
app.command()(operations.verify)
app.command()(plan.plan)
app.command()(report_command.report)
app.command("rights")(rights.show)
app.command()(token_command.token)

_EXAMPLE = Path(__file__).parents[1] / "examples" / "boston311"
_COLOURS = {
    "mongodb": "blue",
    "customers": "green",
    "feedback": "magenta",
    "metrics": "yellow",
    "gateway": "cyan",
    "issuer": "red",
}

Port = Annotated[int, typer.Option(help="The gateway's port.", min=1, max=65535)]
Data = Annotated[Path, typer.Option(help="Where everything is kept: database, logs, keys.")]
MongoUri = Annotated[str | None, typer.Option(help="An own MongoDB (a replica set) instead of one started here.")]


def _status_table(system: System) -> Table:
    table = Table(title=f"Rundblick, data in {system.data}")
    for column in ("process", "address", "state", "pid"):
        table.add_column(column)
    pid = str(system.mongo.pid) if system.mongo else "not ours"
    table.add_row("mongodb", _without_password(system.mongo_uri), "healthy", pid)
    others = {"gateway": f"{system.endpoint}/graphql", "issuer": system.issuer}
    for name, process in system.processes.items():
        address = others.get(name) or system.listening[name]
        table.add_row(name, address, "healthy", str(process.pid))
    return table


def _without_password(uri: str) -> str:
    return re.sub(r"//[^/@]*@", "//***@", uri)


def _run(
    port: int,
    data: Path,
    mongo_uri: str | None,
    work: Callable[[System, Console], None],
    *,
    verbose: bool,
    tls: bool = False,
) -> None:
    """Start a system, do the work, stop everything: at the end, at Ctrl-C and at SIGTERM."""
    console = new_console()
    lock = threading.Lock()

    def show(name: str, line: str) -> None:
        with lock:
            console.print(f"[{_COLOURS[name]}]{name:>9}[/] | ", end="")
            console.print(line, markup=False, highlight=False)

    stop_on_signals()
    output = show if verbose else None
    try:
        console.print("Starting ...")
        with running_system(data, gateway_port=port, mongo_uri=mongo_uri, output=output, tls=tls) as system:
            console.print(_status_table(system))
            work(system, console)
            console.print("Stopping ...")
    except Stop:
        console.print("Stopped.")
    except (SystemFault, MongodError, GraphError, ImportFault, FileError, MappingError) as error:
        fail(error)


def _stay(system: System, console: Console) -> None:
    console.print(f"[bold]{system.endpoint}/graphql[/] answers until Ctrl-C.")
    if system.tls is not None:
        console.print("Subcommands that call services need an operator's certificate:")
        for name, path in tls_variables(system.tls).items():
            console.print(f"  export {name}={path}", markup=False, highlight=False, soft_wrap=True)
    while True:
        time.sleep(1)
        for process in filter(None, (system.mongo, *system.processes.values())):
            if process.gave_up:
                raise SystemFault(f"{process.name} keeps ending with status {process.last_status}: see {process.log}")


@app.command()
def up(
    port: Port = 8000,
    data: Data = Path(".rundblick"),
    mongo_uri: MongoUri = None,
    tls: Annotated[bool, typer.Option("--tls", help="TLS between all processes, with certificates in --data.")] = False,
) -> None:
    """Run MongoDB, the services and the gateway until Ctrl-C; a process that dies is started again."""
    _run(port, data, mongo_uri, _stay, verbose=True, tls=tls)


@app.command()
def demo(
    port: Port = 8000,
    data: Data = Path(".rundblick/demo"),
    mongo_uri: MongoUri = None,
    exit: Annotated[bool, typer.Option("--exit", help="Stop after printing.")] = False,
) -> None:
    """Run everything, import real enquiries, and print what the graph says."""

    def work(system: System, console: Console) -> None:
        began = time.monotonic()
        file = _EXAMPLE / "boston311_2013_2017.csv.gz"
        import_enquiries(file, _EXAMPLE / "mapping.toml", system.endpoint, data / "rejected.csv", 500, None, console)
        graph = Graph(system.endpoint)
        figures = demo_view.figures(graph, seconds=180)
        demo_view.print_customer(console, graph)
        demo_view.print_figures(console, figures)
        print_comparison(console, graph)
        for kind, rows, mapping in demo_people.FILES:
            described = demo_people.EXAMPLE / mapping
            rejected, quiet = data / "rejected.csv", Console(quiet=True)
            import_records(kind, demo_people.EXAMPLE / rows, described, system.endpoint, rejected, 500, None, quiet)
        demo_people.print_people(console, graph)
        console.print(f"From the file to these figures: {time.monotonic() - began:.1f} s.")
        if not exit:
            _stay(system, console)

    _run(port, data, mongo_uri, work, verbose=False)


@app.command()
def certs(
    folder: Annotated[Path, typer.Argument(help="Where they are laid down.", show_default=False)],
    name: Annotated[list[str] | None, typer.Option(help="For this process alone; may be repeated.")] = None,
    days: Annotated[float, typer.Option(help="How long they are valid.", min=0.01, max=825)] = 30,
) -> None:
    """Make an authority for development and a certificate for each process; again: renew those that end soon.

    A running process takes up a renewed certificate by itself.
    """
    if os.environ.get("RUNDBLICK_ENV") == "production":
        fail(CertificateFault("a development authority is not made in production: let cert-manager or your own sign"))
    try:
        for line in renew(folder, tuple(name or NAMES), days=days):
            typer.echo(line)
    except CertificateFault as error:
        fail(error)


@app.command()
def schema(
    subgraph: Annotated[str | None, typer.Option(help="customers, feedback, metrics or node; none: the whole.")] = None,
) -> None:
    """Print the graph's schema, or one subgraph as Federation 2."""
    from gateway.schema import SUBGRAPHS, printed_schema, subgraph_sdl  # noqa: PLC0415  # only this command pays for it

    if subgraph is None:
        typer.echo(printed_schema(), nl=False)
    elif subgraph in SUBGRAPHS:
        typer.echo(subgraph_sdl(subgraph), nl=False)
    else:
        fail(SystemFault(f"there is no subgraph {subgraph}: it is one of {', '.join(SUBGRAPHS)}"))


def main() -> None:
    app()


if __name__ == "__main__":
    main()
