"""A figure day by day, as cells keep it: what any window of days looked like when any later day began.

Days are ordinals of dates in the reporting zone. A window is a matrix of days x columns, or the sum of its days; what
the columns are, each class says.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date
from typing import Any, Protocol

import numpy as np

from services.metrics.evidence.sample import Floats, Ints
from services.metrics.rollup.decimals import from_stored
from services.metrics.rollup.domain import MICRO, NO_END
from services.metrics.rollup.sketch import LOG_GAMMA, SMALLEST, key_of, value_of

# (day, days until the end, parts), as MongoRollupRepository.kept gives them.
Kept = Iterable[tuple[date, str, Mapping[str, Any]]]

_DAY = 86_400.0
_NEVER = 2**31


class Daily(Protocol):
    """first, end: the days of which anything is known, half-open; first = end: none."""

    first: int
    end: int

    def days(self, start: int, end: int, as_of: int) -> Floats: ...

    def total(self, start: int, end: int, as_of: int) -> Floats: ...


@dataclass(frozen=True, slots=True)
class _Entries:
    """So many waits of a day that share how many days later they ended, and the bin of their length.

    stratum: whose they are, where several are kept as one.
    """

    day: Ints
    later: Ints
    left: Ints
    count: Ints
    place: Ints
    stratum: Ints
    started: Floats

    def window(self, start: int, end: int) -> "_Entries":
        low, high = np.searchsorted(self.day, [start, end])
        return self.picked(slice(low, high))

    def picked(self, those: slice | Ints) -> "_Entries":
        return _Entries(
            self.day[those],
            self.later[those],
            self.left[those],
            self.count[those],
            self.place[those],
            self.stratum[those],
            self.started[those],
        )


class Waits:
    """Durations with those that wait still. Columns: ended by bin, then still open (or left) by bin of their age.

    When a wait that ended later began is known to its day, and more closely by its length; see rollup.gathering.
    """

    def __init__(self, kept: Kept, target: float | None = None) -> None:
        self.target = target
        rows: list[tuple[int, int, int, int, int, float]] = []
        hits: list[tuple[int, int, int]] = []
        for at, later, stored in kept:
            parts, day = from_stored(dict(stored)), at.toordinal()
            ends = _NEVER if later == NO_END else int(later)
            for left, name in ((0, "b"), (1, "c")):
                for key, count in parts.get(name, {}).items():
                    if count > 0:
                        rows.append((day, ends, left, count, _place(key), _began(ends, value_of(key))))
            if parts.get("o", 0) > 0:
                rows.append((day, _NEVER, 0, parts["o"], 0, _DAY / 2))
            if parts.get("h"):
                hits.append((day, ends, parts["h"]))
        rows.sort()
        hits.sort()
        whole = np.array([row[:5] for row in rows], dtype=np.int64).reshape(-1, 5).T
        began = np.array([row[5] for row in rows], dtype=np.float64)
        self._entries = _Entries(
            whole[0], whole[1], whole[2], whole[3], whole[4], np.zeros(len(rows), dtype=np.int64), began
        )
        self._hits = np.array(hits, dtype=np.int64).reshape(-1, 3).T
        self._look()

    @classmethod
    def together(cls, several: Sequence["Waits"]) -> "Waits":
        """Of strata, in their order, so that all their totals are looked up at once."""
        found = cls([], several[0].target if several else None)
        parts = [
            replace(one._entries, stratum=np.full(len(one._entries.day), place))  # of the same class
            for place, one in enumerate(several)
        ]
        columns = [np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(_Entries)]
        together = _Entries(*columns)
        found._entries = together.picked(np.argsort(together.day, kind="stable"))
        found._look()
        return found

    def _look(self) -> None:
        day, place = self._entries.day, self._entries.place
        self.first = int(day[0]) if len(day) else 0
        self.end = int(day[-1]) + 1 if len(day) else 0
        # The lowest column is that of waits without any length.
        known = place[place > 0]
        self._low = int(known.min()) - 1 if len(known) else 0
        self._high = int(known.max(initial=1))

    def _columns(self, as_of: int) -> int:
        """Bins in all: also the age of the oldest one fits."""
        oldest = _place(key_of(max((as_of - self.first) * _DAY, 1.0)))
        return max(self._high, oldest) - self._low + 1

    def keys(self, as_of: int) -> list[str]:
        """Of the bins, in the order of their columns."""
        places = range(self._low + 1, self._low + self._columns(as_of))
        return ["z", *(f"p{place - _ZERO}" for place in places)]

    def values(self, as_of: int) -> Floats:
        """What the bins stand for."""
        return np.array([value_of(key) for key in self.keys(as_of)])

    def _placed(self, start: int, end: int, as_of: int) -> tuple[_Entries, Ints, Ints]:
        """Entries of the window, with their column as of that day, and how many columns there are in all."""
        entries = self._entries.window(start, min(end, as_of))
        resolved = entries.day + entries.later < as_of
        ages = np.maximum((as_of - entries.day) * _DAY - entries.started, SMALLEST)
        aged = np.ceil(np.log(ages) / LOG_GAMMA).astype(np.int64) + _ZERO
        place = np.where(resolved, entries.place, aged) - self._low
        bins = self._columns(as_of)
        waiting = (~resolved | (entries.left == 1)).astype(np.int64)
        return entries, np.clip(place, 0, bins - 1) + waiting * bins, np.array(2 * bins)

    def days(self, start: int, end: int, as_of: int) -> Floats:
        entries, column, columns = self._placed(start, end, as_of)
        flat = (entries.day - start) * columns + column
        return _counted(flat, entries.count, (end - start) * int(columns)).reshape(end - start, int(columns))

    def total(self, start: int, end: int, as_of: int) -> Floats:
        entries, column, columns = self._placed(start, end, as_of)
        return _counted(column, entries.count, int(columns))

    def totals(self, start: int, end: int, as_of: int, strata: int) -> Floats:
        """A row for each stratum."""
        entries, column, columns = self._placed(start, end, as_of)
        flat = entries.stratum * columns + column
        return _counted(flat, entries.count, strata * int(columns)).reshape(strata, int(columns))

    def shares(self, start: int, end: int, as_of: int) -> Floats:
        """Each day's (answered in time, not in time) of those that were due when that day began."""
        end = min(end, as_of)
        found = np.zeros((max(end - start, 0), 2))
        if self.target is None or end <= start:
            return found
        entries = self._entries.window(start, end)
        resolved = entries.day + entries.later < as_of
        late = (as_of - entries.day) * _DAY - entries.started > self.target
        due = np.where(resolved | late, entries.count, 0)
        np.add.at(found[:, 1], entries.day - start, due)
        low, high = np.searchsorted(self._hits[0], [start, end])
        day, later, count = self._hits[:, low:high]
        in_time = np.where(day + later < as_of, count, 0)
        np.add.at(found[:, 0], day - start, in_time)
        found[:, 1] -= found[:, 0]
        return found


