"""What events add up to: pure but for the expressions of definitions."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping

from services.metrics.event.domain import Event, Observation, State
from services.metrics.kpi.catalogue import Catalogue
from services.metrics.kpi.counting import Bound
from services.metrics.kpi.domain import Aggregation, DimensionSet, Kpi
from services.metrics.kpi.periods import Zone
from services.metrics.rollup.customers import Change, key_of
from services.metrics.rollup.domain import Flat, Place, add, month_of, parts_of, place_of
from services.metrics.rollup.members import SetKey
from services.metrics.rollup.repository import CellKey, OpenWait, open_wait

# So many take about ten milliseconds.
_AT_ONCE = 100


class Sums:
    """cells, open waits, figures of customers and memberships that some events bring; all can be negative."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self.cells: defaultdict[CellKey, defaultdict[Place, Flat]] = defaultdict(lambda: defaultdict(dict))
        self.open: dict[str, OpenWait] = {}
        self.customers: defaultdict[str, list[Change]] = defaultdict(list)
        self.members: defaultdict[tuple[SetKey, str], int] = defaultdict(int)
        # Whose a record was when it came in: only where nothing is known of it yet.
        self.hints: dict[str, str | None] = {}

    def take(self, event: Event) -> None:
        definitions = self._catalogue.of_event(event.name)
        if not definitions:
            return
        bound = Bound(self._catalogue.registry, event, self._catalogue.needs(event.name))
        for observation, sign in ((event.before, -1), (event.after, 1)):
            if observation is None:
                continue
            values = Values(observation, self._catalogue.zone)
            for one in definitions:
                seen = one.seen(observation, bound.of(observation) if one.asks else None)
                if seen is not None:
                    self._count(one.kpi, event, seen, values, sign)

    def _count(self, kpi: Kpi, event: Event, observation: Observation, values: "Values", sign: int) -> None:
        flat = parts_of(kpi, observation)
        name, place, month = kpi.cells, place_of(kpi, observation, self._catalogue.zone), values.month
        record = values.record
        member = kpi.aggregation is Aggregation.DISTINCT_CUSTOMERS and observation.state is State.COMPLETE
        for dimensions in kpi.sets:
            known = values.of(dimensions)
            if known is None:
                continue
            add(self.cells[name, dimensions, known, month][place], flat, sign)
            if member and record is not None:
                self.members[(name, dimensions, known, values.day), record] += sign
        if record is not None and (kpi.per_customer or member):
            self.hints.setdefault(record, observation.customer_id)
            if kpi.per_customer:
                self.customers[record].append(Change(kpi, event.subject_id, observation, flat, sign))
        if observation.state is State.OPEN:
            wait = open_wait(name, event, observation)
            self.open.setdefault(wait.id, wait).count += sign


async def take_all(sums: Sums, events: Iterable[Event]) -> None:
    """Whoever asks for a figure meanwhile is answered in between."""
    for place, event in enumerate(events):
        sums.take(event)
        if place % _AT_ONCE == 0:
            await asyncio.sleep(0)


class Values:
    """Where an observation belongs, worked out once however many definitions count it."""

    def __init__(self, observation: Observation, zone: Zone) -> None:
        self._known: Mapping[str, str] = observation.dimensions or {}
        self._found: dict[DimensionSet, tuple[str, ...] | None] = {}
        self.day = zone.day(observation.started_at)
        self.month = month_of(self.day)
        self.record = key_of(observation)

    def of(self, dimensions: DimensionSet) -> tuple[str, ...] | None:
        """None: one of them is not known."""
        try:
            return self._found[dimensions]
        except KeyError:
            known = self._known
            values = tuple([known[one] for one in dimensions]) if all(one in known for one in dimensions) else None
            self._found[dimensions] = values
            return values
