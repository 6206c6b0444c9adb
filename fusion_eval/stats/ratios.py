"""Ratios of means over clustered items, with Fieller's interval."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy.typing as npt
from scipy.special import stdtrit

from fusion_eval.stats.cluster_means import Sample, linearized

_ROUNDING = 1e-12
"""A relative difference below this is rounding."""


@dataclass(frozen=True, slots=True)
class Ratio:
    """A ratio of two means, with its interval.

    Attributes:
        value: The ratio; None if the denominator is 0.
        low: The lower end; None where the sample cannot tell.
        high: The upper end; None where the sample cannot tell.
        unbounded: Whether the sample cannot exclude a denominator of 0, so that the interval has no ends.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    unbounded: bool = False


def ratio_of_means(
    numerator: npt.ArrayLike, denominator: npt.ArrayLike, sample: Sample, confidence: float
) -> Ratio:
    """Return the ratio of two means with Fieller's interval (1954): all r for which `numerator - r * denominator` may be 0.

    That is decided by Student's test over clusters, so the interval covers as this test does. It needs no resampling.

    Args:
        numerator: The values (n,) of n items.
        denominator: The values (n,) of the same items.
        sample: The items' clusters and groups.
        confidence: The nominal coverage.
    """
    (top, own_top), (bottom, own_bottom) = (
        (float(mean[0]), residuals[:, 0])
        for mean, residuals in (linearized(values, sample) for values in (numerator, denominator))
    )
    if bottom == 0:
        return Ratio(None)
    if sample.degrees < 1:
        return Ratio(top / bottom)
    quantile = float(stdtrit(sample.degrees, (1 + confidence) / 2))
    # The ends are the roots of a r**2 - 2 b r + c.
    a = bottom**2 - quantile**2 * float(own_bottom @ own_bottom)
    b = top * bottom - quantile**2 * float(own_top @ own_bottom)
    c = top**2 - quantile**2 * float(own_top @ own_top)
    if a <= _ROUNDING * bottom**2:
        return Ratio(top / bottom, unbounded=True)
    half = math.sqrt(max(b**2 - a * c, 0.0))
    return Ratio(top / bottom, (b - half) / a, (b + half) / a)
