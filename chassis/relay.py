"""Brings outbox entries to where they belong: one relay per destination, of all replicas the one that holds the lease.

An entry that fails is tried again later, and its aggregate's later entries wait for it; after bounded tries it is
parked with an alarm and blocks nobody: not those either that were sent in the same call. A receiver that is away costs
no entry a try.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import datetime

from pymongo.errors import PyMongoError

from chassis import telemetry
from chassis.errors import DomainError, Fault
from chassis.lease import Lease
from chassis.outbox import Backlog, Entry, Outbox
from chassis.times import utc_now

log = logging.getLogger(__name__)

# Answers the entries that were not taken, by id; all others are done. Raises when none was.
Deliver = Callable[[Sequence[Entry]], Awaitable[Mapping[str, Fault]]]
# Told now and then, also when there is nothing to deliver: so the receiver knows how far behind it is.
Report = Callable[[Backlog], Awaitable[None]]

_REPORT_SECONDS = 0.5
_AWAY = ("SERVICE_UNAVAILABLE", "RATE_LIMITED")
_TIMEOUT = "GATEWAY_TIMEOUT"


async def _nobody_asks(_: Backlog) -> None:
    return


def _turns(entries: Iterable[Entry]) -> list[list[Entry]]:
    """The first entry of each aggregate, then each one's second: so that a refused one stops what comes after it."""
    turns: list[list[Entry]] = []
    for entry, place in _placed(sorted(entries, key=lambda entry: (entry.aggregate, entry.sequence, entry.id))):
        if place == len(turns):
            turns.append([])
        turns[place].append(entry)
    return turns


def _placed(entries: Iterable[Entry]) -> Iterable[tuple[Entry, int]]:
    """Each entry with its place within its aggregate."""
    place, aggregate = 0, None
    for entry in entries:
        place = place + 1 if entry.aggregate == aggregate else 0
        aggregate = entry.aggregate
        yield entry, place


class Relay:
    """Delivers the entries of one destination for as long as it holds the lease."""

    def __init__(
        self,
        outbox: Outbox,
        destination: str,
        deliver: Deliver,
        *,
        holder: str,
        report: Report = _nobody_asks,
        batch: int = 500,
        look: float = 0.25,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._outbox = outbox
        self.destination = destination
        self.deliver = deliver
        self._report = report
        self._batch = batch
        self._most = batch
        self._look = look
        self._now = now
        self._lease = Lease(outbox.database, f"outbox:{destination}", holder)
        self._waker = outbox.waker(destination)
        self._reported = 0.0
        self._backlog: Backlog | None = None
        self._said: str | None = None
        for name, unit, read in (
            ("pending", "{entry}", lambda backlog: backlog.pending),
            ("parked", "{entry}", lambda backlog: backlog.parked),
            ("lag", "s", lambda backlog: (self._now() - backlog.delivered_until).total_seconds()),
        ):
            telemetry.gauge(f"rundblick.outbox.{name}", unit, self._read(read))

    def _read(self, read: Callable[[Backlog], float]) -> Callable[[], telemetry.Readings]:
        # Only the replica that delivers knows; the others say nothing.
        def readings() -> telemetry.Readings:
            return [] if self._backlog is None else [(read(self._backlog), {"destination": self.destination})]

        return readings

    async def run(self) -> None:
        """Until cancelled. Whatever fails is tried again; nothing is given up here."""
        try:
            while True:
                more = await self._step()
                if not more:
                    await self._pause()
        finally:
            await asyncio.shield(self._lease.release())

    async def _step(self) -> bool:
        try:
            if not await self._lease.hold():
                self._backlog = None
                return False
            async with self._lease.renewed():
                more = await self.deliver_once()
                await self._tell(idle=not more)
        except asyncio.CancelledError:
            raise
        except Exception as error:  # noqa: BLE001  # the relay outlives every fault
            # Said once, not four times a second for as long as the receiver is away.
            fault = f"{type(error).__name__}: {error}"
            if fault != self._said:
                log.warning("outbox: %s: %s", self.destination, fault)
                self._said = fault
            await asyncio.sleep(self._look)
            return False
        self._said = None
        return more

    async def _tell(self, *, idle: bool) -> None:
        # While there is much to deliver nobody waits for the news, so it may come less often.
        if time.monotonic() - self._reported < _REPORT_SECONDS * (1 if idle else 2):
            return
        self._backlog = await self._outbox.backlog(self.destination)
        self._reported = time.monotonic()
        await self._report(self._backlog)

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(self._look):
                await self._waker.wait()
        except TimeoutError:
            return
        self._waker.clear()

    async def deliver_once(self) -> bool:
        """One batch. True: there may be more."""
        now = self._now()
        most = self._most
        due = await self._outbox.pending(self.destination, now, most)
        if not due:
            return False
        failed: set[str] = set()
        with telemetry.linked(f"deliver to {self.destination}", [dict(entry.trace) for entry in due]):
            for turn in _turns(due):
                entries = [entry for entry in turn if entry.aggregate not in failed]
                if not entries:
                    continue
                faults = await self._attempt(entries)
                await self._outbox.done([entry.id for entry in entries if entry.id not in faults])
                for entry in entries:
                    if entry.id in faults:
                        await self._outbox.failed(entry, faults[entry.id], now)
                        failed.add(entry.aggregate)
        self._most = min(most * 2, self._batch)
        return len(due) >= most and len(failed) < len({entry.aggregate for entry in due})

    async def _attempt(self, entries: Sequence[Entry]) -> Mapping[str, Fault]:
        """The faults of those that were not taken. What refuses a whole call is looked for among its entries."""
        try:
            return await self.deliver(entries)
        except DomainError as error:
            if error.code in _AWAY:
                # The receiver is away: that is no fault of any entry, so no try is counted.
                raise
            if error.code == _TIMEOUT and len(entries) > 1:
                # Too much at once, or the receiver hangs: fewer next time, until it is known which one takes too long.
                self._most = max(len(entries) // 2, 1)
                raise
            fault = error.fault
        except PyMongoError:
            raise
        except Exception as error:  # noqa: BLE001  # of this entry, whatever it is: it must not stop the others
            log.warning("outbox: %s: %s: %s", self.destination, type(error).__name__, error)
            fault = Fault("INTERNAL", f"{type(error).__name__} in the delivery")
        if len(entries) == 1:
            return {entries[0].id: fault}
        half = len(entries) // 2
        return {**await self._attempt(entries[:half]), **await self._attempt(entries[half:])}
