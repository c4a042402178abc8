"""How long customers wait when those who still wait count too: the Kaplan-Meier estimator over bins.

E. L. Kaplan, P. Meier, JASA 1958; variance after M. Greenwood; the median's interval after R. Brookmeyer and
J. Crowley, Biometrics 1982, on the log(-log) scale.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from services.metrics.rollup.sketch import value_of

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


def curve(ended: Mapping[str, int], censored: Mapping[str, int]) -> list[Step]:
    """ended: waits that were answered, by bin; censored: those that left unanswered or still wait.

    Within one bin the answered come first.
    """
    times = sorted({key for bins in (ended, censored) for key, count in bins.items() if count > 0}, key=value_of)
    at_risk = sum(count for bins in (ended, censored) for count in bins.values() if count > 0)
    waiting, variance = 1.0, 0.0
    steps = []
    for key in times:
        answered = max(ended.get(key, 0), 0)
        if answered:
            waiting *= 1 - answered / at_risk
            if at_risk > answered:
                variance += answered / (at_risk * (at_risk - answered))
            steps.append(Step(value_of(key), waiting, at_risk, *_band(waiting, variance)))
        at_risk -= answered + max(censored.get(key, 0), 0)
    return steps


def _band(waiting: float, variance: float) -> tuple[float, float]:
    if waiting <= 0 or waiting >= 1:
        return waiting, waiting
    spread = _Z * math.sqrt(variance) / abs(math.log(waiting))
    return waiting ** math.exp(spread), waiting ** math.exp(-spread)


def median(steps: Sequence[Step]) -> Median | None:
    """None: more than half still wait."""
    value = next((step.seconds for step in steps if step.waiting <= 0.5), None)
    if value is None:
        return None
    lower = next((step.seconds for step in steps if step.lower <= 0.5), value)
    upper = next((step.seconds for step in steps if step.upper <= 0.5), None)
    return Median(value, lower, upper)


def thinned(steps: Sequence[Step], points: int) -> Sequence[Step]:
    """At most so many of the steps, the first and the last among them."""
    if len(steps) <= points:
        return steps
    return [steps[round(i * (len(steps) - 1) / (points - 1))] for i in range(points)]
