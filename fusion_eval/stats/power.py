"""What a sample of some size can show: the power of a test, the smallest detectable effect, and the items needed."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from scipy.special import chdtr, ndtr, ndtri, stdtrit

_NORMAL = np.linspace(-8.5, 8.5, 341)
_DENSITY = np.exp(-(_NORMAL**2) / 2) / math.sqrt(2 * math.pi) * (_NORMAL[1] - _NORMAL[0])
"""Weights of the normal distribution on the grid `_NORMAL`. Sums with them are integrals over a normal variable."""
_MANY = 400
"""From so many degrees of freedom the integrand is narrower than a grid step. An approximation is then as good."""


_PRECISION = 1e-10
"""Of a detectable effect, in standard errors."""


def power_of(effect: float, error: float, clusters: int, alpha: float = 0.05) -> float:
    """Return the power of a two-sided paired t test (Cohen 1988, chapter 2).

    The power follows from the noncentral t distribution, which is |z + shift| / s, where z is normal and s^2 is a
    chi-square over its degrees of freedom. For more than 400 degrees of freedom the normal approximation of Abramowitz
    & Stegun (1964, 26.7.10) is used. The result is within 1e-4 for alpha up to 0.2.

    Args:
        effect: The true difference.
        error: The standard error of the observed difference.
        clusters: The number of independent units.
        alpha: The level of the test.

    Raises:
        ValueError: There are fewer than two clusters, or the standard error is not positive.
    """
    if clusters < 2 or error <= 0:
        raise ValueError(f"Power needs two clusters and a standard error, not {clusters} and {error}")
    freedom, shift = clusters - 1, abs(effect) / error
    limit = float(stdtrit(freedom, 1 - alpha / 2))
    if freedom > _MANY:
        centre, spread = limit * (1 - 1 / (4 * freedom)), math.sqrt(1 + limit**2 / (2 * freedom))
        return float(ndtr((shift - centre) / spread) + ndtr((-shift - centre) / spread))
    # scipy's own noncentral t has NaN and jumps for few clusters, which differ from release to release.
    return float(_DENSITY @ chdtr(freedom, freedom * ((_NORMAL + shift) / limit) ** 2))


def minimal_detectable_effect(
    error: float, clusters: int, alpha: float = 0.05, power: float = 0.8
) -> float | None:
    """Return the smallest true difference that a two-sided paired t test finds with this power.

    The result is None for fewer than two clusters, a standard error of 0, or a power of at most alpha.
    """
    if clusters < 2 or error <= 0 or power <= alpha:
        return None
    return error * _detectable_errors(clusters, alpha, power)


@lru_cache(maxsize=1024)  # the rows of a table have the same few numbers of clusters
def _detectable_errors(clusters: int, alpha: float, power: float) -> float:
    """Return the smallest detectable difference in standard errors."""
    guess = float(stdtrit(clusters - 1, 1 - alpha / 2) + ndtri(power))
    low, high = 0.0, 4 * guess
    while high - low > _PRECISION:  # by bisection, because scipy.optimize takes half a second to import
        middle = (low + high) / 2
        low, high = (low, middle) if power_of(middle, 1.0, clusters, alpha) >= power else (middle, high)
    return (low + high) / 2


def items_needed(
    effect: float, error: float, items: int, clusters: int, alpha: float = 0.05, power: float = 0.8
) -> int | None:
    """Return how many items it takes to find a true difference with this power.

    The clusters are assumed to keep their size, so the standard error falls with the square root of their number.

    Args:
        effect: The true difference.
        error: The standard error of the difference in this sample.
        items: The number of items in this sample.
        clusters: The number of independent units in this sample.
        alpha: The level of the two-sided t test.
        power: The power to reach.

    Returns:
        The number of items. None if no number suffices, or if the sample shows no spread.
    """
    if effect == 0 or error <= 0 or clusters < 2 or power <= alpha:
        return None
    spread = error * math.sqrt(clusters)
    enough = 2

    def suffices(count: int) -> bool:
        return power_of(abs(effect), spread / math.sqrt(count), count, alpha) >= power

    while not suffices(enough):
        enough *= 2
        if enough > 2**60:
            return None
    low, high = enough // 2, enough
    while high - low > 1 and low >= 2:
        middle = (low + high) // 2
        low, high = (low, middle) if suffices(middle) else (middle, high)
    return math.ceil(high * items / clusters)
