"""Samples known as bins: ordered values with their counts, alone or several on one common axis."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.metrics.rollup.sketch import value_of

Bins = Mapping[str, int]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Sample:
    """counts[i] observations have the value values[i]; values ascend, each once, in the KPI's unit; counts > 0."""

    values: Floats
    counts: Ints

    @property
    def n(self) -> int:
        return int(self.counts.sum())


@dataclass(frozen=True, slots=True)
class Table:
    """Several samples on one axis: counts[row, i] observations of this row have the value values[i]."""

    values: Floats
    counts: Ints


def sample(bins: Bins) -> Sample:
    """Bins with a count of zero or below are gone: what was taken back entirely was never there."""
    table = common([bins])
    return Sample(table.values, table.counts[0])


def common(rows: Sequence[Bins]) -> Table:
    """All rows over the values that any of them has, ascending; one row of counts for each mapping, in their order."""
    keys = sorted({key for bins in rows for key, count in bins.items() if count > 0}, key=value_of)
    place = {key: i for i, key in enumerate(keys)}
    counts = np.zeros((len(rows), len(keys)), dtype=np.int64)
    for row, bins in zip(counts, rows, strict=True):
        for key, count in bins.items():
            if count > 0:
                row[place[key]] = count
    return Table(np.array([value_of(key) for key in keys], dtype=np.float64), counts)


def present(values: Floats, counts: Ints) -> Sample:
    """One row of a table without the values that it does not have."""
    has = counts > 0
    return Sample(values[has], counts[has])


def quantile(of: Sample, p: float) -> float:
    """Nearest rank: the smallest value with at least a share p of all at or below it (inverse CDF, type 1).

    R. J. Hyndman and Y. Fan, The American Statistician 1996, definition 1; the same as sketch.quantile.
    """
    refuse_empty(of.n)
    rank = max(1, math.ceil(round(p * of.n, 9)))
    return float(of.values[np.searchsorted(np.cumsum(of.counts), rank)])


def mean(of: Sample) -> float:
    """The arithmetic mean of the bin values: at most 1 % from the mean of positive raw values."""
    refuse_empty(of.n)
    return float(of.values @ of.counts / of.n)


def refuse_empty(*sizes: float) -> None:
    """A comparison with nothing is not a comparison."""
    if min(sizes) <= 0:
        raise ValueError("a sample without observations cannot be compared")
