"""What a definition would make of stored events, before it is saved."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from chassis.expressions import EvaluationFault
from services.metrics.event.domain import Event, Observation, State
from services.metrics.event.registry import Registry
from services.metrics.kpi.counting import RULE_ERROR, Bound, Counted
from services.metrics.kpi.domain import Kpi
from services.metrics.kpi.results import Asked, compute
from services.metrics.rollup.customers import nested
from services.metrics.rollup.distinct import Distinct
from services.metrics.rollup.domain import Flat, Parts, add, parts_of

SHOWN = 20


@dataclass
class Trial:
    """faults: what was said -> (how often, one of the events). values: (event, its moment, value), newest first."""

    examined: int = 0
    counted: int = 0
    filtered: int = 0
    left_out: dict[str, int] = field(default_factory=dict)
    faults: dict[str, tuple[int, str]] = field(default_factory=dict)
    values: list[tuple[str, datetime, float | None]] = field(default_factory=list)
    result: float | None = None


def tried(kpi: Kpi, registry: Registry, events: Iterable[Event], now: datetime) -> Trial:
    """events: newest first; of each, what holds since."""
    trial = Trial()
    definition = Counted(kpi, registry)
    sums: Flat = {}
    different = Distinct()
    seen_subjects: set[str] = set()
    for event in events:
        if event.subject_id in seen_subjects:
            continue
        seen_subjects.add(event.subject_id)
        if event.after is None:
            continue
        trial.examined += 1
        seen = _judged(definition, registry, event, event.after, trial)
        if seen is None:
            continue
        add(sums, parts_of(kpi, seen))
        if seen.state in (State.EXCLUDED, State.NEGATIVE):
            reason = seen.exclusion_reason or seen.state.value
            trial.left_out[reason] = trial.left_out.get(reason, 0) + 1
            continue
        trial.counted += 1
        different.add(seen.source_record_id or seen.customer_id or "")
        if len(trial.values) < SHOWN:
            trial.values.append((event.id, seen.started_at, seen.value))
    parts = Parts()
    parts.add(nested(sums))
    trial.result = compute(kpi, parts, None, Asked(), now, different=len(different)).value
    return trial


def _judged(
    definition: Counted, registry: Registry, event: Event, observation: Observation, trial: Trial
) -> Observation | None:
    try:
        seen = definition.judged(observation, Bound(registry, event, definition.needs).of(observation))
    except EvaluationFault as fault:
        count, example = trial.faults.get(str(fault), (0, event.id))
        trial.faults[str(fault)] = (count + 1, example)
        trial.left_out[RULE_ERROR] = trial.left_out.get(RULE_ERROR, 0) + 1
        return None
    if seen is None:
        trial.filtered += 1
    return seen
