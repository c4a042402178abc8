"""Sends the rows of a file to customers, a batch after another; a batch that was not answered is sent again."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from rundblick.customers.v1 import importing_pb2, importing_pb2_grpc

from chassis.calls import call
from chassis.errors import DeadlineExceeded, DomainError, Unavailable
from cli.cells import Cells, columns
from cli.importing import Counts, ImportFault, Rejected, RejectedFile
from cli.mapping import RowError
from cli.options import operator_channel
from cli.record_mapping import RecordMapping
from cli.record_rows import Kind
from cli.rows import RowFile

_ATTEMPTS = 30
_PAUSE_SECONDS = 1.0
_TIMEOUT_SECONDS = 60.0


@dataclass
class RowBatch:
    request: importing_pb2.ImportRowsRequest
    position: int = 0  # of the file, in bytes, behind its last row
    read: int = 0
    rejected: list[Rejected] = field(default_factory=list)


def row_batches(
    file: RowFile, kind: Kind, mapping: RecordMapping, size: int, *, dry_run: bool = False
) -> Iterator[RowBatch]:
    """Requests of at most `size` rows; rows that cannot be mapped are rejected here."""

    def begun() -> RowBatch:
        return RowBatch(importing_pb2.ImportRowsRequest(source=mapping.source, dry_run=dry_run))

    batch = begun()
    for row in file.rows(columns(mapping)):
        batch.read += 1
        try:
            if row.error:
                raise RowError("", row.error)
            message = importing_pb2.ImportedRow(line=row.line)
            kind.row(mapping, Cells(mapping, row.values), message)
        except RowError as error:
            batch.rejected.append(Rejected(row.line, error.column, error.reason))
        else:
            batch.request.rows.append(message)
        if batch.read >= size:
            batch.position = file.position
            yield batch
            batch = begun()
    batch.position = file.position
    if batch.read:
        yield batch


async def import_rows(
    address: str,
    batches: Iterator[RowBatch],
    rejected: RejectedFile,
    *,
    token: str | None,
    progress: Callable[[Counts, int], None],
) -> Counts:
    """ImportFault: refused, or nobody answered for too long. What was answered for is stored."""
    counts = Counts()
    async with operator_channel(address) as channel:
        stub = importing_pb2_grpc.ImportServiceStub(channel)
        for batch in batches:
            answer = await _sent(stub, batch.request, token)
            rows = batch.rejected + [_told(row, row.error.message) for row in answer.rejected]
            left_out = [_told(row, f"left out: {row.error.message}") for row in answer.left_out]
            rejected.write(sorted(rows + left_out, key=lambda row: row.line))
            counts.read += batch.read
            counts.created += answer.created
            counts.changed += answer.changed
            counts.unchanged += answer.unchanged
            counts.rejected += len(rows)
            progress(counts, batch.position)
    return counts


def _told(row: importing_pb2.RejectedImportRow, why: str) -> Rejected:
    return Rejected(row.line, "/".join(row.error.path), why)


async def _sent(
    stub: importing_pb2_grpc.ImportServiceStub, request: importing_pb2.ImportRowsRequest, token: str | None
) -> importing_pb2.ImportRowsResponse:
    """Sent twice it is taken once: rows are known again by their keys."""
    for attempt in range(_ATTEMPTS):
        try:
            answer: importing_pb2.ImportRowsResponse = await call(
                stub.ImportRows, request, timeout=_TIMEOUT_SECONDS, token=token
            )
        except (Unavailable, DeadlineExceeded):
            if attempt + 1 < _ATTEMPTS:
                await asyncio.sleep(_PAUSE_SECONDS)
        except DomainError as error:
            raise ImportFault(f"the import was refused: {error.message}") from None
        else:
            return answer
    raise ImportFault("customers does not answer; run the import again: it goes on from here")
