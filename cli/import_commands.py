"""rundblick import: files of rows into a running system."""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import grpc
import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rundblick.feedback.v1 import feedback_pb2_grpc, mail_pb2_grpc

from cli.feedback_importing import FeedbackMapping, feedback_batches
from cli.importing import Counts, Importer, ImportFault, Interrupted, RejectedFile, batches, run_import, service_address
from cli.mail_importing import mail_batches
from cli.mapping import MappingError, RowMapper, read, read_mapping
from cli.options import DEFAULT_ENDPOINT, Endpoint, Token, fail, new_console
from cli.record_importing import import_rows, row_batches
from cli.record_rows import KINDS
from cli.rows import FileError, RowFile, open_rows
from cli.stopping import Stop, stop_on_signals

SOME_ROWS_REJECTED = 3

import_app = typer.Typer(no_args_is_help=True, help="Bring data into a running system.")

File = Annotated[Path, typer.Argument(help="CSV or JSON Lines, plain or gzip.")]
Mapping = Annotated[Path, typer.Option(help="How columns become fields: a TOML file.")]
RejectedRows = Annotated[Path | None, typer.Option(help="Where rejected rows are listed.")]
Rows = Annotated[int, typer.Option(help="Rows per transaction.", min=1, max=1000)]

DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would become of the rows, and keep nothing.")]

# Told after each batch: the counts so far, and where in the file it ended.
Told = Callable[[Counts, int], None]


def import_enquiries(
    file: Path, mapping: Path, endpoint: str, rejected: Path, size: int, token: str | None, console: Console
) -> Counts:
    """ImportFault, FileError, MappingError, Stop."""
    described = read_mapping(mapping)
    address = service_address(endpoint, "feedback", token)
    report = RejectedFile(rejected)
    with _progress(file, console) as (rows, told):
        source = batches(rows, RowMapper(described), described.source, size)
        counts = _streamed(Importer(address, source, report, token=token, progress=told))
    return _reported(counts, report, console)


def import_feedback(
    file: Path, mapping: Path, endpoint: str, rejected: Path, size: int, token: str | None, console: Console
) -> Counts:
    """ImportFault, FileError, MappingError, Stop."""
    described = read(FeedbackMapping, mapping)
    address = service_address(endpoint, "feedback", token)
    report = RejectedFile(rejected)
    with _progress(file, console) as (rows, told):
        source = feedback_batches(rows, described, size)
        counts = _streamed(Importer(address, source, report, token=token, progress=told, method=_of_feedback))
    return _reported(counts, report, console)


def import_mails(
    path: Path,
    own: list[str],
    touchpoint: str | None,
    endpoint: str,
    rejected: Path,
    size: int,
    token: str | None,
    console: Console,
) -> Counts:
    """ImportFault, FileError, Stop."""
    address = service_address(endpoint, "feedback", token)
    report = RejectedFile(rejected)
    source = mail_batches(path, own, touchpoint, size)
    importer = Importer(address, source, report, token=token, progress=lambda *_: None, method=_of_mails)
    return _reported(_streamed(importer), report, console)


def _of_feedback(channel: grpc.aio.Channel) -> Any:
    return feedback_pb2_grpc.FeedbackServiceStub(channel).ImportFeedback


def _of_mails(channel: grpc.aio.Channel) -> Any:
    return mail_pb2_grpc.MailServiceStub(channel).ImportMails


def _streamed(importer: Importer) -> Counts:
    try:
        return run_import(importer)
    except Interrupted:
        raise Stop from None


def import_records(
    kind: str,
    file: Path,
    mapping: Path,
    endpoint: str,
    rejected: Path,
    size: int,
    token: str | None,
    console: Console,
    *,
    dry_run: bool = False,
) -> Counts:
    """kind: of KINDS. dry_run: nothing is kept. ImportFault, FileError, MappingError, Stop."""
    described = read(KINDS[kind].mapping, mapping)
    address = service_address(endpoint, "customers", token)
    report = RejectedFile(rejected)
    with _progress(file, console) as (rows, told):
        source = row_batches(rows, KINDS[kind], described, size, dry_run=dry_run)
        counts = asyncio.run(import_rows(address, source, report, token=token, progress=told))
    if dry_run:
        console.print("A dry run: nothing was kept. Of all rows it would be", highlight=False)
    return _reported(counts, report, console)


