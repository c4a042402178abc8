"""DDSketch bins: counts that add, subtract and merge exactly, and give quantiles within 1 % of the true value.

C. Masson, J. E. Rim, H. K. Lee: DDSketch, VLDB 2019. A bin's key is p<i> for values in (gamma^(i-1), gamma^i], n<i>
for the same below zero, z for zero.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

ACCURACY = 0.01
GAMMA = (1 + ACCURACY) / (1 - ACCURACY)
LOG_GAMMA = math.log(GAMMA)
SMALLEST = 1e-6
_OFFSET = math.ceil(-math.log(SMALLEST) / LOG_GAMMA) + 1

Bins = Mapping[str, int]


def key_of(value: float) -> str:
    magnitude = abs(value)
    if magnitude < SMALLEST:
        return "z"
    place = math.ceil(math.log(magnitude) / LOG_GAMMA)
    return f"p{place}" if value > 0 else f"n{place}"


# There are some two thousand bins that anything ever falls into.
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


def ordered(bins: Bins) -> list[tuple[float, int]]:
    """(value, count), ascending; what was taken back entirely is gone."""
    return sorted((value_of(key), count) for key, count in bins.items() if count > 0)


def at_rank(values: Iterable[tuple[float, int]], rank: int) -> float:
    """The value of this rank, counted from 1; the last one beyond the end."""
    seen, last = 0, math.nan
    for value, count in values:
        seen, last = seen + count, value
        if seen >= rank:
            break
    return last


def quantile(bins: Bins, p: float) -> float | None:
    """Nearest rank: the smallest value with at least a share p of all at or below it."""
    return quantile_of(ordered(bins), p)


def quantile_of(values: Sequence[tuple[float, int]], p: float) -> float | None:
    """The same of values that are in their order already."""
    total = sum(count for _, count in values)
    if not total:
        return None
    return at_rank(values, max(1, math.ceil(round(p * total, 9))))


def histogram(bins: Bins, wanted: int) -> list[tuple[float, float, int]]:
    """At most `wanted` bins of equal ratio (lower, upper, count), from the smallest to the largest value."""
    present = sorted((_place(key), *bounds_of(key), count) for key, count in bins.items() if count > 0)
    if not present:
        return []
    first, last = present[0][0], present[-1][0]
    size = math.ceil((last - first + 1) / wanted)
    groups: dict[int, tuple[float, float, int]] = {}
    for place, lower, upper, count in present:
        group = (place - first) // size
        begun = groups.get(group)
        groups[group] = (lower, upper, count) if begun is None else (begun[0], upper, begun[2] + count)
    return list(groups.values())


def _place(key: str) -> int:
    """An order of all bins as whole numbers."""
    if key == "z":
        return 0
    place = int(key[1:]) + _OFFSET
    return place if key[0] == "p" else -place
