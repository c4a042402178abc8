"""The KPIs of this deployment as they stand: which version is shown, which one answers, what counts which event."""

import asyncio
import logging
import time
from collections.abc import Collection, Iterable, Mapping
from functools import cache
from importlib import resources
from typing import Any

import yaml

from chassis.caller import service_caller
from chassis.mongo import Session
from services.metrics.event.registry import Registry
from services.metrics.kpi.counting import Counted
from services.metrics.kpi.definition import checked
from services.metrics.kpi.domain import (
    TOTAL,
    Aggregation,
    DimensionSet,
    Direction,
    Kpi,
    KpiNotFound,
    Phase,
    Target,
)
from services.metrics.kpi.periods import Zone
from services.metrics.kpi.repository import MongoKpiRepository

log = logging.getLogger(__name__)

_LOOK = 0.5
_COUNTING = (Phase.FILLING, Phase.COMPLETE)


@cache
def shipped() -> tuple[Kpi, ...]:
    """The definitions that come with Rundblick."""
    text = resources.files("services.metrics.kpi").joinpath("kpis.yaml").read_text("utf-8")
    registry = Registry()
    known: dict[str, Kpi] = {}
    for said in yaml.safe_load(text):
        kpi = checked(_draft(said), registry, known)
        known[kpi.key] = kpi
    return tuple(known.values())


def _draft(said: Mapping[str, Any]) -> Kpi:
    target = said.get("target")
    return Kpi(
        key=said["key"],
        name=said["name"],
        aggregation=Aggregation(said["aggregation"]),
        unit=said["unit"],
        direction=Direction(said["direction"]),
        description=said["description"],
        event=said.get("event", ""),
        filter=said.get("filter"),
        value=said.get("value"),
        quantile=said.get("quantile"),
        of=tuple(said.get("of", ())),
        goal=Target(float(target["value"])) if target else None,
        sets=tuple(tuple(one) for one in said.get("dimensionSets", ())),
        per_customer=said.get("perCustomer", False),
        built_in=True,
    )


class Catalogue:
    """kpis: every version that is shown, answers or counts; None: those that come with Rundblick.

    zone: in which days begin.
    """

    def __init__(
        self, kpis: Iterable[Kpi] | None = None, registry: Registry | None = None, zone: Zone | None = None
    ) -> None:
        self.registry = registry or Registry()
        self.zone = zone or Zone()
        versions: dict[str, list[Kpi]] = {}
        for kpi in sorted(shipped() if kpis is None else kpis, key=lambda kpi: (kpi.key, kpi.version)):
            versions.setdefault(kpi.key, []).append(kpi)
        self._newest = {key: those[-1] for key, those in versions.items()}
        self._answering = {key: _answering(those) for key, those in versions.items()}
        self._keys = {kpi.id: key for key, kpi in self._newest.items()}
        by_event: dict[str, dict[str, Counted]] = {}
        for those in versions.values():
            for kpi in those:
                if kpi.phase in _COUNTING and not kpi.of:
                    by_event.setdefault(kpi.event, {}).setdefault(kpi.cells, Counted(kpi, self.registry))
        self._by_event = {name: tuple(counted.values()) for name, counted in by_event.items()}
        self._needs = {
            name: frozenset(fact for one in counted for fact in one.needs) for name, counted in self._by_event.items()
        }
        # The definitions that count by what the customer was at the time, by the name of their events.
        self.joined = {
            name: joined
            for name, counted in self._by_event.items()
            if (joined := tuple(one for one in counted if one.joined_sets))
        }
        phases = {kpi.phase for those in versions.values() for kpi in those if not kpi.of}
        self.waiting = Phase.WAITING in phases
        self.filling = Phase.FILLING in phases

    @property
    def all(self) -> tuple[Kpi, ...]:
        """The newest version of each that is not archived, by key."""
        return tuple(kpi for kpi in self._newest.values() if kpi.archived_at is None)

    @property
    def archived(self) -> tuple[Kpi, ...]:
        return tuple(kpi for kpi in self._newest.values() if kpi.archived_at is not None)

    def newest(self, asked: str) -> Kpi:
        """The definition, by key or id."""
        try:
            return self._newest[self._keys.get(asked, asked)]
        except KeyError:
            raise KpiNotFound(asked) from None

    def get(self, asked: str) -> Kpi:
        """The version that answers, by key or id: the newest that has counted everything, else the newest."""
        try:
            return self._answering[self._keys.get(asked, asked)]
        except KeyError:
            raise KpiNotFound(asked) from None

    def operands(self, kpi: Kpi) -> tuple[Kpi, ...]:
        """What a derived one is computed from."""
        return tuple(self.get(key) for key in kpi.of)

    def sets_of(self, kpi: Kpi) -> tuple[DimensionSet, ...]:
        """What may be asked for; of a derived one, what all its operands are kept by."""
        if not kpi.of:
            return kpi.sets
        first, *others = self.operands(kpi)
        kept = [{frozenset(one) for one in other.sets} for other in others]
        return tuple(one for one in first.sets if one == TOTAL or all(frozenset(one) in those for those in kept))

    def of_event(self, name: str) -> tuple[Counted, ...]:
        return self._by_event.get(name, ())

    def needs(self, name: str) -> frozenset[str]:
        """The facts that expressions ask for of events with this name."""
        return self._needs.get(name, frozenset())

    @property
    def events(self) -> tuple[str, ...]:
        """The names of events that are counted."""
        return tuple(self._by_event)

    @property
    def counting(self) -> tuple[Kpi, ...]:
        """What is counted at this moment."""
        return tuple(one.kpi for those in self._by_event.values() for one in those)

    def only(self, cells: Collection[str]) -> "Catalogue":
        """What counts under these names alone."""
        return Catalogue([kpi for kpi in self.counting if kpi.cells in cells], self.registry, self.zone)


