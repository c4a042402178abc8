"""Sums events into cells: reads them in order, and writes the sums and how far it came in one transaction."""

import asyncio
import logging
from typing import Any

from chassis.caller import service_caller
from chassis.lease import Lease
from chassis.mongo import Database, Session, in_transaction
from services.metrics.event.messages import event_from_bytes
from services.metrics.event.repository import MongoEventRepository
from services.metrics.kpi.catalogue import Catalogues
from services.metrics.rollup.customers import changed
from services.metrics.rollup.filling import Filling
from services.metrics.rollup.joining import Joining
from services.metrics.rollup.members import MongoMemberRepository
from services.metrics.rollup.pace import Pace
from services.metrics.rollup.repository import MongoRollupRepository
from services.metrics.rollup.sums import Sums, take_all

log = logging.getLogger(__name__)

_LOOK = 0.25


class Writing:
    """Writes sums within a transaction."""

    def __init__(self, rollups: MongoRollupRepository, members: MongoMemberRepository) -> None:
        self._rollups = rollups
        self._members = members
        self._caller = service_caller("metrics")

    async def write(self, session: Session, sums: Sums) -> None:
        await self._rollups.add(self._caller, session, sums.cells)
        await self._rollups.keep_open(self._caller, session, sums.open.values())
        if sums.customers:
            known = await self._rollups.record_documents(self._caller, sums.customers, session)
            documents: list[dict[str, Any]] = [
                changed(known.get(id) or {"_id": id, "customer": sums.hints[id] or id, "n": 0, "k": {}}, changes)
                for id, changes in sums.customers.items()
            ]
            await self._rollups.keep_records(self._caller, session, documents)
        await self._members.add(self._caller, session, sums.members, sums.hints, sums.customers)


class Folder:
    """One works at a time; whoever holds the lease."""

    def __init__(
        self,
        database: Database,
        events: MongoEventRepository,
        rollups: MongoRollupRepository,
        members: MongoMemberRepository,
        catalogues: Catalogues,
        filling: Filling,
        joining: Joining,
        writing: Writing,
        *,
        holder: str,
        batch: int,
        partition: int = 0,
    ) -> None:
        """batch: at most so many events in a transaction; the more, the more of them fall into one place of a cell."""
        self._database = database
        self._events = events
        self._rollups = rollups
        self._members = members
        self._catalogues = catalogues
        self._filling = filling
        self._joining = joining
        self._writing = writing
        self._pace = Pace(batch)
        self._partition = partition
        self._caller = service_caller("metrics")
        self._lease = Lease(database, f"folder:{partition}", holder)
        self._waker = asyncio.Event()

    def wake(self) -> None:
        """There are new events."""
        self._waker.set()

    async def run(self) -> None:
        """Until cancelled; whatever fails is tried again."""
        said: str | None = None
        try:
            while True:
                try:
                    more = await self._lease.hold()
                    if more:
                        async with self._lease.renewed():
                            more = await self.work_once()
                    said = None
                except asyncio.CancelledError:
                    raise
                except Exception as error:  # noqa: BLE001  # the folder outlives every fault
                    fault = f"{type(error).__name__}: {error}"
                    if fault != said:
                        log.warning("folder: %s", fault)
                        said = fault
                    more = False
                    await asyncio.sleep(_LOOK)
                if not more:
                    await self._pause()
        finally:
            await asyncio.shield(self._lease.release())

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(_LOOK):
                await self._waker.wait()
        except TimeoutError:
            return
        self._waker.clear()

    async def work_once(self) -> bool:
        """A batch of new events, then one of what is to be filled in. True: there may be more of either."""
        more = await self.fold_once()
        filling = await self._filling.fill_once()
        return more or filling or await self._refresh_sets() or await self._filling.drop_once()

    async def fold_once(self) -> bool:
        """One batch, exactly once. True: there may be more."""
        if (await self._catalogues.refresh()).waiting:
            await self._filling.begin_all()

        async def fold(session: Session) -> bool:
            most = self._pace.begin()
            position = await self._rollups.position(self._caller, session, self._partition)
            stored = await self._events.after(self._caller, session, self._partition, position, most)
            if not stored:
                return False
            sums = Sums(await self._catalogues.refresh(session))
            await self._joining.learn(session, sums, stored)
            await self._joining.look_up(session, sums, stored)
            await take_all(sums, (event_from_bytes(one.payload) for one in stored))
            await self._rollups.move(self._caller, session, self._partition, stored[-1].position)
            await self._writing.write(session, sums)
            return len(stored) == most

        more = await in_transaction(self._database, fold)
        self._pace.end()
        return more

    async def _refresh_sets(self) -> bool:
        async def refresh(session: Session) -> bool:
            return await self._members.refresh_one(self._caller, session)

        return await in_transaction(self._database, refresh)
