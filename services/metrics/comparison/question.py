"""What is asked of an analysis, and the plain counts that several of its parts look at."""

from dataclasses import dataclass

import numpy as np

from services.metrics.comparison.daily import Daily, Values, Waits
from services.metrics.comparison.domain import Measure
from services.metrics.comparison.placebo import LONGEST_FOLLOW_UP, Windows
from services.metrics.evidence.sample import Floats, Ints
from services.metrics.kpi.domain import Direction


@dataclass(frozen=True, slots=True)
class Asked:
    """quantile: which one the KPI's value is; None: the mean. target: in the KPI's unit."""

    measure: Measure
    direction: Direction
    windows: Windows
    seed: int
    quantile: float | None = 0.5
    target: float | None = None

    @property
    def follow_up(self) -> int:
        """What the verdict looks at has at most so much, so that other dates can have as much."""
        return min(self.windows.follow_up, LONGEST_FOLLOW_UP)


def counts_of(windows: Windows, daily: Daily) -> tuple[Floats, Ints, Ints]:
    """Values that ended until now, of both sides on one axis."""
    sides = [daily.total(start, end, windows.as_of) for start, end in (windows.baseline, windows.current)]
    if isinstance(daily, Waits):
        values = daily.values(windows.as_of)
        sides = [side[: len(values)] for side in sides]
    elif isinstance(daily, Values):
        values = daily.values
    else:
        raise TypeError(type(daily).__name__)
    before, after = (side.astype(np.int64) for side in sides)
    return values, before, after


def hits_of(side: Floats) -> tuple[int, int]:
    """(hits, of how many), of columns hit and missed."""
    return int(side[0]), int(side.sum())
