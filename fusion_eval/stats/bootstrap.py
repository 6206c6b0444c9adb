"""How sure is the difference? Intervals from clusters drawn again, and the standard error from leaving each out."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import ndtr, ndtri

from fusion_eval.stats.paired import Floats, Paired, Score, mean_over_groups, mean_score, value
from fusion_eval.stats.resampling import drawn_sums
from fusion_eval.stats.strata import strata

_ROUNDING = 1e-12
"""Relative spread that is only of rounding."""


@dataclass(frozen=True, slots=True)
class Interval:
    """Of the difference candidate - baseline. `method` is what was used: BCa may have to be a percentile interval."""

    low: float
    high: float
    confidence: float
    method: Literal["bca", "percentile"]
    resamples: int


def bootstrap_interval(
    paired: Paired,
    confidence: float = 0.95,
    resamples: int = 10_000,
    method: Literal["bca", "percentile"] = "bca",
    seed: int = 0,
) -> Interval | None:
    """Clusters are drawn with replacement, both runs together (Efron & Tibshirani 1993, 13.3 and 14.3).

    BCa (Efron 1987) corrects bias and skewness, the acceleration from leaving each cluster out. Where it is undefined,
    as with all draws on one side of the estimate, the percentile interval stands in. None for fewer than two clusters.
    Both cover less than they claim where clusters are few (below about 20).
    """
    if paired.n_clusters < 2:
        return None
    deltas = _drawn(paired, resamples, seed)
    if np.abs(deltas - paired.delta).max() <= _ROUNDING * float(np.abs(deltas).max()):
        return Interval(paired.delta, paired.delta, confidence, method, resamples)
    shares = np.array([(1 - confidence) / 2, (1 + confidence) / 2])
    corrected = _corrected(paired, deltas, shares) if method == "bca" else None
    used: Literal["bca", "percentile"] = "percentile" if corrected is None else "bca"
    first, last = shares if corrected is None else corrected
    # The upper end is counted from above, so that swapping the runs mirrors the interval to the last digit.
    low, high = np.quantile(deltas, first), -np.quantile(-deltas, 1 - last)
    return Interval(float(low), float(high), confidence, used, resamples)


def jackknife_error(paired: Paired) -> float | None:
    """Standard error of the difference: for a mean, that of the paired t test.

    Each cluster is left out in turn (Efron & Tibshirani 1993, eq. 11.5), and the spread taken within strata (Wolter 2007,
    eq. 4.5.3). None for fewer than two clusters.
    """
    if paired.n_clusters < 2:
        return None
    without = _left_out(paired)
    variance = 0.0
    for places in strata(paired):
        deviations = without[places] - without[places].mean()
        variance += (len(places) - 1) / len(places) * float((deviations**2).sum())
    error = math.sqrt(variance)
    return 0.0 if error <= _ROUNDING * float(np.abs(without).max()) else error


def _drawn(paired: Paired, resamples: int, seed: int) -> Floats:
    """(R,): the difference in each draw; strata are drawn apart, each as often as it has clusters."""
    groups = paired.baseline.shape[1]
    linear = np.zeros(resamples)
    scores = np.full((resamples, 2, groups), np.nan)
    parts = strata(paired)
    for number, places in enumerate(parts):
        both = np.stack([paired.baseline[places], paired.candidate[places]], axis=1)
        mine = np.flatnonzero(both.any(axis=(0, 1, 3)))
        shares = _balanced(both[:, :, mine], paired.score)
        if shares is not None:
            drawn = drawn_sums(shares[:, None] / groups, resamples, (seed, number))[:, 0]
            linear += _stretched(drawn, float(shares.sum()) / groups, len(places), len(parts))
            scores[:, :, mine] = 0.0
        else:
            sums = drawn_sums(both[:, :, mine].reshape(len(places), -1), resamples, (seed, number))
            scores[:, :, mine] = paired.score(sums.reshape(resamples, 2, len(mine), -1))
    values = mean_over_groups(scores)
    return np.asarray(linear + values[:, 1] - values[:, 0])


def _stretched(drawn: Floats, centre: float, clusters: int, parts: int) -> Floats:
    """Draws of a small stratum vary too little by (C - 1) / C, which adds up over many (Rao & Wu 1988)."""
    return drawn if parts == 1 else centre + (drawn - centre) * math.sqrt(clusters / (clusters - 1))


def _balanced(both: Floats, score: Score) -> Floats | None:
    """(C,): each cluster's part in the sum of its groups' differences of means, where all clusters are as large.

    The number of items is then the same in each draw, and the difference a sum. Else None.
    """
    if score is not mean_score or not (both[..., 1] == both[:1, :1, :, 1]).all():
        return None
    totals = both[:, 0, :, 1].sum(axis=0)
    return np.asarray(((both[:, 1, :, 0] - both[:, 0, :, 0]) / totals).sum(axis=1))


def _left_out(paired: Paired) -> Floats:
    """(C,): the difference without each cluster."""
    baseline = value(paired.baseline.sum(axis=0) - paired.baseline, paired.score)
    candidate = value(paired.candidate.sum(axis=0) - paired.candidate, paired.score)
    return candidate - baseline


def _corrected(paired: Paired, deltas: Floats, shares: Floats) -> Floats | None:
    """Where BCa reads the draws' distribution instead of at `shares` (Efron 1987, eq. 2.3); None where it cannot.

    Draws equal to the estimate count half on either side, as values on a grid make many.
    """
    observed = paired.delta
    near = np.abs(deltas - observed) <= 1e-10 * max(abs(observed), float(np.abs(deltas).max()))
    below = float(((deltas < observed) & ~near).mean() + near.mean() / 2)
    if not 0 < below < 1:
        return None
    without = _left_out(paired)
    deviations = without.mean() - without
    largest = float(np.abs(deviations).max())
    if largest > 0:  # without a unit, as powers of small numbers are 0
        deviations /= largest
    acceleration = float((deviations**3).sum() / (6 * max((deviations**2).sum(), 1.0) ** 1.5))
    bias = ndtri(below)
    reach = bias + ndtri(shares)
    if (acceleration * reach >= 1).any():  # beyond this pole the shares would turn round
        return None
    return np.asarray(ndtr(bias + reach / (1 - acceleration * reach)))
