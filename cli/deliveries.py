"""What goes out to customers from a running system: what waits or did not arrive, and once more."""

from collections.abc import Iterator
from datetime import UTC
from enum import Enum
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rundblick.customers.v1 import delivery_pb2 as pb
from rundblick.customers.v1 import delivery_pb2_grpc, touchpoint_pb2
from rundblick.shared.v1 import page_pb2

from cli.importing import ImportFault
from cli.options import DEFAULT_ENDPOINT, Endpoint, Token, fail, new_console
from cli.services import OperationFault, addresses_of, connected, done

deliveries_app = typer.Typer(no_args_is_help=True, help="What goes out to customers, without addresses and texts.")

_PAGE = 100


class State(Enum):
    """On the command line in small letters."""

    QUEUED = "queued"
    SENT = "sent"
    FAILED = "failed"
    BOUNCED = "bounced"
    REFUSED = "refused"


@deliveries_app.command("list")
def list_deliveries(
    state: Annotated[State, typer.Option(help="Which of them.")] = State.FAILED,
    endpoint: Endpoint = DEFAULT_ENDPOINT,
    token: Token = None,
) -> None:
    """List deliveries of one state, the oldest first."""
    _print(new_console(), _deliveries(state, endpoint, token))


@deliveries_app.command()
def retry(
    ids: Annotated[list[str], typer.Argument(help="dlv_...", show_default=False)],
    endpoint: Endpoint = DEFAULT_ENDPOINT,
    token: Token = None,
) -> None:
    """Send once more what failed, bounced or was refused; consent is asked for again."""
    for id in ids:
        _ask(endpoint, token, pb.RetryDeliveryRequest(id=id))
    typer.echo(f"{len(ids)} queued again")


def _deliveries(state: State, endpoint: str, token: str | None) -> Iterator[pb.Delivery]:
    """All of them, read page by page."""
    after: str | None = None
    number = pb.DeliveryState.Value(f"DELIVERY_STATE_{state.name}")
    while True:
        request = pb.ListDeliveriesRequest(state=number, page=page_pb2.PageRequest(first=_PAGE, after=after))
        page: pb.DeliveryPage = _ask(endpoint, token, request).page
        yield from (edge.node for edge in page.edges)
        if not page.page_info.has_next_page:
            return
        after = page.page_info.end_cursor


def _ask(endpoint: str, token: str | None, request: Any) -> Any:
    async def ask() -> Any:
        async with connected(address, token) as service:
            return await service.ask(delivery_pb2_grpc.CustomerDeliveryServiceStub, request)

    try:
        address = addresses_of(endpoint, ("customers",), token)["customers"]
        return done(ask())
    except (OperationFault, ImportFault) as error:
        fail(error)


def _print(console: Console, deliveries: Iterator[pb.Delivery]) -> None:
    table = Table()
    for column in ("id", "customer", "channel", "queued", "expires", "tries", "last error"):
        table.add_column(column, overflow="fold")
    for one in deliveries:
        queued, expires = (at.ToDatetime(UTC).isoformat(timespec="seconds") for at in (one.queued_at, one.expires_at))
        channel = touchpoint_pb2.Channel.Name(one.channel).removeprefix("CHANNEL_")
        table.add_row(one.id, one.customer_id, channel, queued, expires, str(one.attempts), one.last_error)
    console.print(table if table.row_count else "There are none.")
