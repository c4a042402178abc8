"""The same comparison at other dates: how far a figure moves when nothing is known to have happened."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from services.metrics.comparison.daily import Daily
from services.metrics.comparison.domain import Measure, Placebo
from services.metrics.comparison.effects import effect_of
from services.metrics.evidence.sample import Floats

LONGEST_FOLLOW_UP = 90
_MOST_DATES = 200
# So much of Student's distribution lies below what an effect must exceed: of few independent dates little is known of
# how far they spread, and it must be exceeded by far.
_LEVEL = 0.99
_FEWEST_INDEPENDENT = 2.0


@dataclass(frozen=True, slots=True)
class Windows:
    """Two windows of days, and the day on whose beginning both are looked at, each so long after its own end."""

    baseline: tuple[int, int]
    current: tuple[int, int]
    as_of: int

    @property
    def follow_up(self) -> int:
        return self.as_of - max(self.current[1], self.baseline[1])

    @property
    def first(self) -> int:
        return min(self.baseline[0], self.current[0])

    @property
    def last(self) -> int:
        return max(self.baseline[1], self.current[1])

    @property
    def length(self) -> int:
        """Days of both."""
        return self.baseline[1] - self.baseline[0] + self.current[1] - self.current[0]

    def sides(self, daily: Daily, follow_up: int, shift: int = 0) -> tuple[Floats, Floats]:
        """Their sums, both windows moved by so many days."""
        before, after = (
            daily.total(start + shift, end + shift, end + shift + follow_up)
            for start, end in (self.baseline, self.current)
        )
        return aligned(before, after)

    def days(self, daily: Daily, follow_up: int) -> tuple[Floats, Floats]:
        before, after = (daily.days(start, end, end + follow_up) for start, end in (self.baseline, self.current))
        return aligned(before, after)


def aligned(before: Floats, after: Floats) -> tuple[Floats, Floats]:
    """Bins of ages have as many columns as the oldest age asks for: fill the shorter ones up, in both halves."""
    columns = max(before.shape[-1], after.shape[-1])
    return _widened(before, columns), _widened(after, columns)


def _widened(side: Floats, columns: int) -> Floats:
    half = side.shape[-1] // 2
    if side.shape[-1] == columns:
        return side
    missing = [(0, 0)] * (side.ndim - 1) + [(0, columns // 2 - half)]
    return np.concatenate([np.pad(side[..., :half], missing), np.pad(side[..., half:], missing)], axis=-1)


def effect_at(daily: Daily, measure: Measure, windows: Windows, follow_up: int, shift: int = 0) -> float:
    """NaN: a side has nothing."""
    return effect_of(measure, *windows.sides(daily, follow_up, shift))


def placebo(daily: Daily, windows: Windows, effect_of_shift: Callable[[int], float]) -> Placebo:
    """Dates at which both windows lie wholly before, or wholly after, what is compared; evenly spread, at most 200.

    daily: since when anything is known, and until when. effect_of_shift: with both windows moved by so many days.
    needed: the root mean square of their effects times Student's quantile for as many dates as do not overlap. None
    where there are fewer than two of these.
    """
    follow_up = min(windows.follow_up, LONGEST_FOLLOW_UP)
    effect = effect_of_shift(0)
    change = max(windows.current[0], windows.baseline[0])
    before = range(daily.first - windows.first, change - windows.last + 1)
    known = min(windows.as_of - follow_up, daily.end)
    after = range(change - windows.first, known - windows.last + 1)
    shifts = [*before, *after]
    # Windows moved by as many days as both have share nothing with where they were.
    independent = len(shifts) / windows.length
    if independent < _FEWEST_INDEPENDENT:
        return Placebo(len(shifts), independent, None, None, None, None, effect, follow_up)
    step = math.ceil(len(shifts) / _MOST_DATES)
    effects = np.array([effect_of_shift(shift) for shift in shifts[::step]])
    effects = effects[~np.isnan(effects)]
    if len(effects) < _FEWEST_INDEPENDENT:
        return Placebo(len(effects), independent, None, None, None, None, effect, follow_up)
    lower, upper = (float(bound) for bound in np.quantile(effects, [0.025, 0.975]))
    spread = float(np.sqrt((effects**2).mean()))
    needed = float(stdtrit(independent - 1, _LEVEL)) * spread
    share = float((np.abs(effects) >= abs(effect)).mean())
    return Placebo(len(effects), independent, share, lower, upper, needed, effect, follow_up)
