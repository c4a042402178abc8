"""Services with a mistake planted in them, to see that the harness finds it: python -m tests.faults.planted BUG MODULE.

old_rules is no mistake but an earlier rule: automatic answers ended a wait.
"""

import asyncio
import runpy
import sys
from collections.abc import Callable, Coroutine, Sequence
from datetime import datetime
from typing import Any

from bson import ObjectId

from chassis import idempotency
from chassis.caller import Caller
from chassis.mongo import Database, Session, in_transaction
from services.feedback.enquiry.domain.facts import AuthorKind, Message, Visibility
from services.metrics.event.domain import Arrival, Event
from services.metrics.event.repository import MongoEventRepository
from services.metrics.rollup.repository import MongoRollupRepository

_LATER = 0.3


class _Abandoned(Exception):
    """Ends a transaction without its writes."""


def acknowledge_before_commit() -> None:
    """The answer goes out, and the write is made a moment later."""
    real = in_transaction
    running: set[asyncio.Task[Any]] = set()

    async def early(database: Database, work: Callable[[Session], Coroutine[Any, Any, Any]]) -> Any:
        answers = []

        async def rehearse(session: Session) -> None:
            answers.append(await work(session))
            raise _Abandoned

        async def write() -> None:
            await asyncio.sleep(_LATER)
            await real(database, work)

        try:
            await real(database, rehearse)
        except _Abandoned:
            task = asyncio.create_task(write())
            running.add(task)
            task.add_done_callback(running.discard)
        return answers[-1]

    vars(idempotency)["in_transaction"] = early


def relay_without_deduplication() -> None:
    """What was delivered before and comes again is counted again."""
    real = MongoEventRepository.add

    async def blindly(
        self: MongoEventRepository, caller: Caller, arrivals: Sequence[Arrival], received_at: datetime
    ) -> set[str]:
        renamed = [Arrival(_renamed(arrival.event), arrival.payload) for arrival in arrivals]
        return await real(self, caller, renamed, received_at)

    MongoEventRepository.add = blindly  # type: ignore[method-assign]  # the planted mistake


def _renamed(event: Event) -> Event:
    fields = {name: getattr(event, name) for name in Event.__slots__}
    return Event(**{**fields, "id": f"{event.id}/{ObjectId()}"})


def watermark_outside_the_transaction() -> None:
    """How far it came is written down before what it counted."""

    async def outside(self: Any, caller: Caller, session: Session, partition: int, position: int) -> None:
        await self._watermarks.update_one({"_id": partition}, {"$max": {"n": position}}, upsert=True)
        await asyncio.sleep(_LATER)

    MongoRollupRepository.move = outside  # type: ignore[method-assign]  # the planted mistake


def old_rules() -> None:
    def answers(self: Message) -> bool:
        return self.visibility is Visibility.PUBLIC and self.author_kind in (
            AuthorKind.EMPLOYEE,
            AuthorKind.PARTNER,
            AuthorKind.BOT,
        )

    Message.answers = property(answers)  # type: ignore[assignment]  # the earlier rule


BUGS = {
    plant.__name__: plant
    for plant in (acknowledge_before_commit, relay_without_deduplication, watermark_outside_the_transaction, old_rules)
}

if __name__ == "__main__":
    _, bug, module = sys.argv
    BUGS[bug]()
    sys.argv = [module]
    runpy.run_module(module, run_name="__main__")
