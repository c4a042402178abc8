"""What a KPI can say of itself: when the counting of its stored events will be done."""

from dataclasses import replace
from datetime import timedelta

import pytest

from services.metrics.kpi.domain import BackFill
from tests.metrics.conftest import NOW

RUNNING = BackFill("job_1", total=1000, done=250, started_at=NOW - timedelta(minutes=10))


def test_a_back_fill_is_done_at_the_pace_it_had_so_far() -> None:
    assert RUNNING.forecast(NOW) == NOW + timedelta(minutes=30)
    assert replace(RUNNING, done=500).forecast(NOW) == NOW + timedelta(minutes=10)


def test_what_was_slower_until_now_takes_longer() -> None:
    later = NOW + timedelta(minutes=10)
    assert RUNNING.forecast(later) == later + timedelta(minutes=60)


def test_a_back_fill_that_has_seen_all_but_is_not_closed_is_done_now() -> None:
    assert replace(RUNNING, done=1000).forecast(NOW) == NOW


@pytest.mark.parametrize(
    "fill",
    [
        pytest.param(BackFill("job_1", total=1000), id="not begun"),
        pytest.param(replace(RUNNING, done=0), id="nothing counted yet"),
        pytest.param(replace(RUNNING, done=1000, finished_at=NOW), id="finished"),
        pytest.param(replace(RUNNING, finished_at=NOW), id="given up"),
        pytest.param(BackFill("job_1", started_at=NOW), id="nothing to count"),
    ],
)
def test_of_what_has_no_pace_or_is_over_there_is_no_forecast(fill: BackFill) -> None:
    assert fill.forecast(NOW) is None
