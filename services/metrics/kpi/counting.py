"""A definition made ready to count: what an observation is in its eyes."""

import math
import re
from collections.abc import Collection
from dataclasses import replace
from typing import Any

from chassis.expressions import EvaluationFault, Kind
from services.metrics.event.domain import JOINED, LARGEST_VALUE, Event, Observation, State
from services.metrics.event.registry import Registry, said_of
from services.metrics.kpi.domain import Aggregation, Kpi

# Why an observation is left out, beside the reasons that events bring along.
RULE_ERROR = "RULE_ERROR"
NO_VALUE = "NO_VALUE"
NO_CUSTOMER = "NO_CUSTOMER"
OUT_OF_RANGE = "OUT_OF_RANGE"

_WORD = re.compile(r"[A-Za-z_]\w*")
_LEFT_OUT = (State.EXCLUDED, State.NEGATIVE)


class Counted:
    """One definition, its expressions compiled."""

    def __init__(self, kpi: Kpi, registry: Registry) -> None:
        self.kpi = kpi
        self._filter = self._value = None
        self.needs = _named(kpi.filter) | _named(kpi.value)
        # What the customer was at the time, which the events themselves do not say.
        self.joined_sets = tuple(one for one in kpi.sets if not set(one).isdisjoint(JOINED))
        self.joins = tuple(one for one in JOINED if any(one in dimensions for dimensions in self.joined_sets))
        facts = registry.facts(kpi.event)
        if kpi.filter is not None:
            self._filter = facts.compile(kpi.filter, Kind.FLAG)
        if kpi.value is not None:
            returns = Kind.FLAG if kpi.aggregation is Aggregation.RATE else Kind.NUMBER
            self._value = facts.compile(kpi.value, returns)

    @property
    def asks(self) -> bool:
        """Does it need the facts?"""
        return self._filter is not None or self._value is not None

    def seen(self, observation: Observation, bound: Any) -> Observation | None:
        """As it counts here; None: it does not. bound: its facts, where they are asked for."""
        try:
            return self.judged(observation, bound)
        except EvaluationFault:
            return _left_out(observation, RULE_ERROR)

    def judged(self, observation: Observation, bound: Any) -> Observation | None:
        """As `seen`. EvaluationFault: an expression has no result."""
        kpi = self.kpi
        if kpi.counted_from is not None and observation.started_at < kpi.counted_from:
            return None
        if self._filter is not None:
            met = self._filter.evaluate(bound)
            if met is None:
                raise EvaluationFault("the filter is neither true nor false")
            if not met:
                return None
        if kpi.durations or observation.state in _LEFT_OUT:
            return observation
        if kpi.aggregation is Aggregation.COUNT:
            return _counts(observation, None)
        if kpi.aggregation is Aggregation.DISTINCT_CUSTOMERS:
            known = observation.source_record_id or observation.customer_id
            return _counts(observation, None) if known else _left_out(observation, NO_CUSTOMER)
        value = self._value.evaluate(bound) if self._value is not None else observation.value
        if value is None:
            return _left_out(observation, NO_VALUE)
        number = float(value)
        if not math.isfinite(number) or abs(number) > LARGEST_VALUE:
            return _left_out(observation, OUT_OF_RANGE)
        return _counts(observation, number)


def _counts(observation: Observation, value: float | None) -> Observation:
    # Not dataclasses.replace: this is done for every event and definition, and that takes five times as long.
    return Observation(
        State.COMPLETE,
        observation.started_at,
        observation.ended_at,
        value,
        observation.dimensions,
        observation.customer_id,
        observation.source_record_id,
    )


def _left_out(observation: Observation, reason: str) -> Observation:
    return replace(observation, state=State.EXCLUDED, exclusion_reason=reason, value=None)


class Bound:
    """The facts of one event, bound at most once however many definitions ask. needs: those that any of them names."""

    def __init__(self, registry: Registry, event: Event, needs: Collection[str]) -> None:
        self._facts = registry.facts(event.name)
        self._source = event.source
        self._needs = needs
        self._bound: dict[int, Any] = {}

    def of(self, observation: Observation) -> Any:
        known = self._bound.get(id(observation))
        if known is None:
            said = {"source": self._source, **said_of(observation)}
            needed = {name: value for name, value in said.items() if name in self._needs}
            known = self._bound[id(observation)] = self._facts.bind({"event": needed})
        return known


def _named(text: str | None) -> frozenset[str]:
    """Every word of an expression: the facts it asks for are among them."""
    return frozenset(_WORD.findall(text)) if text else frozenset()
