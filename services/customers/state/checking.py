"""Holds states against what follows from the facts."""

from collections import defaultdict
from collections.abc import Callable
from datetime import datetime

from chassis.caller import Caller
from chassis.verification import Checked
from services.customers.customer.repository import MongoCustomerRepository
from services.customers.facts.gathering import Gathering
from services.customers.state.domain import State, settled
from services.customers.state.judging import Rules
from services.customers.state.repository import MongoStateRepository


class StateCheck:
    def __init__(
        self,
        customers: MongoCustomerRepository,
        gathering: Gathering,
        states: MongoStateRepository,
        rules: Rules,
        now: Callable[[], datetime],
    ) -> None:
        self._customers = customers
        self._gathering = gathering
        self._states = states
        self._rules = rules
        self._now = now

    async def check(self, caller: Caller, after: str | None, size: int) -> Checked:
        batch = await self._customers.some(caller, after, size)
        checked = Checked(examined=len(batch), next=batch[-1] if len(batch) == size else None)
        # Rules speak of how long ago something was: each is asked as of when it was judged.
        asked: defaultdict[datetime, dict[str, State]] = defaultdict(dict)
        for id, state in (await self._states.of_customers(caller, batch)).items():
            if state.judged:
                asked[state.judged_at or self._now()][id] = state
        ruling = await self._rules.ruling()
        for at, some in asked.items():
            for id, facts in (await self._gathering.of(caller, list(some), at)).items():
                follows, _ = settled(some[id], ruling.rule(facts), at, str)
                for dimension, one in follows.judged.items():
                    kept = some[id].judged.get(dimension)
                    if kept is None or (kept.value, kept.set_by) != (one.value, one.set_by):
                        detail = f"{dimension.value} follows to be {one.value}, is {kept.value if kept else None}"
                        checked.differs("state", id, detail)
        return checked
