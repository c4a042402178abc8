"""The effect that counts those who still wait: which side's wait is the longer one, of all pairs that tell it.

E. A. Gehan, Biometrika 1965: a wait that ended after x is shorter than one that was still open after x. With the same
follow-up on both sides the share of pairs that tell nothing is the same on both, so the effect is fair.
"""

import numpy as np

from services.metrics.evidence.sample import Floats


def open_deltas(baseline: Floats, current: Floats) -> Floats:
    """Of each row: P(current wait longer) - P(baseline wait longer), from -1 to 1; NaN for a side without waits.

    Rows are counts of ended waits by ascending bin, then of waits still open (or left) by how long they lasted. Without
    open waits it is Cliff's delta. Within a bin the ended ones come first, as in survival.curve.
    """
    bins = baseline.shape[1] // 2
    ended_before, open_before = baseline[:, :bins], baseline[:, bins:]
    ended_after, open_after = current[:, :bins], current[:, bins:]
    longer = _outlived(ended_before, ended_after, open_after)
    shorter = _outlived(ended_after, ended_before, open_before)
    pairs = baseline.sum(axis=1) * current.sum(axis=1)
    found: Floats = np.divide(longer - shorter, pairs, out=np.full(len(pairs), np.nan), where=pairs > 0)
    return found


def _outlived(ended: Floats, ended_later: Floats, open_later: Floats) -> Floats:
    """Pairs in which a wait of the one side ended before one of the other ended, or while it was open."""
    until = np.cumsum(ended, axis=1)
    pairs: Floats = (ended_later * (until - ended) + open_later * until).sum(axis=1)
    return pairs
