"""What events add up to: pure but for the expressions of definitions."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import product

from services.metrics.event.domain import Event, Observation, State
from services.metrics.kpi.catalogue import Catalogue
from services.metrics.kpi.counting import Bound, Counted
from services.metrics.kpi.domain import Aggregation, DimensionSet
from services.metrics.kpi.periods import Zone
from services.metrics.rollup.customers import Change
from services.metrics.rollup.domain import Flat, Place, add, month_of, parts_of, place_of
from services.metrics.rollup.history import NOTHING, History
from services.metrics.rollup.members import SetKey
from services.metrics.rollup.repository import CellKey, OpenWait, open_wait

# So many take about ten milliseconds.
_AT_ONCE = 100


class Sums:
    """cells, open waits, figures of customers and memberships that some events bring; all can be negative.

    histories: of source records, what their customers were.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        self.histories: Mapping[str, History] = {}
        self.cells: defaultdict[CellKey, defaultdict[Place, Flat]] = defaultdict(lambda: defaultdict(dict))
        self.open: dict[str, OpenWait] = {}
        self.customers: defaultdict[str, list[Change]] = defaultdict(list)
        self.members: defaultdict[tuple[SetKey, str], int] = defaultdict(int)
        # Whose a record was when it came in: only where nothing is known of it yet.
        self.hints: dict[str, str | None] = {}

    def take(self, event: Event) -> None:
        catalogue = self.catalogue
        definitions = catalogue.of_event(event.name)
        if not definitions:
            return
        bound = Bound(catalogue.registry, event, catalogue.needs(event.name))
        for observation, sign in ((event.before, -1), (event.after, 1)):
            if observation is None:
                continue
            values = Values(observation, catalogue.zone, self.histories)
            for one in definitions:
                seen = one.seen(observation, bound.of(observation) if one.asks else None)
                if seen is not None:
                    flat = parts_of(one.kpi, seen)
                    self._count(one, one.kpi.sets, event, seen, flat, values, sign)
                    if one.kpi.per_customer and values.record is not None:
                        self.hints.setdefault(values.record, seen.customer_id)
                        self.customers[values.record].append(Change(one.kpi, event.subject_id, seen, flat, sign))

    def move(self, event: Event, record: str, old: History, new: History, counted: Callable[[str], bool]) -> None:
        """What the event brought for this record goes where it belongs by its new history. counted: is it in the cells
        of this name already?
        """
        catalogue = self.catalogue
        definitions = [one for one in catalogue.joined.get(event.name, ()) if counted(one.kpi.cells)]
        bound = Bound(catalogue.registry, event, catalogue.needs(event.name))
        for observation, sign in ((event.before, -1), (event.after, 1)):
            if observation is None or observation.record != record:
                continue
            before, after = (Values(observation, catalogue.zone, {record: history}) for history in (old, new))
            if (before.stage, before.segments) == (after.stage, after.segments):
                continue
            for one in definitions:
                seen = one.seen(observation, bound.of(observation) if one.asks else None)
                if seen is not None:
                    flat = parts_of(one.kpi, seen)
                    self._count(one, one.joined_sets, event, seen, flat, before, -sign)
                    self._count(one, one.joined_sets, event, seen, flat, after, sign)

    def _count(
        self,
        one: Counted,
        sets: Sequence[DimensionSet],
        event: Event,
        observation: Observation,
        flat: Flat,
        values: "Values",
        sign: int,
    ) -> None:
        kpi = one.kpi
        name, place, month = kpi.cells, place_of(kpi, observation, self.catalogue.zone), values.month
        record = values.record
        member = kpi.aggregation is Aggregation.DISTINCT_CUSTOMERS and observation.state is State.COMPLETE
        if member and record is not None:
            self.hints.setdefault(record, observation.customer_id)
        for dimensions in sets:
            for known in values.of(dimensions):
                add(self.cells[name, dimensions, known, month][place], flat, sign)
                if member and record is not None:
                    self.members[(name, dimensions, known, values.day), record] += sign
        if observation.state is State.OPEN:
            wait = open_wait(name, event, observation, values.joined(one.joins))
            self.open.setdefault(wait.id, wait).count += sign


async def take_all(sums: Sums, events: Iterable[Event]) -> None:
    """Whoever asks for a figure meanwhile is answered in between."""
    for place, event in enumerate(events):
        sums.take(event)
        if place % _AT_ONCE == 0:
            await asyncio.sleep(0)


class Values:
    """Where an observation belongs, worked out once however many definitions count it."""

    def __init__(self, observation: Observation, zone: Zone, histories: Mapping[str, History]) -> None:
        self._known: Mapping[str, str] = observation.dimensions or {}
        self._found: dict[DimensionSet, Sequence[tuple[str, ...]]] = {}
        self._started_at = observation.started_at
        self.day = zone.day(observation.started_at)
        self.month = month_of(self.day)
        self.record = observation.record
        self._history = histories.get(self.record, NOTHING) if self.record is not None else NOTHING

    @property
    def stage(self) -> str:
        return self._known.get("stage") or self._history.stage(self._started_at)

    @property
    def segments(self) -> tuple[str, ...]:
        said = self._known.get("segment")
        return (said,) if said else self._history.segments(self._started_at)

    def joined(self, dimensions: Iterable[str]) -> dict[str, object]:
        return {one: self.stage if one == "stage" else list(self.segments) for one in dimensions}

    def of(self, dimensions: DimensionSet) -> Sequence[tuple[str, ...]]:
        """None where one of them is not known; several where the customer belonged to several."""
        try:
            return self._found[dimensions]
        except KeyError:
            values = self._found[dimensions] = self._of(dimensions)
            return values

    def _of(self, dimensions: DimensionSet) -> Sequence[tuple[str, ...]]:
        several: list[tuple[str, ...]] = []
        for one in dimensions:
            if one == "segment":
                several.append(self.segments)
                continue
            value = self._known.get(one)
            if value is None:
                if one != "stage":
                    return ()
                value = self.stage
            several.append((value,))
        return list(product(*several))