@contextmanager
def _progress(file: Path, console: Console) -> Iterator[tuple[RowFile, Told]]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[rows]:,} rows, {task.fields[rate]:,.0f}/s"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    began = time.monotonic()
    with open_rows(file) as rows, Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task(file.name, total=rows.size, rows=0, rate=0.0)
        last = Counts()

        def told(counts: Counts, position: int) -> None:
            nonlocal last
            last = counts
            bar.update(task, completed=position, rows=counts.read, rate=counts.read / _since(began))

        yield rows, told
    seconds = _since(began)
    console.print(f"{last.read} rows read in {seconds:.1f} s ({last.read / seconds:,.0f}/s)", highlight=False)


def _since(began: float) -> float:
    return max(time.monotonic() - began, 0.001)


def _reported(counts: Counts, report: RejectedFile, console: Console) -> Counts:
    console.print(
        f"{counts.created} created, {counts.changed} changed, {counts.unchanged} unchanged, {counts.rejected} rejected",
        highlight=False,
    )
    if report.written:
        console.print(f"Rejected rows, with line, column and reason: {report.path}", highlight=False)
    return counts


def _command(work: Callable[[], Counts]) -> None:
    """Exit status 3: some rows were rejected; 130: stopped."""
    stop_on_signals()
    try:
        counts = work()
    except (ImportFault, FileError, MappingError) as error:
        fail(error)
    except Stop:
        typer.echo("Stopped; running it again goes on from here.", err=True)
        raise typer.Exit(130) from None
    if counts.rejected:
        raise typer.Exit(SOME_ROWS_REJECTED)


@import_app.command()
def enquiries(
    file: File,
    mapping: Mapping,
    endpoint: Endpoint = DEFAULT_ENDPOINT,
    rejected: RejectedRows = None,
    batch: Annotated[int, typer.Option(help="Rows per transaction.", min=1, max=2000)] = 500,
    token: Token = None,
) -> None:
    """Import enquiries with their messages. Running it twice changes nothing; after a break it goes on.

    Exit status 3: some rows were rejected; they are listed with line, column and reason.
    """
    report = rejected or Path(f"{file.name}.rejected.csv")
    _command(lambda: import_enquiries(file, mapping, endpoint, report, batch, token, new_console()))


@import_app.command()
def feedback(
    file: File,
    mapping: Mapping,
    endpoint: Endpoint = DEFAULT_ENDPOINT,
    rejected: RejectedRows = None,
    batch: Rows = 500,
    token: Token = None,
) -> None:
    """Import feedback. Running it twice changes nothing; what a row says anew corrects it.

    Exit status 3: some rows were rejected; they are listed with line, column and reason.
    """
    report = rejected or Path(f"{file.name}.rejected.csv")
    _command(lambda: import_feedback(file, mapping, endpoint, report, batch, token, new_console()))


@import_app.command()
def mail(
    path: Annotated[Path, typer.Argument(help="A mbox file, or a folder with .eml files.")],
    own: Annotated[
        list[str] | None, typer.Option(help="An address or a domain of the company; may be repeated.")
    ] = None,
    touchpoint: Annotated[str | None, typer.Option(help="The key of where they came in; email, if not said.")] = None,
    endpoint: Endpoint = DEFAULT_ENDPOINT,
    rejected: RejectedRows = None,
    batch: Annotated[int, typer.Option(help="Mails per call.", min=1, max=1000)] = 100,
    token: Token = None,
) -> None:
    """Import e-mails as enquiries and their messages: created, those that opened one; changed, those that were added.

    Running it twice changes nothing. Exit status 3: some could not be read; they are listed with place and reason,
    and so are those that belong to no conversation.
    """
    report = rejected or Path(f"{path.name}.rejected.csv")
    _command(lambda: import_mails(path, own or [], touchpoint, endpoint, report, batch, token, new_console()))


def _add(kind: str) -> None:
    def command(
        file: File,
        mapping: Mapping,
        endpoint: Endpoint = DEFAULT_ENDPOINT,
        rejected: RejectedRows = None,
        batch: Rows = 500,
        dry_run: DryRun = False,
        token: Token = None,
    ) -> None:
        report = rejected or Path(f"{file.name}.rejected.csv")
        _command(
            lambda: import_records(kind, file, mapping, endpoint, report, batch, token, new_console(), dry_run=dry_run)
        )

    text = f"Import {kind}. Running it twice changes nothing; exit status 3: some rows were rejected."
    import_app.command(kind, help=text)(command)


for _kind in KINDS:
    _add(_kind)
