"""Estimates what a response costs, with intervals that hold for all touchpoints together."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from services.metrics.evidence.resampling import day_weights, ratios
from services.metrics.evidence.sample import Floats
from services.metrics.plan.domain import Cost, TouchpointCost

_DRAWS = 1000
_ERROR = 0.05
# Weeks stay together: money and customers follow the days of the week, and what is asked for one week is slow to end.
_WEEK = 7
_FEWEST_WEEKS = 4
_MOST_WITHOUT_VALUE = 0.05


@dataclass(frozen=True, slots=True)
class Daily:
    """Of each day of the period, in order."""

    spend: Floats
    responses: Floats


def estimated(daily: Mapping[str, Daily], seed: int) -> list[TouchpointCost]:
    """By touchpoint, over the same days, which are drawn in the same way, so that their order does not matter.

    The intervals are of Student's kind for the logarithm of the cost, with the standard error from drawing weeks again:
    percentiles of the draws promise too much where there are few weeks. The error is divided over all touchpoints
    (Bonferroni), since the cheapest of many is cheap by chance too. Below four weeks there are none.
    """
    if not daily:
        return []
    days = len(next(iter(daily.values())).spend)
    if days < _WEEK * _FEWEST_WEEKS:
        return [_estimated(touchpoint, one, None, 0.0) for touchpoint, one in daily.items()]
    weights = day_weights(days, _DRAWS, _WEEK, np.random.default_rng(seed))
    weeks = days / _WEEK
    # Drawn from few weeks, the spread of the draws is too small by this much.
    reach = float(stdtrit(weeks - 1, 1 - _ERROR / 2 / len(daily))) * math.sqrt(weeks / (weeks - 1))
    return [_estimated(touchpoint, one, weights, reach) for touchpoint, one in daily.items()]


def _estimated(touchpoint: str, daily: Daily, weights: Floats | None, reach: float) -> TouchpointCost:
    """reach: how many standard errors of the draws the interval goes to each side."""
    spend, responses = float(daily.spend.sum()), int(daily.responses.sum())
    if spend <= 0 or responses <= 0:
        return TouchpointCost(touchpoint, spend, responses, None)
    value = spend / responses
    error = None if weights is None else _error(weights @ np.column_stack((daily.spend, daily.responses)))
    if error is None:
        return TouchpointCost(touchpoint, spend, responses, Cost(value, None, None))
    factor = math.exp(reach * error)
    return TouchpointCost(touchpoint, spend, responses, Cost(value, value / factor, value * factor))


def _error(sums: Floats) -> float | None:
    """Of the logarithm of the cost; None: too many draws have no spend or no response."""
    costs = ratios(sums)
    valued = costs[costs > 0]
    if len(valued) < (1 - _MOST_WITHOUT_VALUE) * len(costs):
        return None
    return float(np.log(valued).std())
