"""Sums events into cells: reads them in order, and writes the sums and how far it came in one transaction."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from chassis.caller import service_caller
from chassis.lease import Lease
from chassis.mongo import Database, Document, Session, in_transaction
from services.metrics.event.domain import Event, Observation, State
from services.metrics.event.messages import event_from_bytes
from services.metrics.event.repository import MongoEventRepository
from services.metrics.kpi.domain import Catalogue, Kpi
from services.metrics.rollup.customers import Change, changed
from services.metrics.rollup.domain import Flat, add, month_of, parts_of
from services.metrics.rollup.repository import CellKey, MongoRollupRepository, name_of

log = logging.getLogger(__name__)

_BATCH = 4_000
_LOOK = 0.25


class Sums:
    """What a batch of events adds up to."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self.cells: defaultdict[CellKey, defaultdict[int, Flat]] = defaultdict(lambda: defaultdict(dict))
        self.open: dict[tuple[str, str], Document | None] = {}
        self.customers: defaultdict[str, list[Change]] = defaultdict(list)

    def take(self, event: Event) -> None:
        for kpi in self._catalogue.of_event(event.name):
            if event.before is not None:
                self._count(kpi, event, event.before, -1)
            if event.after is not None:
                self._count(kpi, event, event.after, 1)
            self._note_open(kpi, event)

    def _count(self, kpi: Kpi, event: Event, observation: Observation, sign: int) -> None:
        flat = parts_of(kpi, observation)
        name, day, month = name_of(kpi), observation.started_at.day, month_of(observation.started_at)
        known: Mapping[str, str] = observation.dimensions or {}
        for dimensions in kpi.sets:
            try:
                values = tuple([known[dimension] for dimension in dimensions])
            except KeyError:
                continue
            add(self.cells[name, dimensions, values, month][day], flat, sign)
        if observation.customer_id is not None:
            self.customers[observation.customer_id].append(Change(kpi, event.subject_id, observation, flat, sign))

    def _note_open(self, kpi: Kpi, event: Event) -> None:
        after = event.after
        if after is not None and after.state is State.OPEN:
            self.open[name_of(kpi), event.subject_id] = {
                "started_at": after.started_at,
                "dimensions": dict(after.dimensions or {}),
                "customer": after.customer_id,
                "source": event.source,
                "team": event.team_id,
                "owner": event.owner_id,
            }
        elif event.before is not None and event.before.state is State.OPEN:
            self.open[name_of(kpi), event.subject_id] = None


class Folder:
    """One per partition works at a time; whoever holds the lease."""

    def __init__(
        self,
        database: Database,
        events: MongoEventRepository,
        rollups: MongoRollupRepository,
        catalogue: Catalogue,
        *,
        holder: str,
        partition: int = 0,
    ) -> None:
        self._database = database
        self._events = events
        self._rollups = rollups
        self._catalogue = catalogue
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
                    more = await self._lease.hold() and await self.fold_once()
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
            await asyncio.wait_for(self._waker.wait(), _LOOK)
        except TimeoutError:
            return
        self._waker.clear()

    async def fold_once(self) -> bool:
        """One batch, exactly once. True: there may be more."""

        async def fold(session: Session) -> int:
            position = await self._rollups.position(self._caller, session, self._partition)
            stored = await self._events.after(self._caller, session, self._partition, position, _BATCH)
            if not stored:
                return 0
            sums = Sums(self._catalogue)
            for one in stored:
                sums.take(event_from_bytes(one.payload))
            await self._rollups.move(self._caller, session, self._partition, stored[-1].position)
            await self._rollups.add(self._caller, session, sums.cells)
            await self._rollups.keep_open(self._caller, session, sums.open)
            await self._fold_customers(session, sums)
            return len(stored)

        return await in_transaction(self._database, fold) == _BATCH

    async def _fold_customers(self, session: Session, sums: Sums) -> None:
        known = await self._rollups.customer_documents(self._caller, sums.customers, session)
        documents: list[dict[str, Any]] = [
            changed(known.get(id) or {"_id": id, "k": {}}, changes) for id, changes in sums.customers.items()
        ]
        await self._rollups.keep_customers(self._caller, session, documents)
