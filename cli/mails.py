"""E-mails of a mailbox that a running system could not take: listed, and read once more."""

from collections.abc import Iterator
from datetime import UTC
from typing import Annotated, Any

import typer
from rich.table import Table
from rundblick.feedback.v1 import mail_pb2 as pb
from rundblick.feedback.v1 import mail_pb2_grpc
from rundblick.shared.v1 import page_pb2

from cli.importing import ImportFault
from cli.options import DEFAULT_ENDPOINT, Endpoint, Token, fail, new_console
from cli.services import OperationFault, addresses_of, connected, done

mail_app = typer.Typer(no_args_is_help=True, help="E-mails that could not be taken; they lie in their mailbox.")

_PAGE = 100


@mail_app.command("list")
def list_mails(endpoint: Endpoint = DEFAULT_ENDPOINT, token: Token = None) -> None:
    """List them with why, the oldest first."""
    table = Table()
    for column in ("id", "since", "why"):
        table.add_column(column, overflow="fold")
    for one in _parked(endpoint, token):
        table.add_row(one.id, one.at.ToDatetime(UTC).isoformat(timespec="seconds"), one.why)
    new_console().print(table if table.row_count else "There are none.")


@mail_app.command()
def retry(
    ids: Annotated[list[str] | None, typer.Argument(help="As listed; none: all.", show_default=False)] = None,
    endpoint: Endpoint = DEFAULT_ENDPOINT,
    token: Token = None,
) -> None:
    """Read them from their mailbox once more."""
    request = pb.RetryParkedMailsRequest(ids=ids or [], all=not ids)
    typer.echo(f"{_ask(endpoint, token, request).taken} taken")


def _parked(endpoint: str, token: str | None) -> Iterator[pb.ParkedMail]:
    """All of them, read page by page."""
    after: str | None = None
    while True:
        request = pb.ListParkedMailsRequest(page=page_pb2.PageRequest(first=_PAGE, after=after))
        answer: pb.ListParkedMailsResponse = _ask(endpoint, token, request)
        yield from (edge.node for edge in answer.edges)
        if not answer.page_info.has_next_page:
            return
        after = answer.page_info.end_cursor


def _ask(endpoint: str, token: str | None, request: Any) -> Any:
    async def ask() -> Any:
        async with connected(address, token) as service:
            return await service.ask(mail_pb2_grpc.MailServiceStub, request)

    try:
        address = addresses_of(endpoint, ("feedback",), token)["feedback"]
        return done(ask())
    except (OperationFault, ImportFault) as error:
        fail(error)
