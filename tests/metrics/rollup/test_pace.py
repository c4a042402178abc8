"""How many events a transaction takes follows how long transactions last."""

import pytest

from services.metrics.rollup import pace
from services.metrics.rollup.pace import Pace


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(pace, "time", clock)
    return clock


def tried(pace: Pace, clock: Clock, seconds: float) -> int:
    size = pace.begin()
    clock.now += seconds
    pace.end()
    return size


def test_slow_ones_are_followed_by_smaller_ones_and_quick_ones_by_larger_ones(clock: Clock) -> None:
    pace = Pace(1600)
    assert [tried(pace, clock, seconds) for seconds in (7, 7, 4, 0.1, 0.1, 0.1)] == [1600, 800, 400, 400, 800, 1600]


def test_what_was_aborted_is_not_tried_again_as_large(clock: Clock) -> None:
    pace = Pace(1600)
    assert [pace.begin() for _ in range(7)] == [1600, 800, 400, 200, 100, 100, 100]
    assert tried(pace, clock, 0.1) == 100


def test_a_small_largest_one_is_never_exceeded(clock: Clock) -> None:
    pace = Pace(3)
    assert [tried(pace, clock, seconds) for seconds in (9, 0.1, 0.1)] == [3, 3, 3]
