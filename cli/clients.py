"""Partner clients of a running system: made, given new secrets, revoked, listed."""

from collections.abc import Iterator
from datetime import UTC
from typing import Annotated, Any, TypeVar

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rundblick.customers.v1 import client_pb2 as pb
from rundblick.customers.v1 import client_pb2_grpc
from rundblick.shared.v1 import page_pb2

from cli.importing import ImportFault
from cli.options import DEFAULT_ENDPOINT, Endpoint, Token, fail, new_console
from cli.services import OperationFault, addresses_of, connected, done

client_app = typer.Typer(no_args_is_help=True, help="Clients of partners: each sees only what its own sources say.")

_PAGE = 100

Id = Annotated[str, typer.Argument(help="cli_...", show_default=False)]
WithSecret = TypeVar("WithSecret", pb.CreateClientResponse, pb.RotateClientSecretResponse)


@client_app.command()
def create(
    name: Annotated[str, typer.Argument(help="For people.", show_default=False)],
    source: Annotated[list[str], typer.Option(help="Whose records it sees and writes; may be repeated.")],
    scope: Annotated[list[str], typer.Option(help="What it may do; may be repeated.")],
    endpoint: Endpoint = DEFAULT_ENDPOINT,
    token: Token = None,
) -> None:
    """Make a client, and print its id and its secret, which is shown this once."""
    request = pb.CreateClientRequest(name=name, sources=source, scopes=scope)
    _print_secret(_ask(endpoint, token, request))


@client_app.command()
def rotate(
    id: Id,
    overlap: Annotated[float, typer.Option(help="Hours for which the old secret still counts.", min=0)] = 24,
    endpoint: Endpoint = DEFAULT_ENDPOINT,
    token: Token = None,
) -> None:
    """Give a client a new secret, and print it, this once."""
    request = pb.RotateClientSecretRequest(id=id, overlap_seconds=round(overlap * 3600))
    _print_secret(_ask(endpoint, token, request))


@client_app.command()
def revoke(id: Id, endpoint: Endpoint = DEFAULT_ENDPOINT, token: Token = None) -> None:
    """Let a client in no more, for ever. Tokens that are out end within 30 seconds."""
    _ask(endpoint, token, pb.RevokeClientRequest(id=id))
    typer.echo(f"{id} is revoked")


@client_app.command("list")
def list_clients(endpoint: Endpoint = DEFAULT_ENDPOINT, token: Token = None) -> None:
    """List all clients, the oldest first; never a secret."""
    _print_clients(new_console(), _clients(endpoint, token))


def _ask(endpoint: str, token: str | None, request: Any) -> Any:
    async def ask() -> Any:
        async with connected(address, token) as service:
            return await service.ask(client_pb2_grpc.ClientServiceStub, request)

    try:
        address = addresses_of(endpoint, ("customers",), token)["customers"]
        return done(ask())
    except (OperationFault, ImportFault) as error:
        fail(error)


def _clients(endpoint: str, token: str | None) -> Iterator[pb.Client]:
    """All of them, read page by page."""
    after: str | None = None
    while True:
        request = pb.ListClientsRequest(page=page_pb2.PageRequest(first=_PAGE, after=after))
        answer: pb.ListClientsResponse = _ask(endpoint, token, request)
        yield from (edge.node for edge in answer.edges)
        if not answer.page_info.has_next_page:
            return
        after = answer.page_info.end_cursor


def _print_secret(answer: WithSecret) -> None:
    # Two lines that a script can read; what is for people goes beside them.
    typer.echo(f"client_id={answer.client.id}")
    typer.echo(f"client_secret={answer.secret}")
    typer.echo("The secret is shown this once and kept nowhere: pass it on safely.", err=True)


def _print_clients(console: Console, clients: Iterator[pb.Client]) -> None:
    table = Table()
    for column in ("id", "name", "sources", "scopes", "created", "secret since", "state"):
        table.add_column(column, overflow="fold")
    for client in clients:
        rotated = _day(client, "rotated_at") or _day(client, "created_at")
        revoked = _day(client, "revoked_at")
        state = f"revoked {revoked}" if revoked else "active"
        sources, scopes = ", ".join(client.sources), ", ".join(client.scopes)
        table.add_row(
            client.id, escape(client.name), escape(sources), scopes, _day(client, "created_at"), rotated, state
        )
    console.print(table if table.row_count else "There are no clients.")


def _day(client: pb.Client, name: str) -> str:
    """Empty: it never happened."""
    moment = getattr(client, name)
    return moment.ToDatetime(UTC).date().isoformat() if client.HasField(name) else ""  # type: ignore[arg-type]  # one of three literals
