"""Waits with those that are still open: both sides as they stood equally long after their end."""

import numpy as np

from services.metrics.comparison.daily import Waits, WaitShares
from services.metrics.comparison.domain import OpenAware
from services.metrics.comparison.effects import Resampled
from services.metrics.comparison.placebo import Windows
from services.metrics.comparison.question import hits_of
from services.metrics.evidence import hazards
from services.metrics.evidence.sample import Floats
from services.metrics.evidence.shares import ShareTest, compare_shares
from services.metrics.kpi.results import Share, wilson

_HORIZON = 28 * 86_400.0


class OpenWaits:
    def __init__(self, windows: Windows, waits: Waits) -> None:
        self._windows = windows
        self._daily = waits

    def aware(self, effect: Resampled) -> OpenAware:
        windows = self._windows
        before, after = windows.sides(self._daily, windows.follow_up)
        sides = [self._as_waits(side) for side in (before, after)]
        horizon = min(_HORIZON, self._followed(before), self._followed(after))
        try:
            mean = hazards.restricted_mean_difference(sides[0], sides[1], horizon)
        except ValueError:
            # Nobody was followed so long.
            mean = None
        shares = self._shares()
        test = self.share_test()
        return OpenAware(
            follow_up_days=windows.follow_up,
            effect=effect.interval,
            log_rank=hazards.log_rank([(sides[0], sides[1])]),
            restricted_mean=mean,
            horizon_seconds=horizon,
            baseline=shares[0] if shares else None,
            current=shares[1] if shares else None,
            share_difference=test.difference if test is not None else None,
        )

    def _as_waits(self, side: Floats) -> hazards.Waits:
        half = len(side) // 2
        keys = self._daily.keys(self._windows.as_of)
        ended, left = (
            {key: int(count) for key, count in zip(keys, counts, strict=False) if count}
            for counts in (side[:half], side[half:])
        )
        return hazards.Waits(ended, left)

    def _followed(self, side: Floats) -> float:
        """The longest wait that was seen, ended or not."""
        half = len(side) // 2
        seen = np.nonzero(side[:half] + side[half:])[0]
        values = self._daily.values(self._windows.as_of)
        return float(values[min(seen[-1], len(values) - 1)]) if len(seen) else 0.0

    def _hits_of_waits(self) -> tuple[tuple[int, int], tuple[int, int]] | None:
        if self._daily.target is None:
            return None
        before, after = self._windows.sides(WaitShares(self._daily), self._windows.follow_up)
        found = hits_of(before), hits_of(after)
        return found if found[0][1] and found[1][1] else None

    def share_test(self) -> ShareTest | None:
        hits = self._hits_of_waits()
        return compare_shares(*hits) if hits is not None else None

    def _shares(self) -> tuple[Share, Share] | None:
        hits = self._hits_of_waits()
        if hits is None:
            return None
        windows = self._windows
        found = []
        for (hit, due), (start, end) in zip(hits, (windows.baseline, windows.current), strict=True):
            everybody = int(self._daily.total(start, end, end + windows.follow_up).sum())
            interval = wilson(hit, due)
            found.append(Share(hit, due - hit, everybody - due, interval.value, interval))
        return found[0], found[1]
