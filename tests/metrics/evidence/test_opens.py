"""The effect that counts open waits, against all pairs looked at one by one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.metrics.evidence.opens import open_deltas
from services.metrics.evidence.ranks import cliffs_delta
from services.metrics.evidence.sample import Floats

BINS = 6
rows = st.lists(st.integers(0, 4), min_size=2 * BINS, max_size=2 * BINS).map(lambda row: np.array([row], dtype=float))


def by_pairs(before: Floats, after: Floats) -> float:
    """A wait that ended is shorter than one that ended in a later bin, or was open in its bin or a later one."""
    total = 0.0
    for i in range(2 * BINS):
        for j in range(2 * BINS):
            weight = before[0, i] * after[0, j]
            open_before, open_after = i >= BINS, j >= BINS
            a, b = i % BINS, j % BINS
            if not open_before and (b > a or (open_after and b == a)):
                total += weight
            if not open_after and (a > b or (open_before and a == b)):
                total -= weight
    return total / float(before.sum() * after.sum())


@given(rows, rows)
def test_it_is_what_all_pairs_say(before: Floats, after: Floats) -> None:
    (found,) = open_deltas(before, after)
    if not before.sum() or not after.sum():
        assert np.isnan(found)
        return
    assert found == pytest.approx(by_pairs(before, after), abs=1e-12)
    assert open_deltas(after, before)[0] == pytest.approx(-found, abs=1e-12)
    assert -1 <= found <= 1


@given(rows, rows)
def test_without_open_waits_it_is_cliffs_delta(before: Floats, after: Floats) -> None:
    before[:, BINS:] = after[:, BINS:] = 0
    if before.sum() and after.sum():
        ended = [side[0, :BINS].astype(np.int64) for side in (before, after)]
        assert open_deltas(before, after)[0] == pytest.approx(cliffs_delta(*ended), abs=1e-12)