def _answering(versions: list[Kpi]) -> Kpi:
    complete = [kpi for kpi in versions if kpi.phase is Phase.COMPLETE or kpi.of]
    return (complete or versions)[-1]


class Catalogues:
    """Follows what is defined, in this process or another."""

    def __init__(self, kpis: MongoKpiRepository, zone: Zone) -> None:
        self._kpis = kpis
        self._zone = zone
        self._caller = service_caller("metrics")
        self._stamp: int | None = None
        self._catalogue = Catalogue(zone=zone)
        self._looked = 0.0

    async def ensure_indexes(self) -> None:
        await self._kpis.ensure_indexes()
        await self._kpis.claim_zone(self._caller, self._zone.name)
        await self._kpis.install(self._caller, shipped())
        await self.refresh()

    async def current(self) -> Catalogue:
        # How far a back-fill is changes without a stamp.
        if self._stamp is None or self._catalogue.filling:
            await self.refresh()
        return self._catalogue

    async def refresh(self, session: Session | None = None) -> Catalogue:
        """As it stands now, or in the session's snapshot."""
        stamp = await self._kpis.stamp(self._caller, session)
        while stamp != self._stamp or (self._catalogue.filling and session is None):
            types, kpis = await self._kpis.load(self._caller, session)
            seen, stamp = stamp, await self._kpis.stamp(self._caller, session)
            if seen == stamp:
                # Else it changed between the two, and what was loaded may be of either.
                self._catalogue = Catalogue(kpis, Registry(types), self._zone)
                self._stamp = stamp
                break
        self._looked = time.monotonic()
        return self._catalogue

    async def knowing(self, asked: Iterable[str]) -> Catalogue:
        """What another process defined a moment ago is looked up before it is called unknown."""
        catalogue = await self.current()
        for key in asked:
            try:
                catalogue.newest(key)
            except KpiNotFound:
                if time.monotonic() - self._looked > _LOOK / 10:
                    return await self.refresh()
        return catalogue

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(_LOOK)
            try:
                await self.refresh()
            except Exception as error:  # noqa: BLE001  # it looks again
                log.debug("catalogue: %s", type(error).__name__)
