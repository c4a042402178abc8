"""The figures of one customer: one small document with sums over all time and the newest observations."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from services.metrics.event.domain import Observation, State
from services.metrics.kpi.domain import Kpi
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
    """The customer's document after the changes."""
    kpis = document["k"]
    for change in changes:
        entry = kpis.setdefault(change.kpi.key, {"all": {}, "newest": [], "dropped": False})
        flat = _flattened(entry["all"])
        add(flat, change.flat, change.sign)
        entry["all"] = {name: to_decimal128(value) if name in _SUMS else value for name, value in _nested(flat).items()}
        newest = [one for one in entry["newest"] if one["subject"] != change.subject]
        if change.sign > 0:
            newest.append(_kept(change))
        newest.sort(key=lambda one: (one["at"], one["subject"]), reverse=True)
        entry["dropped"] = entry["dropped"] or len(newest) > KEPT
        entry["newest"] = newest[:KEPT]
    return document


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


def _flattened(nested: Mapping[str, Any]) -> Flat:
    flat: Flat = {}
    for name, value in nested.items():
        if isinstance(value, dict):
            flat |= {f"{name}.{key}": count for key, count in value.items()}
        else:
            flat[name] = from_decimal128(value) if name in _SUMS else value
    return flat


def _nested(flat: Flat) -> dict[str, Any]:
    nested: dict[str, Any] = {}
    for name, value in flat.items():
        if not value:
            continue
        outer, _, inner = name.partition(".")
        if inner:
            nested.setdefault(outer, {})[inner] = value
        else:
            nested[outer] = value
    return nested


def all_time(document: Mapping[str, Any] | None, kpi: Kpi) -> Parts:
    parts = Parts()
    entry = (document or {"k": {}})["k"].get(kpi.key)
    if entry is not None:
        parts.add(from_stored(entry["all"]))
    return parts


def within(document: Mapping[str, Any] | None, kpi: Kpi, start: date, end: date) -> Parts | None:
    """The figures of a period; None when it reaches back to what is not kept one by one."""
    parts = Parts()
    entry = (document or {"k": {}})["k"].get(kpi.key)
    if entry is None:
        return parts
    newest = entry["newest"]
    if entry["dropped"] and (not newest or start <= newest[-1]["at"].date()):
        return None
    for one in newest:
        if start <= one["at"].date() < end:
            parts.add(_nested(parts_of(kpi, _observation(one))))
    return parts


def _observation(one: Mapping[str, Any]) -> Observation:
    at: datetime = one["at"]
    return Observation(State(one["state"]), at, one["ended_at"], one["value"], exclusion_reason=one["reason"])
