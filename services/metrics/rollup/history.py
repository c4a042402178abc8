"""What a customer was at a moment: the stage reached and the segments belonged to, said by facts with a beginning.

A fact belongs to the record it came in for; what holds for a customer follows from the facts of all its records.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.metrics.event.domain import Event, Observation, State

# The events that say so -> the dimension that others are kept by through them.
SAYS: Mapping[str, str] = {"customer.stage_changed": "stage", "customer.segment_changed": "segment"}
UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True, order=True)
class Fact:
    """From `at` on the customer is at a stage, or is or is no longer a member of a segment."""

    at: datetime
    subject: str
    dimension: str
    value: str
    member: bool = True


def fact_of(event: Event, observation: Observation) -> Fact | None:
    """None: it says nothing that holds."""
    dimension = SAYS[event.name]
    value = (observation.dimensions or {}).get(dimension)
    if not value or observation.state is not State.COMPLETE:
        return None
    member = (observation.attributes or {}).get("member", True)
    return Fact(observation.started_at, event.subject_id, dimension, value, bool(member))


# Ascending beginnings, and what holds from each on until the next.
Steps = list[tuple[datetime, Any]]


def _at(steps: Steps, moment: datetime) -> Any:
    place = bisect_right(steps, moment, key=lambda step: step[0])
    return steps[place - 1][1] if place else None


class History:
    """stages: what the stage was, and since when; segments: of each, whether the customer belonged to it."""

    def __init__(self, stages: Steps, segments: Mapping[str, Steps]) -> None:
        self._stages = stages
        self._segments = segments

    @classmethod
    def of(cls, facts: Iterable[Fact]) -> "History":
        """Where two facts begin at once, the one with the later subject holds."""
        stages: Steps = []
        segments: defaultdict[str, Steps] = defaultdict(list)
        for fact in sorted(facts):
            if fact.dimension == "stage":
                stages.append((fact.at, fact.value))
            else:
                segments[fact.value].append((fact.at, fact.member))
        return cls(stages, segments)

    def stage(self, at: datetime) -> str:
        return _at(self._stages, at) or UNKNOWN

    def segments(self, at: datetime) -> tuple[str, ...]:
        return tuple(sorted(name for name, steps in self._segments.items() if _at(steps, at)))

    def after(self, frozen: "History", until: datetime) -> "History":
        """As this, but what was before `until` stays as it was in the other."""
        names = self._segments.keys() | frozen._segments.keys()
        segments = {
            name: _joined(frozen._segments.get(name, []), self._segments.get(name, []), until) for name in names
        }
        return History(_joined(frozen._stages, self._stages, until), segments)

    def to_document(self) -> dict[str, Any]:
        named = (("", self._stages), *sorted(self._segments.items()))
        return {"steps": [[name, at, value] for name, steps in named for at, value in steps]}

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> "History":
        stages: Steps = []
        segments: defaultdict[str, Steps] = defaultdict(list)
        for name, at, value in document["steps"]:
            (segments[name] if name else stages).append((at, value))
        return cls(stages, segments)


NOTHING = History([], {})


def _joined(before: Steps, after: Steps, until: datetime) -> Steps:
    kept = [step for step in before if step[0] < until]
    return [*kept, (until, _at(after, until)), *(step for step in after if step[0] > until)]
