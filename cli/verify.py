"""Recomputes what is derived from what was recorded, over all services, and names each difference."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import partial

from rich.console import Console
from rich.table import Table
from rundblick.metrics.v1 import rollup_pb2, rollup_pb2_grpc
from rundblick.shared.v1 import outbox_pb2, outbox_pb2_grpc, page_pb2, verification_pb2, verification_pb2_grpc

from cli.retelling import COUNTED, told
from cli.services import Service, connected

PARTS = (
    ("customers", "customers"),
    ("customers", "duplicates"),
    ("customers", "interactions"),
    ("customers", "consents"),
    ("customers", "deliveries"),
    ("customers", "attributions"),
    ("customers", "opportunities"),
    ("customers", "outcomes"),
    ("customers", "assignments"),
    ("customers", "segments"),
    ("customers", "states"),
    ("feedback", "attachments"),
    ("feedback", "enquiries"),
    ("feedback", "feedback"),
    ("feedback", "measures"),
    ("feedback", "surveys"),
)
WITH_OUTBOX = ("customers", "feedback")
_BATCH = 500
_LOOKS = 4
_PAUSE = 1.0

Progress = Callable[[str, int], None]
Differences = list[verification_pb2.Difference]


@dataclass
class Part:
    name: str
    examined: int = 0
    differences: Differences = field(default_factory=list)
    more: int = 0
    totals: dict[str, int] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)


@dataclass
class Report:
    """at_rest: nothing was on its way between the services; otherwise a difference may be that."""

    parts: list[Part]
    at_rest: bool
    parked: int

    @property
    def differences(self) -> Differences:
        return [difference for part in self.parts for difference in part.differences]


class Verifier:
    """sample: so many of each kind, by chance, instead of all; figures are always recomputed whole."""

    def __init__(self, services: dict[str, Service], *, sample: int | None, progress: Progress) -> None:
        self._services = services
        self._sample = sample
        self._progress = progress

    async def run(self, seconds: float) -> Report:
        """seconds: how long to wait until nothing is on its way."""
        at_rest, parked = await self._until_at_rest(time.monotonic() + seconds)
        parts = []
        for service, name in PARTS:
            parts.append(await self._again_if_it_differs(partial(self._part, service, name)))
        parts.append(await self._again_if_it_differs(self._figures))
        if self._sample is None:
            _compare_totals(parts)
        return Report(parts, at_rest, parked)

    async def _until_at_rest(self, until: float) -> tuple[bool, int]:
        while True:
            waiting = sum([await self._count(name, parked=False) for name in WITH_OUTBOX])
            if not waiting or time.monotonic() > until:
                parked = sum([await self._count(name, parked=True) for name in WITH_OUTBOX])
                return not waiting, parked
            await asyncio.sleep(0.1)

    async def _count(self, service: str, *, parked: bool) -> int:
        request = outbox_pb2.ListOutboxEntriesRequest(page=page_pb2.PageRequest(first=100), parked=parked)
        answer = await self._services[service].ask(outbox_pb2_grpc.OutboxServiceStub, request)
        return len(answer.edges)

    async def _again_if_it_differs(self, check: Callable[[], Awaitable[Part]]) -> Part:
        """What was on its way a moment ago has arrived since; what still differs then, differs."""
        for look in range(_LOOKS):
            part = await check()
            if not part.differences:
                break
            if look < _LOOKS - 1:
                await asyncio.sleep(_PAUSE)
        return part

    async def _part(self, service: str, name: str) -> Part:
        part = Part(name)
        after = ""
        left = self._sample
        while True:
            size = _BATCH if left is None else min(left, _BATCH)
            if size == 0:
                return part
            request = verification_pb2.CheckBatchRequest(part=name, after=after, size=size, sample=left is not None)
            answer = await self._services[service].ask(verification_pb2_grpc.VerificationServiceStub, request)
            part.examined += answer.examined
            part.differences.extend(answer.differences)
            for total, count in answer.totals.items():
                part.totals[total] = part.totals.get(total, 0) + count
            self._progress(name, part.examined)
            if left is not None:
                left -= size
            elif not answer.HasField("next_after"):
                return part
            else:
                after = answer.next_after

    async def _figures(self) -> Part:
        part = Part("figures")
        told = self._contributions()
        async for answer in self._services["metrics"].stream(rollup_pb2_grpc.RollupServiceStub, "CheckFigures", told):
            part.examined += answer.examined
            part.differences.extend(answer.differences)
            part.more += answer.more_differences
            part.left_out.extend(answer.left_out)
        return part

    async def _contributions(self) -> AsyncIterator[rollup_pb2.CheckFiguresRequest]:
        count = 0
        for service, part in COUNTED:
            async for events in told(self._services[service], part):
                count += len(events)
                self._progress("figures", count)
                yield rollup_pb2.CheckFiguresRequest(events=events)


def _compare_totals(parts: list[Part]) -> None:
    """What two services count must be the same."""
    by_name = {part.name: part for part in parts}
    told, kept = by_name["enquiries"].totals.get("contacts", 0), by_name["interactions"].totals.get("contacts", 0)
    if told != kept:
        detail = f"enquiries have {told} public messages, journeys show {kept}"
        by_name["interactions"].differences.append(verification_pb2.Difference(what="journey", id="all", detail=detail))


async def verify(
    addresses: dict[str, str],
    token: str | None,
    *,
    sample: int | None = None,
    seconds: float = 60,
    progress: Progress = lambda _part, _count: None,
) -> Report:
    """DomainError: a service refuses or does not answer."""
    async with AsyncExitStack() as stack:
        services = {
            name: await stack.enter_async_context(connected(address, token)) for name, address in addresses.items()
        }
        return await Verifier(services, sample=sample, progress=progress).run(seconds)


def print_report(console: Console, report: Report) -> None:
    table = Table()
    for column in ("what", "examined", "differences"):
        table.add_column(column, justify="left" if column == "what" else "right")
    for part in report.parts:
        table.add_row(part.name, f"{part.examined:,}", f"{len(part.differences) + part.more:,}")
    console.print(table)
    for difference in report.differences:
        console.print(f"{difference.what} {difference.id}: {difference.detail}", markup=False, highlight=False)
    hidden = sum(part.more for part in report.parts)
    if hidden:
        console.print(f"... and {hidden} more")
    for part in report.parts:
        if part.left_out:
            console.print(f"Not recomputed, events expired or still being counted: {', '.join(part.left_out)}.")
    if report.parked:
        console.print("Some deliveries are parked: see rundblick outbox list --parked.")
    if not report.at_rest:
        console.print("Deliveries were still on their way: some differences may be that.")
