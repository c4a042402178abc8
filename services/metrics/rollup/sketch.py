"""DDSketch bins: counts that add, subtract and merge exactly, and give quantiles within 1 % of the true value.

C. Masson, J. E. Rim, H. K. Lee: DDSketch, VLDB 2019. A bin's key is p<i> for values in (gamma^(i-1), gamma^i], n<i>
for the same below zero, z for zero. Its place is a whole number: places are in the order of the values.
"""

import math
from collections.abc import ItemsView, Iterator, Mapping
from functools import lru_cache

import numpy as np
import numpy.typing as npt

ACCURACY = 0.01
GAMMA = (1 + ACCURACY) / (1 - ACCURACY)
LOG_GAMMA = math.log(GAMMA)
SMALLEST = 1e-6
OFFSET = math.ceil(-math.log(SMALLEST) / LOG_GAMMA) + 1

Whole = npt.NDArray[np.int64]

_NONE = np.zeros(0, np.int64)


def key_of(value: float) -> str:
    magnitude = abs(value)
    if magnitude < SMALLEST:
        return "z"
    place = math.ceil(math.log(magnitude) / LOG_GAMMA)
    return f"p{place}" if value > 0 else f"n{place}"


# There are some two thousand bins that anything ever falls into.
@lru_cache(maxsize=16_384)
def place_of(key: str) -> int:
    if key == "z":
        return 0
    place = int(key[1:]) + OFFSET
    return place if key[0] == "p" else -place


@lru_cache(maxsize=16_384)
def key_at(place: int) -> str:
    if not place:
        return "z"
    return f"p{place - OFFSET}" if place > 0 else f"n{-place - OFFSET}"


@lru_cache(maxsize=16_384)
def value_of(key: str) -> float:
    """What stands for all values of the bin: at most 1 % from each of them."""
    if key == "z":
        return 0.0
    magnitude = 2 * GAMMA ** int(key[1:]) / (GAMMA + 1)
    return magnitude if key[0] == "p" else -magnitude


def bounds_of(key: str) -> tuple[float, float]:
    if key == "z":
        return 0.0, 0.0
    upper = GAMMA ** int(key[1:])
    return (upper / GAMMA, upper) if key[0] == "p" else (-upper, -upper / GAMMA)


class Bins(Mapping[str, int]):
    """How many values fell into which bin; what was taken back entirely is gone.

    Arrays that are added up only when somebody looks: so a sum over many cells costs hardly more than one of them.
    """

    __slots__ = ("_parts", "_settled")

    def __init__(self) -> None:
        # Never written to: several sums may hold the same arrays.
        self._parts: list[tuple[Whole, Whole]] = []
        self._settled = True

    @classmethod
    def of(cls, counts: Mapping[str, int]) -> "Bins":
        if isinstance(counts, Bins):
            return counts
        bins, size = cls(), len(counts)
        bins.put(np.fromiter(map(place_of, counts), np.int64, size), np.fromiter(counts.values(), np.int64, size))
        return bins

    def put(self, places: Whole, counts: Whole) -> None:
        """Adds these, in any order; a place may be there more than once."""
        if len(places):
            self._parts.append((places, counts))
            self._settled = False

    def add(self, other: Mapping[str, int], sign: int = 1) -> None:
        """sign: -1 takes them away."""
        more = Bins.of(other)._parts
        if more:
            self._parts += more if sign == 1 else [(places, -counts) for places, counts in more]
            self._settled = False

    @property
    def arrays(self) -> tuple[Whole, Whole]:
        """(places, counts), ascending; no count is zero."""
        if not self._settled:
            self._parts = _added(self._parts)
            self._settled = True
        return self._parts[0] if self._parts else (_NONE, _NONE)

    def items(self) -> ItemsView[str, int]:
        places, counts = self.arrays
        return dict(zip(map(key_at, places.tolist()), counts.tolist(), strict=True)).items()

    def __getitem__(self, key: str) -> int:
        return dict(self.items())[key]

    def __iter__(self) -> Iterator[str]:
        return map(key_at, self.arrays[0].tolist())

    def __len__(self) -> int:
        return len(self.arrays[0])

    def __repr__(self) -> str:
        return f"Bins.of({dict(self.items())})"


def _added(parts: list[tuple[Whole, Whole]]) -> list[tuple[Whole, Whole]]:
    """As one part, or none."""
    if len(parts) == 1:
        ((places, counts),) = parts
    else:
        places = np.concatenate([places for places, _ in parts])
        counts = np.concatenate([counts for _, counts in parts])
    lowest = places.min()
    # A count for each bin between the outermost: values are at most 1e10, so these are some thousands.
    dense = np.zeros(int(places.max() - lowest) + 1, np.int64)
    np.add.at(dense, places - lowest, counts)
    present = np.flatnonzero(dense)
    return [(present + lowest, dense[present])] if len(present) else []


class Ordered:
    """Values by their rank; what is below zero, taken back before it came in, is not there."""

    __slots__ = ("_places", "_until", "count")

    def __init__(self, bins: Mapping[str, int]) -> None:
        places, counts = Bins.of(bins).arrays
        if len(counts) and counts.min() < 0:
            places, counts = places[counts > 0], counts[counts > 0]
        self._places = places
        # How many there are up to and with each bin.
        self._until = counts.cumsum()
        self.count = int(self._until[-1]) if len(places) else 0

    @property
    def smallest(self) -> float | None:
        return self.at_rank(1) if self.count else None

    @property
    def largest(self) -> float | None:
        return self.at_rank(self.count) if self.count else None

    def at_rank(self, rank: int) -> float:
        """The value of this rank, counted from 1; the last one beyond the end, not a number where there is none."""
        if not self.count:
            return math.nan
        found = min(int(self._until.searchsorted(rank)), len(self._places) - 1)
        return value_of(key_at(int(self._places[found])))

    def quantile(self, p: float) -> float | None:
        """Nearest rank: the smallest value with at least a share p of all at or below it."""
        return self.at_rank(max(1, math.ceil(round(p * self.count, 9)))) if self.count else None


def quantile(bins: Mapping[str, int], p: float) -> float | None:
    """Nearest rank: the smallest value with at least a share p of all at or below it."""
    return Ordered(bins).quantile(p)


def histogram(bins: Mapping[str, int], wanted: int) -> list[tuple[float, float, int]]:
    """At most `wanted` bins of equal ratio (lower, upper, count), from the smallest to the largest value."""
    places, counts = Bins.of(bins).arrays
    places, counts = places[counts > 0], counts[counts > 0]
    if not len(places):
        return []
    size = math.ceil((int(places[-1] - places[0]) + 1) / wanted)
    begins = np.flatnonzero(np.diff((places - places[0]) // size, prepend=-1))
    ends = np.append(begins[1:], len(places)) - 1
    return [
        (bounds_of(key_at(first))[0], bounds_of(key_at(last))[1], count)
        for first, last, count in zip(
            places[begins].tolist(), places[ends].tolist(), np.add.reduceat(counts, begins).tolist(), strict=True
        )
    ]
