"""The two things that every normal approximation asks for."""

import math

from scipy.special import ndtr, ndtri


def z_of(confidence: float) -> float:
    """How many standard errors an interval of this confidence reaches to each side: 1.96 for 0.95."""
    if not 0 < confidence < 1:
        raise ValueError(f"a confidence lies between 0 and 1: {confidence}")
    return float(ndtri((1 + confidence) / 2))


def two_sided(z: float) -> float:
    """The probability of a standard normal value at least as far from zero as z, in either direction."""
    return float(2 * ndtr(-math.fabs(z)))