class Values:
    """Values that have no end. Columns: by bin, ascending."""

    def __init__(self, kept: Kept) -> None:
        rows = [
            (day.toordinal(), key, count)
            for day, _, stored in kept
            for key, count in from_stored(dict(stored)).get("b", {}).items()
            if count > 0
        ]
        keys = sorted({key for _, key, _ in rows}, key=value_of)
        column = {key: place for place, key in enumerate(keys)}
        rows.sort()
        self.values = np.array([value_of(key) for key in keys], dtype=np.float64)
        self._day = np.array([day for day, _, _ in rows], dtype=np.int64)
        self._column = np.array([column[key] for _, key, _ in rows], dtype=np.int64)
        self._count = np.array([count for _, _, count in rows], dtype=np.int64)
        self.first = int(self._day[0]) if rows else 0
        self.end = int(self._day[-1]) + 1 if rows else 0

    def days(self, start: int, end: int, as_of: int) -> Floats:
        low, high = np.searchsorted(self._day, [start, min(end, as_of)])
        columns = len(self.values)
        flat = (self._day[low:high] - start) * columns + self._column[low:high]
        return _counted(flat, self._count[low:high], (end - start) * columns).reshape(end - start, columns)

    def total(self, start: int, end: int, as_of: int) -> Floats:
        low, high = np.searchsorted(self._day, [start, min(end, as_of)])
        return _counted(self._column[low:high], self._count[low:high], len(self.values))


class Sums:
    """Two sums a day: columns are numerator and denominator."""

    def __init__(self, pairs: Mapping[int, tuple[float, float]], known: Sequence[int] = ()) -> None:
        """known: days of which it is known that there was nothing, where a pair does not say so."""
        found = [*pairs, *known]
        self.first, self.end = (min(found), max(found) + 1) if found else (0, 0)
        self._pairs = np.zeros((self.end - self.first, 2))
        for day, pair in pairs.items():
            self._pairs[day - self.first] = pair

    def days(self, start: int, end: int, as_of: int) -> Floats:
        end = min(end, as_of)
        found = np.zeros((max(end - start, 0), 2))
        low, high = max(start, self.first), min(end, self.end)
        if low < high:
            found[low - start : high - start] = self._pairs[low - self.first : high - self.first]
        return found

    def total(self, start: int, end: int, as_of: int) -> Floats:
        total: Floats = self.days(start, end, as_of).sum(axis=0)
        return total


class WaitShares:
    """Columns: answered in time, and not in time, of those due."""

    def __init__(self, waits: Waits) -> None:
        self._waits = waits
        self.first, self.end = waits.first, waits.end

    def days(self, start: int, end: int, as_of: int) -> Floats:
        return self._waits.shares(start, end, as_of)

    def total(self, start: int, end: int, as_of: int) -> Floats:
        total: Floats = self.days(start, end, as_of).sum(axis=0)
        return total


def parts_by_day(kept: Kept) -> dict[int, dict[str, float]]:
    """n, h and s (in the unit of the KPI) of each day."""
    found: dict[int, dict[str, float]] = {}
    for day, _, stored in kept:
        parts = from_stored(dict(stored))
        into = found.setdefault(day.toordinal(), {"n": 0.0, "h": 0.0, "s": 0.0})
        for name in ("n", "h"):
            into[name] += parts.get(name, 0)
        into["s"] += parts.get("s", 0) / MICRO
    return found


# Bins as whole numbers: zero, then p<i> in their order.
_ZERO = math.ceil(-math.log(SMALLEST) / LOG_GAMMA) + 2


def _place(key: str) -> int:
    return 0 if key == "z" else int(key[1:]) + _ZERO


def _began(later: int, length: float) -> float:
    """When in its day a wait of this length began that ended so many days later: the middle of what is possible."""
    if later == _NEVER:
        return _DAY / 2
    earliest = min(max(later * _DAY - length, 0.0), _DAY)
    latest = max(min((later + 1) * _DAY - length, _DAY), 0.0)
    return (earliest + latest) / 2


def _counted(place: Ints, count: Ints, length: int) -> Floats:
    found: Floats = np.bincount(place, weights=count, minlength=length).astype(np.float64, copy=False)
    return found
