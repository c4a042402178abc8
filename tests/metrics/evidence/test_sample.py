"""Bins as samples: the same quantiles as the sketch, several on one axis, nothing lost."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.metrics.evidence import sample
from services.metrics.rollup import sketch
from tests.metrics.evidence.samples import bins_of, numbers, pairs


@given(numbers, st.floats(0, 1))
def test_a_quantile_is_that_of_the_sketch(values: list[float], p: float) -> None:
    bins = bins_of(values)
    assert sample.quantile(sample.sample(bins), p) == sketch.quantile(bins, p)


@given(numbers)
def test_values_ascend_and_the_mean_is_that_of_the_bin_values(values: list[float]) -> None:
    found = sample.sample(bins_of(values))
    assert np.all(np.diff(found.values) > 0)
    assert found.n == len(values)
    expected = np.mean([sketch.value_of(sketch.key_of(value)) for value in values])
    assert sample.mean(found) == pytest.approx(float(expected), rel=1e-9, abs=1e-6)


@given(pairs)
def test_rows_of_a_table_are_the_samples_themselves(sides: tuple[list[float], list[float]]) -> None:
    rows = [bins_of(side) for side in sides]
    table = sample.common(rows)
    for bins, counts in zip(rows, table.counts, strict=True):
        alone, within = sample.sample(bins), sample.present(table.values, counts)
        assert alone.values.tolist() == within.values.tolist()
        assert alone.counts.tolist() == within.counts.tolist()


def test_what_was_taken_back_entirely_is_gone() -> None:
    table = sample.common([{"p10": 0, "z": 2}, {"p10": -1, "n3": 1}])
    assert table.values.tolist() == [sketch.value_of("n3"), 0.0]
    assert table.counts.tolist() == [[0, 2], [1, 0]]


def test_no_rows_and_empty_rows_have_an_empty_axis() -> None:
    assert sample.common([]).counts.shape == (0, 0)
    assert sample.common([{}, {"p1": 0}]).counts.shape == (2, 0)
    with pytest.raises(ValueError, match="without observations"):
        sample.quantile(sample.sample({}), 0.5)
    with pytest.raises(ValueError, match="without observations"):
        sample.mean(sample.sample({"p1": 0}))
