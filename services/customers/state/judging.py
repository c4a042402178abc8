"""Judges the states of customers by the rules in force, stores what changed, and tells metrics."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime

from chassis.caller import Caller, service_caller
from chassis.ids import new_id
from chassis.mongo import Session
from chassis.outbox import Outbox
from services.customers.facts.conditions import Conditions
from services.customers.facts.language import Language
from services.customers.facts.vocabulary import FactsOf
from services.customers.standing.judging import Case
from services.customers.state.domain import (
    CHANGE_PREFIX,
    Dimension,
    Restated,
    RuleSet,
    State,
    StateChange,
    settled,
)
from services.customers.state.outgoing import entries
from services.customers.state.repository import MongoStateRepository
from services.customers.state.ruling import Ruling, shipped
from services.customers.stream.outgoing import changed_customers


class Rules:
    """The rules in force: those that this company defined, else those that come with Rundblick; compiled once."""

    def __init__(self, states: MongoStateRepository, language: Language) -> None:
        self._states = states
        self._language = language
        self._caller = service_caller("customers")
        self._known: tuple[dict[Dimension, int], Conditions, Ruling] | None = None

    async def sets(self, session: Session | None = None) -> dict[Dimension, RuleSet]:
        return {**shipped(), **await self._states.rules(self._caller, session)}

    async def ruling(self, session: Session | None = None) -> Ruling:
        sets = await self.sets(session)
        versions = {dimension: one.version for dimension, one in sets.items()}
        conditions = await self._language.conditions(_texts(sets.values()), session)
        if self._known is None or self._known[:2] != (versions, conditions):
            self._known = versions, conditions, Ruling(sets.values(), conditions)
        return self._known[2]

    def forget(self) -> None:
        """They are read and compiled anew."""
        self._known = None


def _texts(sets: Iterable[RuleSet]) -> Iterator[str]:
    return (rule.when for one in sets for rule in one.rules)


class StateJudge:
    """One of the judges of standing."""

    def __init__(self, states: MongoStateRepository, rules: Rules, outbox: Outbox) -> None:
        self._states = states
        self._rules = rules
        self._outbox = outbox

    async def judge(self, caller: Caller, case: Case, session: Session) -> None:
        ruling = await self._rules.ruling(session)
        known = await self._states.of_customers(caller, case.facts, session)
        changed: list[State] = []
        as_before: list[str] = []
        changes: list[StateChange] = []
        stages: dict[str, str] = {}
        for id, facts in case.facts.items():
            before = known.get(id) or State(id, {})
            after, found = settled(before, ruling.rule(facts), case.now, lambda: new_id(CHANGE_PREFIX))
            changes += found
            stages[id] = after.judged[Dimension.LIFECYCLE_STAGE].value
            if replace(before, judged_at=case.now) == after:
                as_before.append(id)
            else:
                changed.append(after)
        await self._states.save(caller, changed, session)
        await self._states.stand(caller, as_before, case.now, session)
        await self._states.leave(caller, sorted(case.gone), session)
        await self._states.add_changes(caller, changes, session)
        joined = {into for into in case.gone.values() if into in stages}
        said = {one.customer for one in changes if one.dimension is Dimension.LIFECYCLE_STAGE}
        restated = [Restated(new_id(CHANGE_PREFIX), id, stages[id], case.now) for id in sorted(joined - said)]
        await self._states.restate(caller, restated, session)
        told = entries(changes, restated)
        # The first one was shown before it was stored: nothing changed for who watches.
        news = {one.customer for one in changes if one.before is not None}
        await self._outbox.append(session, [*told, *changed_customers(news)])

    async def computed(
        self, facts: Mapping[str, FactsOf], known: Mapping[str, State], now: datetime
    ) -> dict[str, State]:
        """Of those that nobody judged yet: what would be stored now."""
        ruling = await self._rules.ruling()
        return {
            id: settled(known.get(id) or State(id, {}), ruling.rule(one), now, lambda: new_id(CHANGE_PREFIX))[0]
            for id, one in facts.items()
        }
