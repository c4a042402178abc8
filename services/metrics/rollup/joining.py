"""Joins what a customer was at the time to what is counted, and follows when that turns out to have been otherwise.

What stands in the cells is always what follows from the facts known so far: a fact that comes late, a correction and a
merge move what was counted already, from the stored events, in their own transaction. Where stored events may have
expired nothing can be moved any more: what holds before that moment is kept as it was for good.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

from chassis.caller import service_caller
from chassis.mongo import Session
from services.metrics.event.domain import Event, Stored
from services.metrics.event.messages import event_from_bytes
from services.metrics.event.repository import MongoEventRepository
from services.metrics.kpi.catalogue import Catalogue
from services.metrics.kpi.domain import Phase
from services.metrics.kpi.repository import MongoKpiRepository
from services.metrics.rollup.belonging import MongoBelongingRepository, Record, histories
from services.metrics.rollup.history import SAYS, History, fact_of
from services.metrics.rollup.repository import MongoRollupRepository
from services.metrics.rollup.sums import Sums

# (cells, partition, position) -> is the event there in the cells already?
_Counted = Callable[[str, int, int], bool]


class Joining:
    def __init__(
        self,
        events: MongoEventRepository,
        rollups: MongoRollupRepository,
        kpis: MongoKpiRepository,
        belonging: MongoBelongingRepository,
    ) -> None:
        self._events = events
        self._rollups = rollups
        self._kpis = kpis
        self._belonging = belonging
        self._caller = service_caller("metrics")

    async def learn(self, session: Session, sums: Sums, stored: Sequence[Stored]) -> None:
        """Take the facts among new events; what was counted before and belongs elsewhere now is in the sums."""
        said = [event_from_bytes(one.payload) for one in stored if one.name in SAYS]
        if not said:
            return
        family = await self._belonging.families(self._caller, session, _hints(said))
        before = histories(family.values())
        for event in said:
            for observation, sign in ((event.before, -1), (event.after, 1)):
                fact = fact_of(event, observation) if observation is not None else None
                if observation is not None and fact is not None and observation.record is not None:
                    facts = family[observation.record].facts
                    facts[fact] = facts.get(fact, 0) + sign
        await self._follow(session, sums, before, family)

    async def look_up(self, session: Session, sums: Sums, stored: Sequence[Stored]) -> None:
        """Know what the customers of these events were, where anything is counted by it."""
        joined = sums.catalogue.joined
        asking = [event_from_bytes(one.payload) for one in stored if one.name in joined]
        if asking:
            hints = _hints(asking)
            await self._belonging.touch(self._caller, session, hints)
            sums.histories = histories((await self._belonging.families(self._caller, session, hints)).values())

    async def family(self, session: Session, catalogue: Catalogue, id: str, customer: str) -> dict[str, Record]:
        """All records that a move of this one to the customer may change; none where nothing is counted by it."""
        # Looked up in any case: a definition that begins to count at this moment must not pass this unseen.
        family = await self._belonging.families(self._caller, session, {id: None}, [customer])
        return family if catalogue.joined else {}

    async def moved(self, session: Session, sums: Sums, family: dict[str, Record], id: str, customer: str) -> None:
        """The record is this customer's now; `family` says how things stood before."""
        before = histories(family.values())
        family[id].customer = customer
        await self._follow(session, sums, before, family)

    async def _follow(
        self, session: Session, sums: Sums, before: Mapping[str, History], family: Mapping[str, Record]
    ) -> None:
        until = await self._events.gone_before(self._caller, session)
        if until is not None:
            for one in family.values():
                one.was = (until, before[one.id])
        await self._belonging.keep(self._caller, session, family.values())
        names = tuple(sums.catalogue.joined)
        if not names:
            return
        after = histories(family.values())
        changed = {id for id, history in after.items() if history.to_document() != before[id].to_document()}
        if not changed:
            return
        counted = await self._counted(session)
        async for stored in self._events.of_records(self._caller, session, sorted(changed), names):
            event = event_from_bytes(stored.payload)
            for record in changed.intersection(event.records):
                sums.move(event, record, before[record], after[record], _of_one(counted, stored))

    async def _counted(self, session: Session) -> _Counted:
        folded = await self._rollups.positions(self._caller, session)
        unfinished = await self._kpis.unfinished(self._caller, session)
        waiting = {count["_id"] for count in unfinished if count["phase"] == Phase.WAITING.value}
        filling = {
            count["_id"]: (count["since"], count["done"])
            for count in unfinished
            if count["phase"] == Phase.FILLING.value
        }

        def counted(cells: str, partition: int, position: int) -> bool:
            if cells in waiting or position > folded.get(partition, 0):
                return False
            if cells not in filling:
                return True
            since, done = filling[cells]
            return bool(position > since[str(partition)] or position <= done[str(partition)])

        return counted


def _of_one(counted: _Counted, one: Stored) -> Callable[[str], bool]:
    return lambda cells: counted(cells, one.partition, one.position)


def _hints(events: Iterable[Event]) -> dict[str, str | None]:
    hints: dict[str, str | None] = {}
    for event in events:
        for observation in (event.before, event.after):
            if observation is not None and observation.record is not None:
                hints.setdefault(observation.record, observation.customer_id)
    return hints
