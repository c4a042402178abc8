"""Counts stored events for a definition that came later, beside the live ones, each exactly once.

The folder that sees a new definition for the first time notes its own position with it: what comes after is counted as
it comes, what came before is filled in from the stored events, batch by batch, with its own position moved in the same
transaction. Adding and taking back can be done in any order, so the two never have to wait for each other.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol

from chassis.caller import service_caller
from chassis.mongo import Database, Session, in_transaction
from services.metrics.event.messages import event_from_bytes
from services.metrics.event.repository import MongoEventRepository
from services.metrics.kpi.catalogue import Catalogues
from services.metrics.kpi.domain import Phase
from services.metrics.kpi.repository import MongoKpiRepository
from services.metrics.rollup.joining import Joining
from services.metrics.rollup.members import MongoMemberRepository
from services.metrics.rollup.pace import Pace
from services.metrics.rollup.repository import MongoRollupRepository
from services.metrics.rollup.sums import Sums, take_all


class Writer(Protocol):
    async def write(self, session: Session, sums: Sums) -> None: ...


class Filling:
    def __init__(
        self,
        database: Database,
        events: MongoEventRepository,
        rollups: MongoRollupRepository,
        members: MongoMemberRepository,
        kpis: MongoKpiRepository,
        catalogues: Catalogues,
        joining: Joining,
        writer: Writer,
        *,
        now: Callable[[], datetime],
        batch: int,
        partitions: Sequence[int] = (0,),
    ) -> None:
        self._database = database
        self._events = events
        self._rollups = rollups
        self._members = members
        self._kpis = kpis
        self._catalogues = catalogues
        self._joining = joining
        self._writer = writer
        self._now = now
        self._pace = Pace(batch)
        self._partitions = partitions
        self._caller = service_caller("metrics")

    async def begin_all(self) -> None:
        """Note for each definition that waits how far the folder is."""

        async def begin(session: Session) -> None:
            since = {}
            for partition in self._partitions:
                since[partition] = await self._rollups.position(self._caller, session, partition)
                # A folder that does not know the definition yet and works at this moment conflicts here.
                await self._rollups.announce(self._caller, session, partition)
            await self._events.need_all(self._caller, session)
            gone = await self._events.gone_before(self._caller, session)
            for count in await self._kpis.unfinished(self._caller, session):
                if count["phase"] == Phase.WAITING.value:
                    await self._kpis.begin(self._caller, session, count["_id"], since, gone, self._now())

        await in_transaction(self._database, begin)
        await self._catalogues.refresh()

    async def fill_once(self) -> bool:
        """One batch for one definition. True: there may be more."""
        if not (await self._catalogues.current()).filling:
            return False

        async def fill(session: Session) -> bool:
            most = self._pace.begin()
            count = await self._kpis.filling(self._caller, session)
            if count is None:
                return False
            cells, key = count["_id"], count["key"]
            for name, last in count["since"].items():
                partition, done = int(name), count["done"][name]
                if done >= last:
                    continue
                until = min(done + most, last)
                catalogue = (await self._catalogues.refresh(session)).only([cells])
                wanted = catalogue.events
                stored = await self._events.between(self._caller, session, partition, done, until, wanted)
                sums = Sums(catalogue)
                await self._joining.look_up(session, sums, stored)
                await take_all(sums, (event_from_bytes(one.payload) for one in stored))
                await self._writer.write(session, sums)
                await self._kpis.filled(self._caller, session, cells, partition, until)
                return True
            await self._kpis.complete(self._caller, session, key, cells, self._now())
            return True

        more = await in_transaction(self._database, fill)
        self._pace.end()
        return more

    async def drop_once(self) -> bool:
        """The cells of one definition that no longer answers. True: there may be more."""
        cells = await self._kpis.to_drop(self._caller)
        if cells is None:
            return False
        await self._rollups.drop(self._caller, cells)
        await self._members.drop(self._caller, cells)
        await self._kpis.dropped(self._caller, cells)
        return True
