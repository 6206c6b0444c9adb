"""What a sample of this size can show: the smallest effect it would find, and the size that an effect would need."""

from __future__ import annotations

import math

from scipy.optimize import brentq
from scipy.stats import nct, norm, t


def power_of(effect: float, error: float, clusters: int, alpha: float = 0.05) -> float:
    """The chance that a two-sided paired t test finds a true difference `effect` with standard error `error`.

    By the noncentral t distribution (Cohen 1988, chapter 2); `clusters` independent units, two at least.
    """
    freedom = clusters - 1
    limit, shift = t.ppf(1 - alpha / 2, freedom), effect / error
    found = float(nct.sf(limit, freedom, shift) + nct.cdf(-limit, freedom, shift))
    # Far out scipy's noncentral t gives NaN, where the normal distribution is as good.
    return found if math.isfinite(found) else float(norm.sf(limit - shift) + norm.cdf(-limit - shift))


def minimal_detectable_effect(
    error: float, clusters: int, alpha: float = 0.05, power: float = 0.8
) -> float | None:
    """The smallest true difference that is found with this power.

    None for fewer than two clusters, no spread, or a power that chance alone has (alpha).
    """
    if clusters < 2 or error <= 0 or power <= alpha:
        return None
    guess = float(t.ppf(1 - alpha / 2, clusters - 1) + norm.ppf(power))
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
