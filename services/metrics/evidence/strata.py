"""Several groups at once: adjusted p-values, and what a change of the mix alone would have done."""

from collections.abc import Sequence

import numpy as np

from services.metrics.evidence.sample import Floats


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted in their order (S. Holm, Scandinavian Journal of Statistics 1979)."""
    order = sorted(range(len(p_values)), key=lambda place: p_values[place])
    adjusted = [1.0] * len(p_values)
    largest = 0.0
    for rank, place in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[place]))
        adjusted[place] = largest
    return adjusted


def reweighted(strata: Sequence[Floats], shares: Floats) -> Floats:
    """Rows of counts as they would be with these shares of the strata (direct standardisation).

    E. M. Kitagawa, JASA 1955. strata: rows x columns each, rows x strata for the shares; a stratum without counts in
    a row has nothing to say there, and its share is spread over the others. The counts of a row keep their number.
    """
    totals = np.stack([stratum.sum(axis=1) for stratum in strata], axis=1)
    usable = np.where(totals > 0, shares, 0.0)
    whole = usable.sum(axis=1, keepdims=True)
    usable = np.divide(usable, whole, out=np.zeros_like(usable), where=whole > 0)
    n = totals.sum(axis=1)
    result = np.zeros_like(strata[0], dtype=np.float64)
    for place, stratum in enumerate(strata):
        factor = np.divide(usable[:, place] * n, totals[:, place], out=np.zeros_like(n), where=totals[:, place] > 0)
        result += stratum * factor[:, np.newaxis]
    return result
