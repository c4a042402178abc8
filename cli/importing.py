"""Sends what a file holds to a running system in batches, and again what was not answered: nothing is taken twice."""

import asyncio
import csv
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import httpx
from rundblick.feedback.v1 import enquiry_pb2, enquiry_pb2_grpc

from chassis.calls import error_of, metadata_of
from chassis.errors import DomainError, Unavailable
from cli.mapping import RowError, RowMapper
from cli.options import operator_channel
from cli.rows import RowFile

_IN_FLIGHT = 3
_ATTEMPTS = 30
_PAUSE_SECONDS = 1.0
# The whole of a stream has a deadline; a longer import simply goes on in the next stream.
_STREAM_SECONDS = 1800.0


class ImportFault(Exception):
    """Why the import ended early, in one line."""


@dataclass
class Counts:
    read: int = 0
    created: int = 0
    changed: int = 0
    unchanged: int = 0
    rejected: int = 0


@dataclass(frozen=True, slots=True)
class Rejected:
    line: int
    column: str
    reason: str


@dataclass
class Batch:
    request: Any  # of the call that takes it; `batch` numbers it
    read: int
    position: int  # of the file, in bytes, behind its last row
    rejected: list[Rejected] = field(default_factory=list)


def service_address(endpoint: str, service: str, token: str | None) -> str:
    """Where a service of the running system answers; the gateway knows."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        answer = httpx.get(f"{endpoint.rstrip('/')}/.well-known/rundblick", headers=headers, timeout=10)
        answer.raise_for_status()
        return str(answer.json()["services"][service])
    except httpx.HTTPStatusError as error:
        raise ImportFault(f"{endpoint} refuses: {error.response.status_code}; see --token and its scopes") from None
    except (httpx.HTTPError, httpx.InvalidURL):
        raise ImportFault(f"nothing answers at {endpoint}: start it with rundblick up, or see --endpoint") from None
    except (KeyError, TypeError, ValueError):
        raise ImportFault(f"{endpoint} does not say where its services are: a token with the scope import?") from None


def batches(file: RowFile, mapper: RowMapper, source: str, size: int) -> Iterator[Batch]:
    """The rows as requests of at most `size` enquiries; rows that cannot be mapped are rejected here."""
    batch = Batch(enquiry_pb2.ImportEnquiriesRequest(batch=1, source=source), 0, 0)
    known: set[tuple[str, str]] = set()
    for row in file.rows(mapper.columns()):
        batch.read += 1
        try:
            if row.error:
                raise RowError("", row.error)
            mapped = mapper(row.line, row.values)
        except RowError as error:
            batch.rejected.append(Rejected(row.line, error.column, error.reason))
        else:
            request = batch.request
            request.enquiries.append(mapped.enquiry)
            if mapped.customer and ("customer", mapped.customer.external_id) not in known:
                known.add(("customer", mapped.customer.external_id))
                request.customers.append(mapped.customer)
            if ("touchpoint", mapped.touchpoint.key) not in known:
                known.add(("touchpoint", mapped.touchpoint.key))
                request.touchpoints.append(mapped.touchpoint)
            if mapped.team and ("team", mapped.team.key) not in known:
                known.add(("team", mapped.team.key))
                request.teams.append(mapped.team)
        if len(batch.request.enquiries) >= size:
            batch.position = file.position
            number = batch.request.batch
            yield batch
            batch = Batch(enquiry_pb2.ImportEnquiriesRequest(batch=number + 1, source=source), 0, 0)
            known.clear()
    batch.position = file.position
    if batch.read:
        yield batch


class RejectedFile:
    """Rejected rows with line, column and reason; made only when there is one."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.written = 0

    def write(self, rows: list[Rejected]) -> None:
        if not rows:
            return
        with self.path.open("w" if not self.written else "a", newline="") as file:
            writer = csv.writer(file)
            if not self.written:
                writer.writerow(["line", "column", "reason"])
            writer.writerows((row.line, row.column, row.reason) for row in rows)
        self.written += len(rows)


def enquiries(channel: grpc.aio.Channel) -> Any:
    return enquiry_pb2_grpc.EnquiryServiceStub(channel).ImportEnquiries


