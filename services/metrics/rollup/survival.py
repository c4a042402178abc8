"""How long customers wait when those who still wait count too: the Kaplan-Meier estimator over bins.

E. L. Kaplan, P. Meier, JASA 1958; variance after M. Greenwood; the median's interval after R. Brookmeyer and
J. Crowley, Biometrics 1982, on the log(-log) scale.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from services.metrics.rollup.sketch import Bins, Whole, key_at, value_of

Shares = npt.NDArray[np.float64]

_Z = 1.959963984540054
CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Step:
    """After `seconds` the share `waiting` still waits; at_risk: who had waited so long until then."""

    seconds: float
    waiting: float
    at_risk: int
    lower: float
    upper: float


@dataclass(frozen=True, slots=True)
class Median:
    value: float
    lower: float
    upper: float | None


@dataclass(frozen=True, slots=True)
class Curve:
    """A step for each bin in which somebody was answered; the columns of Step, ascending by `seconds`."""

    places: Whole
    waiting: Shares
    at_risk: Whole
    lower: Shares
    upper: Shares

    @property
    def median(self) -> Median | None:
        """None: more than half still wait."""
        value = self._first(self.waiting <= 0.5)
        if value is None:
            return None
        lower = self._first(self.lower <= 0.5)
        return Median(value, value if lower is None else lower, self._first(self.upper <= 0.5))

    def _first(self, met: npt.NDArray[np.bool_]) -> float | None:
        found = np.flatnonzero(met)
        return self._seconds(int(found[0])) if len(found) else None

    def _seconds(self, step: int) -> float:
        return value_of(key_at(int(self.places[step])))

    def steps(self, points: int | None = None) -> Sequence[Step]:
        """All, or at most so many of them, the first and the last among them."""
        size = len(self.places)
        wanted: Sequence[int] = range(size)
        if points is not None and size > points:
            wanted = [round(i * (size - 1) / (points - 1)) for i in range(points)]
        return [
            Step(
                self._seconds(step),
                float(self.waiting[step]),
                int(self.at_risk[step]),
                float(self.lower[step]),
                float(self.upper[step]),
            )
            for step in wanted
        ]


def curve(ended: Mapping[str, int], censored: Mapping[str, int]) -> Curve:
    """ended: waits that were answered, by bin; censored: those that left unanswered or still wait.

    Within one bin the answered come first.
    """
    (at_ended, of_ended), (at_censored, of_censored) = Bins.of(ended).arrays, Bins.of(censored).arrays
    lowest = min((int(places[0]) for places in (at_ended, at_censored) if len(places)), default=0)
    highest = max((int(places[-1]) for places in (at_ended, at_censored) if len(places)), default=-1)
    # A count for each bin between the outermost; what was taken back before it came in is not there.
    answered, gone = np.zeros((2, highest - lowest + 1), np.int64)
    answered[at_ended - lowest] = of_ended.clip(0)
    gone[at_censored - lowest] = of_censored.clip(0)
    # Whoever has not gone before.
    at_risk = (answered + gone)[::-1].cumsum()[::-1]
    steps = np.flatnonzero(answered)
    answered, at_risk = answered[steps], at_risk[steps]
    waiting = np.cumprod(1 - answered / at_risk)
    left = at_risk - answered
    # Whoever comes last leaves nobody, of whose number nothing could be said.
    terms = np.divide(answered / at_risk, left, out=np.zeros(len(steps)), where=left > 0)
    return Curve(steps + lowest, waiting, at_risk, *_band(waiting, terms.cumsum()))


def _band(waiting: Shares, variance: Shares) -> tuple[Shares, Shares]:
    lower, upper = waiting.copy(), waiting.copy()
    inside = (waiting > 0) & (waiting < 1)
    share = waiting[inside]
    spread = _Z * np.sqrt(variance[inside]) / np.abs(np.log(share))
    lower[inside], upper[inside] = share ** np.exp(spread), share ** np.exp(-spread)
    return lower, upper
