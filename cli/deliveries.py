"""What goes out to customers from a running system: what waits or did not arrive, and once more."""

from collections.abc import Iterator
from datetime import UTC
from enum import Enum
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rundblick.customers.v1 import delivery_pb2 as pb
from rundblick.customers.v1 import delivery_pb2_grpc, touchpoint_pb2, webhook_pb2, webhook_pb2_grpc
from rundblick.shared.v1 import page_pb2

from chassis.ids import prefix_of
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


class Told(Enum):
    """Of notifications, likewise."""

    QUEUED = "queued"
    SENT = "sent"
    FAILED = "failed"


@deliveries_app.command("list")
def list_deliveries(
    state: Annotated[State, typer.Option(help="Which of them.")] = State.FAILED,
    endpoint: Endpoint = DEFAULT_ENDPOINT,
    token: Token = None,
) -> None:
    """List deliveries of one state, the oldest first."""
    _print(new_console(), _deliveries(state, endpoint, token))


@deliveries_app.command("notifications")
def list_notifications(
    state: Annotated[Told, typer.Option(help="Which of them.")] = Told.FAILED,
    endpoint: Endpoint = DEFAULT_ENDPOINT,
    token: Token = None,
) -> None:
    """List what webhooks are told of what happened, of one state, the oldest first."""
    _print_notifications(new_console(), _notifications(state, endpoint, token))


@deliveries_app.command()
def retry(
    ids: Annotated[list[str], typer.Argument(help="dlv_... or whn_...", show_default=False)],
    endpoint: Endpoint = DEFAULT_ENDPOINT,
    token: Token = None,
) -> None:
    """Send once more what failed, bounced or was refused; consent is asked for again. Tell webhooks once more."""
    for id in ids:
        again: Any = pb.RetryDeliveryRequest(id=id)
        if prefix_of(id) == "whn":
            again = webhook_pb2.RedeliverWebhookNotificationRequest(id=id)
        _ask(endpoint, token, again)
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


def _notifications(state: Told, endpoint: str, token: str | None) -> Iterator[webhook_pb2.WebhookNotification]:
    after: str | None = None
    number = webhook_pb2.WebhookNotificationState.Value(f"WEBHOOK_NOTIFICATION_STATE_{state.name}")
    while True:
        page = page_pb2.PageRequest(first=_PAGE, after=after)
        answer: webhook_pb2.ListWebhookNotificationsResponse = _ask(
            endpoint, token, webhook_pb2.ListWebhookNotificationsRequest(state=number, page=page)
        )
        yield from (edge.node for edge in answer.edges)
        if not answer.page_info.has_next_page:
            return
        after = answer.page_info.end_cursor


def _ask(endpoint: str, token: str | None, request: Any) -> Any:
    async def ask() -> Any:
        async with connected(address, token) as service:
            of_webhooks = "Webhook" in type(request).__name__
            stub: Any = webhook_pb2_grpc.WebhookServiceStub
            return await service.ask(stub if of_webhooks else delivery_pb2_grpc.CustomerDeliveryServiceStub, request)

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


def _print_notifications(console: Console, notifications: Iterator[webhook_pb2.WebhookNotification]) -> None:
    table = Table()
    for column in ("id", "endpoint", "event", "subject", "queued", "tries", "last error"):
        table.add_column(column, overflow="fold")
    for one in notifications:
        name = webhook_pb2.WebhookEvent.Name(one.happening.event).removeprefix("WEBHOOK_EVENT_")
        queued = one.queued_at.ToDatetime(UTC).isoformat(timespec="seconds")
        subject, tries = one.happening.subject_id, str(one.attempts)
        table.add_row(one.id, one.endpoint_id, name, subject, queued, tries, one.last_error)
    console.print(table if table.row_count else "There are none.")
