"""Sums of what was gathered: over groups, days and those who wait."""

from collections.abc import Iterable, Mapping
from datetime import date

from services.metrics.rollup.domain import Group, OpenWaits, Parts


def total(groups: Mapping[tuple[str, ...], Group]) -> Parts:
    parts = Parts()
    for group in groups.values():
        parts.merge(group.parts)
    return parts


def all_waiting(
    waiting: Mapping[tuple[tuple[str, ...], date | None], OpenWaits], groups: Mapping[tuple[str, ...], Group]
) -> OpenWaits:
    """Those who wait still, and those who did as of the past day asked for."""
    total = OpenWaits()
    for waits in waiting.values():
        merge_open(total, waits)
    for group in groups.values():
        for waits in group.waiting.values():
            merge_open(total, waits)
    return total


def merge_open(into: OpenWaits, other: OpenWaits) -> None:
    for key, count in other.bins.items():
        into.bins[key] = into.bins.get(key, 0) + count
    into.due_later += other.due_later
    if other.oldest is not None:
        into.oldest = other.oldest if into.oldest is None else min(into.oldest, other.oldest)


def remaining(all: OpenWaits, known: Iterable[OpenWaits]) -> OpenWaits:
    rest = OpenWaits(dict(all.bins), all.due_later, None)
    for waits in known:
        for key, count in waits.bins.items():
            rest.bins[key] = rest.bins.get(key, 0) - count
        rest.due_later -= waits.due_later
    # Which of them is the oldest is known only where there are any.
    rest.oldest = all.oldest if any(count > 0 for count in rest.bins.values()) else None
    return rest
