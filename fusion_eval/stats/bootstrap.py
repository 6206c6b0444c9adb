"""How precise a difference is: bootstrap intervals over clusters, and the jackknife standard error."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import ndtr, ndtri

from fusion_eval.stats.paired import Floats, Paired, Score, mean_over_groups, mean_score, score_groups, strata
from fusion_eval.stats.resampling import drawn_sums

_ROUNDING = 1e-12
"""A relative spread below this is rounding."""

Method = Literal["bca", "percentile"]


@dataclass(frozen=True, slots=True)
class Interval:
    """A confidence interval of the difference, candidate - baseline.

    Attributes:
        low: The lower end.
        high: The upper end.
        confidence: The nominal coverage.
        method: The method that was used. It is `percentile` also if BCa was asked for and is undefined.
        resamples: The number of resamples.
    """

    low: float
    high: float
    confidence: float
    method: Method
    resamples: int


def bootstrap_interval(
    paired: Paired,
    confidence: float = 0.95,
    resamples: int = 10_000,
    method: Method = "bca",
    seed: int = 0,
) -> Interval | None:
    """Return a bootstrap interval of the difference (Efron & Tibshirani 1993, sections 13.3 and 14.3).

    Clusters are resampled with replacement within each stratum, for both runs together. BCa (Efron 1987) corrects for
    bias and skewness. If it is undefined, for example because all resamples are on one side of the estimate, the
    result is a percentile interval. With fewer than about 20 clusters both methods cover less than they claim.

    Args:
        paired: The two runs.
        confidence: The nominal coverage.
        resamples: The number of resamples.
        method: The method to use.
        seed: The seed of the resamples.

    Returns:
        The interval, or None for fewer than two clusters.
    """
    if paired.n_clusters < 2:
        return None
    deltas = _resample(paired, resamples, seed)
    if np.abs(deltas - paired.delta).max() <= _ROUNDING * float(np.abs(deltas).max()):
        return Interval(paired.delta, paired.delta, confidence, method, resamples)
    tails = np.array([(1 - confidence) / 2, (1 + confidence) / 2])
    corrected = _bca_quantiles(paired, deltas, tails) if method == "bca" else None
    used: Method = "percentile" if corrected is None else "bca"
    first, last = tails if corrected is None else corrected
    # The upper end is counted from above, so that swapping the runs mirrors the interval to the last digit.
    low, high = np.quantile(deltas, first), -np.quantile(-deltas, 1 - last)
    return Interval(float(low), float(high), confidence, used, resamples)


def jackknife_error(paired: Paired) -> float | None:
    """Return the standard error of the difference. For a mean it is that of the paired t test.

    Each cluster is left out in turn (Efron & Tibshirani 1993, equation 11.5). The spread is taken within strata
    (Wolter 2007, equation 4.5.3). The result is None for fewer than two clusters.
    """
    if paired.n_clusters < 2:
        return None
    without = _leave_one_out(paired)
    variance = 0.0
    for places in strata(paired):
        deviations = without[places] - without[places].mean()
        variance += (len(places) - 1) / len(places) * float((deviations**2).sum())
    error = math.sqrt(variance)
    return 0.0 if error <= _ROUNDING * float(np.abs(without).max()) else error


def _resample(paired: Paired, resamples: int, seed: int) -> Floats:
    """Return the difference in each resample (R,). Each stratum is resampled separately, at its own size."""
    n_groups = paired.baseline.shape[1]
    linear = np.zeros(resamples)
    scores = np.full((resamples, 2, n_groups), np.nan)
    parts = strata(paired)
    for number, places in enumerate(parts):
        both = np.stack([paired.baseline[places], paired.candidate[places]], axis=1)
        nonempty = np.flatnonzero(both.any(axis=(0, 1, 3)))
        effects = _linear_effects(both[:, :, nonempty], paired.score)
        if effects is not None:
            drawn = drawn_sums(effects[:, None] / n_groups, resamples, (seed, number))[:, 0]
            linear += _rescale(drawn, float(effects.sum()) / n_groups, len(places), len(parts))
            scores[:, :, nonempty] = 0.0
        else:
            sums = drawn_sums(both[:, :, nonempty].reshape(len(places), -1), resamples, (seed, number))
            scores[:, :, nonempty] = paired.score(sums.reshape(resamples, 2, len(nonempty), -1))
    values = mean_over_groups(scores)
    return np.asarray(linear + values[:, 1] - values[:, 0])


def _rescale(drawn: Floats, centre: float, clusters: int, n_strata: int) -> Floats:
    """Correct the variance, which is too small by (C - 1) / C in each stratum; this adds up (Rao & Wu 1988)."""
    return drawn if n_strata == 1 else centre + (drawn - centre) * math.sqrt(clusters / (clusters - 1))


def _linear_effects(both: Floats, score: Score) -> Floats | None:
    """Return each cluster's part (C,) of the summed differences of the groups' means.

    This needs clusters of one size: the number of items is then the same in each resample, and the difference is a
    sum. Else the result is None.
    """
    if score is not mean_score or not (both[..., 1] == both[:1, :1, :, 1]).all():
        return None
    totals = both[:, 0, :, 1].sum(axis=0)
    return np.asarray(((both[:, 1, :, 0] - both[:, 0, :, 0]) / totals).sum(axis=1))


def _leave_one_out(paired: Paired) -> Floats:
    """Return the difference without each cluster (C,)."""
    baseline = score_groups(paired.baseline.sum(axis=0) - paired.baseline, paired.score)
    candidate = score_groups(paired.candidate.sum(axis=0) - paired.candidate, paired.score)
    return candidate - baseline


def _bca_quantiles(paired: Paired, deltas: Floats, tails: Floats) -> Floats | None:
    """Return the quantiles of the resamples that BCa uses in place of `tails` (Efron 1987, equation 2.3).

    Resamples equal to the estimate count half on either side; values on a grid have many of them. The result is None
    if BCa is undefined.
    """
    observed = paired.delta
    near = np.abs(deltas - observed) <= 1e-10 * max(abs(observed), float(np.abs(deltas).max()))
    below = float(((deltas < observed) & ~near).mean() + near.mean() / 2)
    if not 0 < below < 1:
        return None
    without = _leave_one_out(paired)
    deviations = without.mean() - without
    largest = float(np.abs(deviations).max())
    if largest > 0:  # divide by the unit, since the third powers of small numbers are 0
        deviations /= largest
    acceleration = float((deviations**3).sum() / (6 * max((deviations**2).sum(), 1.0) ** 1.5))
    bias = ndtri(below)
    shifted = bias + ndtri(tails)
    # The formula has a pole at 1, beyond which the quantiles turn round.
    if (acceleration * shifted >= 1).any():
        return None
    return np.asarray(ndtr(bias + shifted / (1 - acceleration * shifted)))
