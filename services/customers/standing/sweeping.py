"""Sweeps: from time to time, and after rules changed, all customers are judged anew, in the order of their ids.

Rules that use now begin to hold without anything happening. The place reached is kept: whoever takes the lease after a
kill goes on from there.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from chassis.caller import Caller, service_caller
from chassis.ids import new_id
from chassis.leading import lead
from chassis.lease import Lease
from chassis.mongo import Database, Session
from services.customers.customer.repository import MongoCustomerRepository
from services.customers.standing.judging import Standing

_ID = "standing"
_AT_ONCE = 500
_LOOK_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Progress:
    """done: customers judged so far; total: that there were at its beginning. ended_at: None while it goes on."""

    done: int = 0
    total: int = 0
    began_at: datetime | None = None
    ended_at: datetime | None = None


class Sweep:
    """every: the longest time between two. due: customers of whom something ended by itself, at most so many."""

    def __init__(
        self,
        database: Database,
        customers: MongoCustomerRepository,
        standing: Standing,
        every: timedelta,
        now: Callable[[], datetime],
        due: Callable[[Caller, datetime, int], Awaitable[Sequence[str]]],
    ) -> None:
        self._sweeps = database["sweeps"]
        self._count = database["customers"].estimated_document_count
        self._customers = customers
        self._standing = standing
        self._every = every
        self._now = now
        self._due = due
        self._caller = service_caller("customers")
        self._lease = Lease(database, "sweep", new_id("out"))
        self._asked = asyncio.Event()

    async def ask(self, session: Session) -> None:
        """Begin from the beginning as soon as the session commits."""
        await self._sweeps.update_one({"_id": _ID}, {"$inc": {"asked": 1}}, upsert=True, session=session)
        self._asked.set()

    async def progress(self) -> Progress:
        kept = await self._sweeps.find_one({"_id": _ID})
        if kept is None or "began_at" not in kept:
            return Progress()
        return Progress(kept["done"], kept["total"], kept["began_at"], kept.get("ended_at"))

    async def step(self) -> bool:
        """Judge the next customers; False: there is nothing to do now."""
        if ended := await self._due(self._caller, self._now(), _AT_ONCE):
            await self._standing.judge(ended)
        kept = await self._sweeps.find_one({"_id": _ID}) or {}
        going_on = kept.get("after") is not None and kept.get("answered", 0) == kept.get("asked", 0)
        if not going_on:
            due = kept.get("began_at") is None or kept["began_at"] + self._every <= self._now()
            if not due and kept.get("answered", 0) == kept.get("asked", 0):
                return False
            kept |= {"after": "", "done": 0, "total": await self._count(), "began_at": self._now()}
            kept["answered"] = kept.get("asked", 0)
        ids = await self._customers.some(self._caller, kept["after"], _AT_ONCE)
        await self._standing.judge(ids)
        news = {name: kept[name] for name in ("total", "began_at", "answered")}
        news |= {"done": kept["done"] + len(ids), "after": ids[-1] if len(ids) == _AT_ONCE else None}
        news["ended_at"] = None if news["after"] is not None else self._now()
        await self._sweeps.update_one({"_id": _ID}, {"$set": news}, upsert=True)
        return True

    async def run(self) -> None:
        await lead(self._lease, self.step, self._asked, what="the sweep", look_seconds=_LOOK_SECONDS)
