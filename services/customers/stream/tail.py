"""The newest events, read once for all who watch; what lies further back is read for whoever goes on from there."""

from bisect import bisect_right

from chassis.caller import Caller, service_caller
from chassis.watching import Changes
from services.customers.stream.domain import Numbered, Wanted
from services.customers.stream.repository import MongoEventRepository

_LOOK = 0.25
_IN_MEMORY = 5_000
_AT_ONCE = 500
_CALLER = service_caller("customers")


class Tail:
    """changes: of the place of the newest event. begin, last: the events after the one, up to the other, are here.

    most: so many are in memory; at_once: so many are read of those further back.
    """

    def __init__(self, events: MongoEventRepository, *, most: int = _IN_MEMORY, at_once: int = _AT_ONCE) -> None:
        self._events = events
        self._most = most
        self._at_once = at_once
        self._newest: list[Numbered] = []
        self._begin, self._last = 0, -1
        self.changes = Changes(self._read, look=_LOOK)

    async def last(self, caller: Caller) -> int:
        return await self._events.last(caller)

    async def since(self, caller: Caller, wanted: Wanted, after: int) -> tuple[list[Numbered], int]:
        """As in the repository."""
        if not self._begin <= after <= self._last:
            return await self._events.since(caller, wanted, after, self._at_once)
        first = bisect_right(self._newest, after, key=lambda one: one.sequence)
        return [one for one in self._newest[first:] if wanted.takes(one.event, caller.sources)], self._last

    async def _read(self) -> int:
        """The place of the newest event, which is in memory from now on."""
        last = await self._events.last(_CALLER)
        if self._last < 0 or not 0 <= last - self._last <= self._most:
            # Nobody watched for a while: it begins anew.
            self._newest, self._begin = [], last
        else:
            self._newest += await self._events.between(_CALLER, self._last, last)
            over = len(self._newest) - self._most
            if over > 0:
                self._begin = self._newest[over - 1].sequence
                del self._newest[:over]
        self._last = last
        return last
