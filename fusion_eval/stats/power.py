"""What a sample of this size can show: the smallest effect it would find, and the size that an effect would need."""

from __future__ import annotations

import math

import numpy as np
from scipy.optimize import brentq
from scipy.special import chdtr, ndtr, ndtri, stdtrit

_NORMAL = np.linspace(-8.5, 8.5, 341)
_DENSITY = np.exp(-(_NORMAL**2) / 2) / math.sqrt(2 * math.pi) * (_NORMAL[1] - _NORMAL[0])
"""A standard normal variable on a grid: sums over it are integrals, as nothing in them is narrower than its steps."""
_MANY = 400
"""Degrees of freedom from which the spread of the error is narrower than a step, and an approximation as good."""


def power_of(effect: float, error: float, clusters: int, alpha: float = 0.05) -> float:
    """The chance that a two-sided paired t test finds a true difference `effect` with standard error `error`.

    By the noncentral t distribution (Cohen 1988, chapter 2); `clusters` independent units. It is |z + shift| / s, z
    normal and s**2 a chi-square over its degrees of freedom; for many of these Abramowitz & Stegun 1964, 26.7.10.
    Within 1e-4 for alpha up to 0.2. Raises ValueError for fewer than two clusters, or no spread.
    """
    if clusters < 2 or error <= 0:
        raise ValueError(f"Power needs two clusters and a standard error, not {clusters} and {error}")
    freedom, shift = clusters - 1, abs(effect) / error
    limit = float(stdtrit(freedom, 1 - alpha / 2))
    if freedom > _MANY:
        centre, spread = limit * (1 - 1 / (4 * freedom)), math.sqrt(1 + limit**2 / (2 * freedom))
        return float(ndtr((shift - centre) / spread) + ndtr((-shift - centre) / spread))
    # Not scipy's own noncentral t: it has NaN and jumps for few clusters, which differ from release to release.
    return float(_DENSITY @ chdtr(freedom, freedom * ((_NORMAL + shift) / limit) ** 2))


def minimal_detectable_effect(
    error: float, clusters: int, alpha: float = 0.05, power: float = 0.8
) -> float | None:
    """The smallest true difference that is found with this power.

    None for fewer than two clusters, no spread, or a power that chance alone has (alpha).
    """
    if clusters < 2 or error <= 0 or power <= alpha:
        return None
    guess = float(stdtrit(clusters - 1, 1 - alpha / 2) + ndtri(power))
    shift = brentq(lambda shift: power_of(shift, 1.0, clusters, alpha) - power, 0.0, 4 * guess, xtol=1e-6)
    return float(shift) * error


def items_needed(
    effect: float, error: float, items: int, clusters: int, alpha: float = 0.05, power: float = 0.8
) -> int | None:
    """How many items, in clusters of the same size, would find a true difference of `effect` with this power.

    `error` is the standard error with `items` items; it shrinks with the root of their number. None where no number
    suffices (no effect), or nothing is known of the spread.
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
