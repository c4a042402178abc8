"""Adds up what cells hold, as things stand now or as they stood when a past day began."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from services.metrics.rollup.domain import NO_END, Group, OpenWaits, Parts, Query
from services.metrics.rollup.sketch import key_of, value_of

_DAY = 86_400.0


def gather(group: Group, query: Query, cell: Mapping[str, Any]) -> None:
    """Add one cell document, as `decoded` gives it, to its group."""
    if "m" in cell:
        group.parts.add(cell["m"])
    if cell.get("less"):
        # The days that are not wanted of this month.
        for places in cell.get("d", {}).values():
            for stored in places.values():
                group.parts.add(stored, -1)
        return
    for number, places in cell.get("d", {}).items():
        day = date.fromisoformat(f"{cell['t']}-{int(number):02}")
        if not query.start <= day < query.end:
            continue
        for later, parts in places.items():
            if query.as_of is not None and later != NO_END and day + timedelta(days=int(later)) >= query.as_of:
                _wait_still(group, query, day, int(later), parts)
            else:
                _count(group, query, day, parts)


def _count(group: Group, query: Query, day: date, parts: Mapping[str, Any]) -> None:
    into = group.days.setdefault(day, Parts()) if query.days else group.parts
    into.add(parts)


def _wait_still(group: Group, query: Query, day: date, later: int, parts: Mapping[str, Any]) -> None:
    """Those of the cell ended after the day asked for: then they were open.

    When they began is known to the day; with how long they took it is known more closely: the end lies within its day,
    so the start lies within that day shifted back by the length.
    """
    if query.as_of is None:
        return
    waits = group.waiting.setdefault(day if query.days else None, OpenWaits())
    began = query.zone.midnight(day)
    passed = (query.zone.midnight(query.as_of) - began).total_seconds()
    for bins in (parts.get("b", {}), parts.get("c", {})):
        for key, count in bins.items():
            length = value_of(key)
            earliest = min(max(later * _DAY - length, 0.0), _DAY)
            latest = max(min((later + 1) * _DAY - length, _DAY), 0.0)
            start = (earliest + latest) / 2
            target = query.kpi.target
            # Where the whole day is on one side of the target there is no doubt.
            not_due = target is not None and passed - start <= target
            due_later = count if not_due else 0
            waits.add(key_of(passed - start), count, due_later, began + timedelta(seconds=start))
    _count(group, query, day, {"o": parts.get("n", 0) + parts.get("u", 0)})
