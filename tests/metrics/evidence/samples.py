"""Samples of many shapes for the tests of evidence, and what turns counts back into single values."""

import numpy as np
from hypothesis import strategies as st

from services.metrics.evidence.sample import Floats, Ints
from services.metrics.rollup.sketch import GAMMA, key_of

decades = st.floats(-3, 8, allow_nan=False).map(lambda exponent: float(10**exponent))
few = st.integers(-3, 3).map(float)
one = st.just(7.0)
signed = st.floats(-1e6, 1e6, allow_nan=False)
numbers = st.one_of(
    st.lists(decades, min_size=1, max_size=40),
    st.lists(few, min_size=1, max_size=60),
    st.lists(one, min_size=1, max_size=5),
    st.lists(signed, min_size=1, max_size=30),
)
pairs = st.tuples(numbers, numbers)


def bins_of(values: list[float]) -> dict[str, int]:
    bins: dict[str, int] = {}
    for value in values:
        key = key_of(value)
        bins[key] = bins.get(key, 0) + 1
    return bins


def counted(*sides: list[float]) -> tuple[Floats, list[Ints]]:
    """The values themselves as a common axis, with one row of counts for each side."""
    values = np.unique(np.concatenate([np.array(side, dtype=np.float64) + 0.0 for side in sides]))
    rows = [np.array([side.count(value) for value in values.tolist()], dtype=np.int64) for side in sides]
    return values, rows


def raw(values: Floats, counts: Ints) -> Floats:
    return np.repeat(values, counts)


def log_normal(seed: int, n: int, median: float = 3600.0, sigma: float = 2.0) -> list[float]:
    rng = np.random.default_rng(seed)
    return [float(value) for value in median * np.exp(rng.normal(0, sigma, n))]


def many_bins(seed: int, bins: int, largest: int) -> tuple[Floats, Ints, Ints]:
    rng = np.random.default_rng(seed)
    values = 2 * GAMMA ** np.arange(bins, dtype=np.float64) / (GAMMA + 1)
    return values, rng.integers(0, largest, bins), rng.integers(0, largest, bins)
