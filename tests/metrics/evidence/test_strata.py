"""Adjusted p-values and standardised mixes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.metrics.evidence.strata import holm, reweighted


def test_holm_is_that_of_the_book() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_holm_never_lowers_and_keeps_the_order(p_values: list[float]) -> None:
    adjusted = holm(p_values)
    assert all(p <= after <= 1 for p, after in zip(p_values, adjusted, strict=True))
    order = sorted(range(len(p_values)), key=lambda place: p_values[place])
    assert [adjusted[place] for place in order] == sorted(adjusted)


def test_the_same_mix_changes_nothing() -> None:
    fast, slow = np.array([[8.0, 2.0]]), np.array([[1.0, 9.0]])
    same = reweighted([fast, slow], np.array([[0.5, 0.5]]))
    assert same.tolist() == [[9.0, 11.0]]


def test_more_of_one_moves_towards_it_and_keeps_the_number() -> None:
    fast, slow = np.array([[8.0, 2.0]]), np.array([[1.0, 9.0]])
    moved = reweighted([fast, slow], np.array([[1.0, 0.0]]))
    assert moved.tolist() == [[16.0, 4.0]]


def test_the_share_of_an_empty_stratum_goes_to_the_others() -> None:
    empty, slow = np.zeros((1, 2)), np.array([[1.0, 9.0]])
    assert reweighted([empty, slow], np.array([[0.7, 0.3]])).tolist() == [[1.0, 9.0]]
    assert reweighted([empty, empty], np.array([[0.7, 0.3]])).tolist() == [[0.0, 0.0]]
