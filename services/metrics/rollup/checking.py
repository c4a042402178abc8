"""Holds what is kept against a recomputation from what the producers say today, to the digit."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from chassis.caller import Caller
from chassis.verification import Checked
from services.metrics.event.domain import Event
from services.metrics.event.messages import event_from_bytes
from services.metrics.event.repository import MongoEventRepository
from services.metrics.kpi.catalogue import Catalogue
from services.metrics.kpi.domain import Phase
from services.metrics.rollup.belonging import Record, histories
from services.metrics.rollup.customers import changed, flattened
from services.metrics.rollup.distinct import Distinct
from services.metrics.rollup.domain import Flat, add
from services.metrics.rollup.history import SAYS, Fact, fact_of
from services.metrics.rollup.members import MongoMemberRepository, cells_of, member_id
from services.metrics.rollup.repository import MongoRollupRepository, cell_id
from services.metrics.rollup.sums import Sums, take_all

_MOST_SHOWN = 20


class FigureCheck:
    """Takes what producers say today, then names what differs.

    Events of which nobody can say more are taken as they are stored, as long as all of them are. Definitions whose
    stored events are still being counted, or have expired and nobody can tell them again, are in `left_out`.
    """

    def __init__(
        self,
        events: MongoEventRepository,
        rollups: MongoRollupRepository,
        members: MongoMemberRepository,
        catalogue: Catalogue,
        belonging: Mapping[str, Record],
        *,
        complete: bool,
    ) -> None:
        """belonging: what is kept of stages and segments. complete: all events that ever came in are stored."""
        registry = catalogue.registry
        kpis = [kpi for kpi in catalogue.counting if kpi.phase is Phase.COMPLETE]
        kpis = [kpi for kpi in kpis if complete or registry.get(kpi.event).producer is not None]
        self._names = {kpi.cells for kpi in kpis}
        self.left_out = sorted({kpi.key for kpi in catalogue.counting if kpi.cells not in self._names})
        self._stored = sorted({kpi.event for kpi in kpis if registry.get(kpi.event).producer is None})
        self._events = events
        self._rollups = rollups
        self._members = members
        self._sums = Sums(catalogue.only(self._names))
        self._sums.histories = histories(belonging.values())
        self._belonging = belonging
        self._complete = complete
        self._owners: dict[str, str | None] = {}

    async def take(self, events: Iterable[Event]) -> None:
        await take_all(self._sums, events)

    async def result(self, caller: Caller) -> Checked:
        # Whose a record is today, as its producer says; a stored event says whose it was when it came.
        self._owners = dict(self._sums.hints)
        if self._stored:
            async for payloads in self._events.folded(caller, self._stored):
                await take_all(self._sums, map(event_from_bytes, payloads))
        checked = Checked()
        await self._check_cells(caller, checked)
        await self._check_open(caller, checked)
        await self._check_records(caller, checked)
        await self._check_members(caller, checked)
        await self._check_facts(caller, checked)
        return checked

    async def _check_cells(self, caller: Caller, checked: Checked) -> None:
        expected: dict[str, Flat] = {}
        for key, places in self._sums.cells.items():
            flat = expected.setdefault(cell_id(key), {})
            for (day, later), parts in places.items():
                add(flat, {f"d.{day}.{later}.{name}": value for name, value in parts.items()})
                add(flat, {f"m.{name}": value for name, value in parts.items()})
        async for document in self._rollups.all_cells(caller):
            if document["k"] not in self._names:
                continue
            checked.examined += 1
            _compare(checked, "cell", document["_id"], expected.pop(document["_id"], {}), _flat_cell(document))
        for id, flat in expected.items():
            _compare(checked, "cell", id, flat, {})

    async def _check_open(self, caller: Caller, checked: Checked) -> None:
        expected = {wait.id: {"count": wait.count} for wait in self._sums.open.values()}
        async for document in self._rollups.all_open(caller):
            if document["k"] not in self._names:
                continue
            checked.examined += 1
            _compare(checked, "open_wait", document["_id"], expected.pop(document["_id"], {}), {"count": document["c"]})
        for id, flat in expected.items():
            _compare(checked, "open_wait", id, flat, {})

    async def _check_records(self, caller: Caller, checked: Checked) -> None:
        expected: dict[str, dict[str, Any]] = {}
        for record, changes in self._sums.customers.items():
            expected[record] = changed({"_id": record, "k": {}}, changes)
        async for document in self._rollups.all_records(caller):
            checked.examined += 1
            id = document["_id"]
            wanted = expected.pop(id, {"k": {}})
            hint = self._owners.get(id)
            if hint is not None and document["customer"] != hint:
                checked.differs("customer_figures", id, f"belongs to {hint}, is kept for {document['customer']}")
            for kpi in (wanted["k"].keys() | document["k"].keys()) & self._names:
                _compare_kpi(checked, f"{id} {kpi}", wanted["k"].get(kpi), document["k"].get(kpi))
        for id in expected:
            checked.differs("customer_figures", id, "is missing")

    async def _check_members(self, caller: Caller, checked: Checked) -> None:
        """Distinct counts: who is a member, and that the sets say so."""
        expected = {member_id(*key): {"seen": count} for key, count in self._sums.members.items() if count}
        present: defaultdict[str, set[str]] = defaultdict(set)
        async for document in self._members.all_members(caller):
            if cells_of(document["c"]) not in self._names:
                continue
            checked.examined += 1
            wanted = expected.pop(document["_id"], {})
            _compare(checked, "member", document["_id"], wanted, {"seen": document["n"]})
            if document["n"] > 0:
                present[document["c"]].add(document["g"])
        for id, flat in expected.items():
            _compare(checked, "member", id, flat, {})
        async for document in self._members.all_sets(caller):
            if document["k"] not in self._names:
                continue
            checked.examined += 1
            members = present.pop(document["_id"], set())
            if document["dirty"]:
                checked.differs("distinct", document["_id"].replace("\x1f", "|"), "is still to be made anew")
            elif Distinct.of(members).to_bytes() != bytes(document["h"]):
                checked.differs("distinct", document["_id"].replace("\x1f", "|"), "is not what its members make")
        for id in present:
            checked.differs("distinct", id.replace("\x1f", "|"), "is missing")

    async def _check_facts(self, caller: Caller, checked: Checked) -> None:
        """What is known of stages and segments is what the stored events say."""
        if not self._complete:
            return
        expected: defaultdict[str, defaultdict[str, int]] = defaultdict(lambda: defaultdict(int))
        async for payloads in self._events.folded(caller, tuple(SAYS)):
            for event in map(event_from_bytes, payloads):
                for observation, sign in ((event.before, -1), (event.after, 1)):
                    fact = fact_of(event, observation) if observation is not None else None
                    if observation is not None and fact is not None and observation.record is not None:
                        expected[observation.record][_named(fact)] += sign
        kept = {record: {_named(fact): n for fact, n in one.facts.items()} for record, one in self._belonging.items()}
        for record in expected.keys() | kept.keys():
            checked.examined += 1
            _compare(checked, "history", record, expected[record], kept.get(record, {}))


def _named(fact: Fact) -> str:
    member = "" if fact.member else " no longer"
    return f"{fact.subject} {fact.at.astimezone(UTC).isoformat()} {fact.dimension}{member} {fact.value}"


def _flat_cell(document: Mapping[str, Any]) -> Flat:
    flat = {f"m.{name}": value for name, value in flattened(document.get("m", {})).items()}
    for day, places in document.get("d", {}).items():
        for later, stored in places.items():
            flat |= {f"d.{day}.{later}.{name}": value for name, value in flattened(stored).items()}
    return flat


def _compare_kpi(checked: Checked, id: str, wanted: Mapping[str, Any] | None, kept: Mapping[str, Any] | None) -> None:
    empty: dict[str, Any] = {"all": {}, "newest": [], "kept_after": None}
    wanted, kept = wanted or empty, kept or empty
    _compare(checked, "customer_figures", id, flattened(wanted["all"]), flattened(kept["all"]))
    # Which of the older ones were let go may differ; of the newer ones none may.
    bounds = [entry["kept_after"] for entry in (wanted, kept) if entry["kept_after"] is not None]
    bound = max(bounds, default=None)

    def newest(entry: Mapping[str, Any]) -> list[str]:
        return sorted(_shown(one) for one in entry["newest"] if bound is None or one["at"] > bound)

    if newest(wanted) != newest(kept):
        checked.differs("customer_figures", id, "differs in its newest observations")


def _shown(one: Mapping[str, Any]) -> str:
    """Comparable whatever the time zone object of its moments."""
    pairs = ((name, v.astimezone(UTC).isoformat() if isinstance(v, datetime) else v) for name, v in one.items())
    return str(sorted(pairs))


def _compare(checked: Checked, what: str, id: str, wanted: Mapping[str, int], kept: Mapping[str, int]) -> None:
    wrong = list(_wrong(wanted, kept))
    if wrong:
        rest = f" and {len(wrong) - _MOST_SHOWN} more" if len(wrong) > _MOST_SHOWN else ""
        checked.differs(what, id.replace("\x1f", "|"), "; ".join(wrong[:_MOST_SHOWN]) + rest)


def _wrong(wanted: Mapping[str, int], kept: Mapping[str, int]) -> Iterator[str]:
    for name in sorted(wanted.keys() | kept.keys()):
        if wanted.get(name, 0) != kept.get(name, 0):
            yield f"{name} should be {wanted.get(name, 0)}, is {kept.get(name, 0)}"
