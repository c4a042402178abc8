"""The newest events, read once for all who watch; what lies further back is read for whoever goes on from there."""

import math
import time
from bisect import bisect_right
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from typing import Any, Generic, Protocol, TypeVar

from chassis.caller import Caller
from chassis.events import CALLER, Event, EventLog, Numbered
from chassis.watching import Changes

# So often at least something is said: whoever hears nothing for longer has lost the connection.
SIGN_OF_LIFE = 15.0
_LOOK = 0.25
_IN_MEMORY = 5_000
_AT_ONCE = 500


class Wanted(Protocol):
    def takes(self, event: Any, sources: frozenset[str] | None) -> bool:
        """sources: of a partner; None: no such limit."""


Asked = TypeVar("Asked", bound=Wanted)
# What is told after a place, whether there was anything to look at, and up to where that is all.
Next = Callable[[int], Awaitable[tuple[Sequence[Numbered[Event]], bool, int]]]


class Tail(Generic[Event, Asked]):
    """changes: of the place of the newest event. begin, last: the events after the one, up to the other, are here.

    most: so many are in memory; at_once: so many are read of those further back.
    """

    def __init__(self, events: EventLog[Event, Asked], *, most: int = _IN_MEMORY, at_once: int = _AT_ONCE) -> None:
        self._events = events
        self._most = most
        self._at_once = at_once
        self._newest: list[Numbered[Event]] = []
        self._begin, self._last = 0, -1
        self.changes = Changes(self._read, look=_LOOK)

    async def last(self, caller: Caller) -> int:
        return await self._events.last(caller)

    async def since(self, caller: Caller, wanted: Asked, after: int) -> tuple[list[Numbered[Event]], int]:
        """As in the log."""
        if not self._begin <= after <= self._last:
            return await self._events.since(caller, wanted, after, self._at_once)
        first = bisect_right(self._newest, after, key=lambda one: one.sequence)
        return [one for one in self._newest[first:] if wanted.takes(one.event, caller.sources)], self._last

    async def follow(
        self, place: int, next: Next[Event], sign_of_life: float = SIGN_OF_LIFE
    ) -> AsyncGenerator[tuple[int, Event | None]]:
        """The events after a place, as they come, without an end; None, with the place: a sign of life."""
        said = -math.inf
        async with aclosing(self.changes.each(sign_of_life)) as rounds:
            async for _ in rounds:
                while True:
                    told, more, until = await next(place)
                    for one in told:
                        yield one.sequence, one.event
                        said = time.monotonic()
                    place = until
                    if not more:
                        break
                if time.monotonic() - said >= sign_of_life:
                    yield place, None
                    said = time.monotonic()

    async def _read(self) -> int:
        """The place of the newest event, which is in memory from now on."""
        last = await self._events.last(CALLER)
        if self._last < 0 or not 0 <= last - self._last <= self._most:
            # Nobody watched for a while: it begins anew.
            self._newest, self._begin = [], last
        else:
            self._newest += await self._events.between(CALLER, self._last, last)
            over = len(self._newest) - self._most
            if over > 0:
                self._begin = self._newest[over - 1].sequence
                del self._newest[:over]
        self._last = last
        return last