class Importer:
    """One import: keeps what is in flight, so that a broken stream is taken up where it was."""

    def __init__(
        self,
        address: str,
        source: Iterator[Batch],
        rejected: RejectedFile,
        *,
        token: str | None,
        progress: Callable[[Counts, int], None],
        method: Callable[[grpc.aio.Channel], Any] = enquiries,
    ) -> None:
        """method: of a stub, that takes batches and answers each."""
        self.counts = Counts()
        self._method = method
        self._address = address
        self._source = source
        self._rejected = rejected
        self._token = token
        self._progress = progress
        self._in_flight: dict[int, Batch] = {}
        self._exhausted = False
        self._fault: Exception | None = None

    async def run(self) -> Counts:
        """ImportFault: refused, or nobody answered for too long."""
        failures = 0
        while not self._exhausted or self._in_flight:
            answered_before = self.counts.read
            try:
                await self._stream()
            except DomainError as error:
                if not isinstance(error, Unavailable):
                    raise ImportFault(f"the import was refused: {error.message}") from None
                failures = 1 if self.counts.read > answered_before else failures + 1
                if failures >= _ATTEMPTS:
                    raise ImportFault("feedback does not answer; run the import again: it goes on from here") from None
                await asyncio.sleep(_PAUSE_SECONDS)
        return self.counts

    async def _stream(self) -> None:
        async with operator_channel(self._address) as channel:
            room = asyncio.Semaphore(_IN_FLIGHT)
            call: Any = self._method(channel)(timeout=_STREAM_SECONDS, metadata=metadata_of(self._token))
            writing = asyncio.create_task(self._write(call, room))
            try:
                async for answer in call:
                    self._take(answer)
                    room.release()
            except grpc.aio.AioRpcError as error:
                raise self._fault or error_of(error) from error
            except asyncio.CancelledError:
                if self._fault is not None:
                    raise self._fault from None
                raise
            finally:
                writing.cancel()
                await asyncio.gather(writing, return_exceptions=True)
                call.cancel()

    async def _write(self, call: Any, room: asyncio.Semaphore) -> None:
        """What was in flight when the last stream broke, then what is fresh."""
        try:
            for batch in list(self._in_flight.values()):
                await room.acquire()
                await call.write(batch.request)
            while True:
                await room.acquire()
                fresh = next(self._source, None)
                if fresh is None:
                    self._exhausted = True
                    await call.done_writing()
                    return
                self._in_flight[fresh.request.batch] = fresh
                await call.write(fresh.request)
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
            # The stream broke: who reads is told why.
            return
        except Exception as error:  # noqa: BLE001  # the file's mistakes, and ours: raised where the stream is read
            self._fault = error
            call.cancel()

    def _take(self, answer: Any) -> None:
        batch = self._in_flight.pop(answer.batch)
        rejected = batch.rejected + [
            Rejected(row.line, "/".join(row.error.path), row.error.message) for row in answer.rejected
        ]
        left_out = [
            Rejected(row.line, "/".join(row.error.path), f"left out: {row.error.message}") for row in answer.left_out
        ]
        self._rejected.write(sorted(rejected + left_out, key=lambda row: row.line))
        counts = self.counts
        counts.read += batch.read
        counts.created += answer.created
        counts.changed += answer.changed
        counts.unchanged += answer.unchanged
        counts.rejected += len(rejected)
        self._progress(counts, batch.position)


class Interrupted(Exception):
    """Somebody asked the import to stop; what was answered for is stored."""


async def _until_interrupted(importer: Importer) -> Counts:
    # A signal's exception raised in the middle of a loop's own work would be lost in it: the task is cancelled instead.
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    interrupted = False

    def interrupt() -> None:
        nonlocal interrupted
        interrupted = True
        if task is not None:
            task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, interrupt)
    try:
        return await importer.run()
    except asyncio.CancelledError:
        if interrupted:
            raise Interrupted from None
        raise


def run_import(importer: Importer) -> Counts:
    """Interrupted: by SIGINT or SIGTERM. The handlers of these signals are as they were afterwards."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with suppress(ImportError):
            import uvloop  # noqa: PLC0415  # there is none on Windows

            return uvloop.run(_until_interrupted(importer))
        return asyncio.run(_until_interrupted(importer))
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
