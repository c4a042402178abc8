"""What services have still to tell each other: listed, and delivered again after somebody has mended the cause."""

import asyncio
from collections.abc import Iterator, Sequence
from datetime import UTC
from typing import Any

from rich.console import Console
from rich.table import Table
from rundblick.shared.v1 import outbox_pb2, outbox_pb2_grpc, page_pb2

from chassis.calls import call
from chassis.errors import DomainError
from cli.importing import service_address
from cli.options import operator_channel

# Those that have an outbox.
SERVICES = ("customers", "feedback")
_PAGE = 100
_TIMEOUT = 10.0


class OutboxFault(Exception):
    """Why there is no answer, in one line."""


class OutboxClient:
    def __init__(self, endpoint: str, service: str, token: str | None) -> None:
        self._address = service_address(endpoint, service, token)
        self._token = token

    def entries(self, *, parked: bool | None) -> Iterator[outbox_pb2.OutboxEntry]:
        """All of them, oldest first, read page by page."""
        after: str | None = None
        while True:
            request = outbox_pb2.ListOutboxEntriesRequest(
                page=page_pb2.PageRequest(first=_PAGE, after=after), parked=parked
            )
            answer: outbox_pb2.ListOutboxEntriesResponse = self._call("ListOutboxEntries", request)
            yield from (edge.node for edge in answer.edges)
            if not answer.page_info.has_next_page:
                return
            after = answer.page_info.end_cursor

    def retry(self, ids: Sequence[str], *, all: bool) -> int:
        answer: outbox_pb2.RetryOutboxEntriesResponse = self._call(
            "RetryOutboxEntries", outbox_pb2.RetryOutboxEntriesRequest(ids=ids, all=all)
        )
        return answer.retried

    def _call(self, name: str, request: object) -> Any:
        async def ask() -> Any:
            async with operator_channel(self._address) as channel:
                method = getattr(outbox_pb2_grpc.OutboxServiceStub(channel), name)
                return await call(method, request, timeout=_TIMEOUT, token=self._token)

        try:
            return asyncio.run(ask())
        except DomainError as error:
            raise OutboxFault(error.message) from None


def print_entries(console: Console, entries: Iterator[outbox_pb2.OutboxEntry]) -> None:
    table = Table()
    for column in ("id", "for", "about", "recorded", "tries", "state", "last error"):
        table.add_column(column, overflow="fold")
    for entry in entries:
        error = f"{entry.last_error.code}: {entry.last_error.message}" if entry.HasField("last_error") else ""
        recorded = entry.recorded_at.ToDatetime(UTC).isoformat(timespec="seconds")
        state = "parked" if entry.parked else "waiting"
        about = f"{entry.aggregate} #{entry.sequence}"
        table.add_row(entry.id, entry.destination, about, recorded, str(entry.attempts), state, error)
    console.print(table if table.row_count else "Nothing waits and nothing is parked.")
