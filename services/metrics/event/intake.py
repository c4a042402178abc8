"""Many small calls at once become one transaction: whoever comes while one commits goes with the next."""

import asyncio
import time
from collections.abc import Callable, Sequence
from datetime import datetime

from chassis.caller import service_caller
from chassis.errors import Exhausted
from services.metrics.event.domain import Arrival, EventRepository

# Beyond this a transaction takes noticeably longer, and those who wait for it too.
_LARGEST_GROUP = 5_000

# When too many wait, callers are asked to come back when so much of the backlog is left.
_ROOM = 0.9
_USUAL = 10_000.0
_SOONEST, _LATEST = 0.5, 60.0

_Waiting = tuple[Sequence[Arrival], "asyncio.Future[int]"]


class Pace:
    """How fast waiting events become counted ones, from how many there were a moment ago."""

    def __init__(self) -> None:
        self._then: tuple[float, int] | None = None
        self._per_second = _USUAL

    def note(self, counted: int) -> None:
        now = time.monotonic()
        if self._then is None:
            self._then = (now, counted)
            return
        at, before = self._then
        if now - at >= 1 and counted > before:
            self._per_second = (counted - before) / (now - at)
            self._then = (now, counted)

    def seconds_for(self, events: float) -> float:
        return min(max(events / self._per_second, _SOONEST), _LATEST)


class Intake:
    """backlog: with more than so many events not yet folded, nothing more is taken."""

    def __init__(
        self,
        events: EventRepository,
        *,
        backlog: int,
        now: Callable[[], datetime],
        taken: Callable[[], None] = lambda: None,
    ) -> None:
        self._events = events
        self._backlog = backlog
        self._now = now
        self._taken = taken
        self._caller = service_caller("metrics")
        self._pace = Pace()
        self._taken_count = 0
        self._waiting: list[_Waiting] = []
        self._worker: asyncio.Task[None] | None = None

    async def take(self, arrivals: Sequence[Arrival]) -> int:
        """Store the events and answer how many were known. Exhausted: nothing was taken, try again later."""
        if not arrivals:
            return 0
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._waiting.append((arrivals, future))
        if self._worker is None or self._worker.done():
            self._worker = asyncio.create_task(self._work())
        return await future

    async def _work(self) -> None:
        while self._waiting:
            group = self._next_group()
            try:
                await self._store(group)
            except BaseException as error:
                for _, future in group:
                    if not future.done():
                        future.set_exception(error)
                if not isinstance(error, Exception):
                    raise
        self._worker = None

    def _next_group(self) -> list[_Waiting]:
        size = count = 0
        for arrivals, _ in self._waiting:
            if count and size + len(arrivals) > _LARGEST_GROUP:
                break
            size += len(arrivals)
            count += 1
        group, self._waiting = self._waiting[:count], self._waiting[count:]
        return group

    async def _store(self, group: list[_Waiting]) -> None:
        unfolded = await self._events.unfolded(self._caller)
        self._pace.note(self._taken_count - unfolded)
        if unfolded >= self._backlog:
            after = self._pace.seconds_for(unfolded - _ROOM * self._backlog)
            raise Exhausted(
                f"{unfolded} events wait to be counted; try again in {after:.1f} s", retry_seconds=round(after, 1)
            )
        known = await self._events.add(self._caller, [a for arrivals, _ in group for a in arrivals], self._now())
        self._taken()
        self._taken_count += sum(len(arrivals) for arrivals, _ in group) - len(known)
        seen = set(known)
        for arrivals, future in group:
            count = 0
            for arrival in arrivals:
                if arrival.event.id in seen:
                    count += 1
                seen.add(arrival.event.id)
            if not future.done():
                future.set_result(count)
