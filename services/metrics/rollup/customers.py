"""The figures of one customer: a small document per source record, so that merge and split move them whole.

A document holds sums over all time and the newest observations one by one. Both only ever add and take back, so the
order in which corrections come in does not matter.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.metrics.event.domain import Observation, State
from services.metrics.kpi.domain import Kpi
from services.metrics.kpi.periods import Days
from services.metrics.rollup.decimals import from_decimal128, from_stored, to_decimal128
from services.metrics.rollup.domain import Flat, Parts, add, parts_of

# So many observations are kept one by one, per KPI; periods within them can be asked for.
KEPT = 50

_SUMS = ("s", "q")


@dataclass(frozen=True, slots=True)
class Change:
    kpi: Kpi
    subject: str
    observation: Observation
    flat: Flat
    sign: int


def changed(document: dict[str, Any], changes: Iterable[Change]) -> dict[str, Any]:
    """The document after the changes."""
    kpis = document["k"]
    touched = {}
    for change in changes:
        entry = kpis.setdefault(change.kpi.cells, {"all": {}, "newest": [], "kept_after": None})
        flat = flattened(entry["all"])
        add(flat, change.flat, change.sign)
        entry["all"] = {name: to_decimal128(value) if name in _SUMS else value for name, value in nested(flat).items()}
        touched[change.kpi.cells] = entry
        if entry["kept_after"] is None or change.observation.started_at > entry["kept_after"]:
            _count(entry["newest"], _kept(change), change.sign)
    for entry in touched.values():
        _trim(entry)
    return document


def _count(newest: list[dict[str, Any]], kept: dict[str, Any], sign: int) -> None:
    """A correction may come before what it corrects: then it is counted below zero until that comes."""
    for place, one in enumerate(newest):
        if all(one[name] == value for name, value in kept.items()):
            one["c"] += sign
            if one["c"] == 0:
                del newest[place]
            return
    newest.append({**kept, "c": sign})


def _trim(entry: dict[str, Any]) -> None:
    newest = sorted(entry["newest"], key=lambda one: (one["at"], one["subject"]), reverse=True)
    if len(newest) > KEPT:
        entry["kept_after"] = newest[KEPT]["at"]
        newest = [one for one in newest if one["at"] > entry["kept_after"]]
    entry["newest"] = newest


def _kept(change: Change) -> dict[str, Any]:
    observation = change.observation
    return {
        "subject": change.subject,
        "at": observation.started_at,
        "state": observation.state.value,
        "ended_at": observation.ended_at,
        "value": observation.value,
        "reason": observation.exclusion_reason,
    }


def flattened(stored: Mapping[str, Any]) -> Flat:
    """Nested parts with decimals as flat whole numbers."""
    flat: Flat = {}
    for name, value in stored.items():
        if isinstance(value, dict):
            flat |= {f"{name}.{key}": count for key, count in value.items()}
        else:
            flat[name] = from_decimal128(value) if name in _SUMS else value
    return flat


def nested(flat: Flat) -> dict[str, Any]:
    """As it is stored: what is zero is left out."""
    result: dict[str, Any] = {}
    for name, value in flat.items():
        if not value:
            continue
        outer, _, inner = name.partition(".")
        if inner:
            result.setdefault(outer, {})[inner] = value
        else:
            result[outer] = value
    return result


def all_time(documents: Sequence[Mapping[str, Any]], kpi: Kpi) -> Parts:
    parts = Parts()
    for document in documents:
        entry = document["k"].get(kpi.cells)
        if entry is not None:
            parts.add(from_stored(entry["all"]))
    return parts


def within(documents: Sequence[Mapping[str, Any]], kpi: Kpi, days: Days) -> Parts | None:
    """The figures of a period; None when it reaches back to what is not kept one by one."""
    parts = Parts()
    for document in documents:
        entry = document["k"].get(kpi.cells)
        if entry is None:
            continue
        if entry["kept_after"] is not None and days.start <= days.zone.day(entry["kept_after"]):
            return None
        for one in entry["newest"]:
            if days.start <= days.zone.day(one["at"]) < days.end:
                flat: Flat = {}
                add(flat, parts_of(kpi, _observation(one)), one["c"])
                parts.add(nested(flat))
    return parts


def _observation(one: Mapping[str, Any]) -> Observation:
    at: datetime = one["at"]
    return Observation(State(one["state"]), at, one["ended_at"], one["value"], exclusion_reason=one["reason"])
