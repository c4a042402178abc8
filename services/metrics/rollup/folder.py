"""Sums events into cells: reads them in order, and writes the sums and how far it came in one transaction."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from chassis.caller import service_caller
from chassis.lease import Lease
from chassis.mongo import Database, Session, in_transaction
from services.metrics.event.domain import Event, Observation, State
from services.metrics.event.messages import event_from_bytes
from services.metrics.event.repository import MongoEventRepository
from services.metrics.kpi.domain import Catalogue, Kpi
from services.metrics.rollup.customers import Change, changed, key_of
from services.metrics.rollup.domain import Flat, Place, add, month_of, parts_of, place_of
from services.metrics.rollup.repository import CellKey, MongoRollupRepository, OpenWait, name_of, open_wait

log = logging.getLogger(__name__)

_BATCH = 4_000
_LOOK = 0.25


class Sums:
    """What a batch of events adds up to."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self.cells: defaultdict[CellKey, defaultdict[Place, Flat]] = defaultdict(lambda: defaultdict(dict))
        self.open: dict[str, OpenWait] = {}
        self.customers: defaultdict[str, list[Change]] = defaultdict(list)
        # Whose a record was when it came in: only where nothing is known of it yet.
        self.hints: dict[str, str | None] = {}

    def take(self, event: Event) -> None:
        for kpi in self._catalogue.of_event(event.name):
            if event.before is not None:
                self._count(kpi, event, event.before, -1)
            if event.after is not None:
                self._count(kpi, event, event.after, 1)

    def _count(self, kpi: Kpi, event: Event, observation: Observation, sign: int) -> None:
        flat = parts_of(kpi, observation)
        name, place, month = name_of(kpi), place_of(kpi, observation), month_of(observation.started_at)
        known: Mapping[str, str] = observation.dimensions or {}
        for dimensions in kpi.sets:
            try:
                values = tuple([known[dimension] for dimension in dimensions])
            except KeyError:
                continue
            add(self.cells[name, dimensions, values, month][place], flat, sign)
        record = key_of(observation)
        if record is not None:
            self.customers[record].append(Change(kpi, event.subject_id, observation, flat, sign))
            self.hints.setdefault(record, observation.customer_id)
        if observation.state is State.OPEN:
            wait = open_wait(name, event, observation)
            self.open.setdefault(wait.id, wait).count += sign


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
                    more = await self._lease.hold()
                    if more:
                        async with self._lease.renewed():
                            more = await self.fold_once()
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
            await self._rollups.keep_open(self._caller, session, sums.open.values())
            await self._fold_customers(session, sums)
            return len(stored)

        return await in_transaction(self._database, fold) == _BATCH

    async def _fold_customers(self, session: Session, sums: Sums) -> None:
        known = await self._rollups.record_documents(self._caller, sums.customers, session)
        documents: list[dict[str, Any]] = [
            changed(known.get(id) or {"_id": id, "customer": sums.hints[id] or id, "n": 0, "k": {}}, changes)
            for id, changes in sums.customers.items()
        ]
        await self._rollups.keep_records(self._caller, session, documents)
