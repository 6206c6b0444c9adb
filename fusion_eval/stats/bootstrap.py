"""How sure is the difference? Intervals from clusters drawn again, and the standard error from leaving each out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.stats import norm

from fusion_eval.stats.paired import Floats, Paired, mean_score, value
from fusion_eval.stats.resampling import drawn_sums


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

    BCa (Efron 1987) corrects bias and skewness, the acceleration from leaving each cluster out. Where all draws are on
    one side of the estimate it is undefined, and the percentile interval stands in. None for fewer than two clusters.
    Both cover less than they claim where clusters are few (below about 20).
    """
    if paired.n_clusters < 2:
        return None
    deltas = _drawn(paired, resamples, seed)
    shares = np.array([(1 - confidence) / 2, (1 + confidence) / 2])
    corrected = _corrected(paired, deltas, shares) if method == "bca" else None
    low, high = np.quantile(deltas, shares if corrected is None else corrected)
    used: Literal["bca", "percentile"] = "percentile" if corrected is None else "bca"
    return Interval(float(low), float(high), confidence, used, resamples)


def jackknife_error(paired: Paired) -> float | None:
    """Standard error of the difference (Efron & Tibshirani 1993, eq. 11.5): for a mean, that of the paired t test.

    None for fewer than two clusters.
    """
    if paired.n_clusters < 2:
        return None
    without = _left_out(paired)
    count = len(without)
    return float(np.sqrt((count - 1) / count * ((without - without.mean()) ** 2).sum()))


def _drawn(paired: Paired, resamples: int, seed: int) -> Floats:
    """(R,): the difference in each draw."""
    shares = _balanced(paired)
    if shares is not None:
        return drawn_sums(shares[:, None], resamples, seed)[:, 0]
    both = np.stack([paired.baseline, paired.candidate], axis=1)
    sums = drawn_sums(both.reshape(paired.n_clusters, -1), resamples, seed).reshape(
        resamples, *both.shape[1:]
    )
    values = value(sums, paired.score)
    return np.asarray(values[:, 1] - values[:, 0])


def _balanced(paired: Paired) -> Floats | None:
    """(C,): each cluster's share in a difference of means, where every cluster has as many items of a group as every other.

    The number of items is then the same in each draw, and the difference a sum. Else None.
    """
    counts = paired.baseline[..., 1]
    if (
        paired.score is not mean_score
        or not ((counts == counts[:1]) & (counts == paired.candidate[..., 1])).all()
    ):
        return None
    return np.asarray(((paired.candidate - paired.baseline)[..., 0] / counts.sum(axis=0)).mean(axis=1))


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
    deviations = _left_out(paired).mean() - _left_out(paired)
    spread = float((deviations**2).sum())
    acceleration = float((deviations**3).sum()) / (6 * spread**1.5) if spread > 0 else 0.0
    bias = norm.ppf(below)
    reach = bias + norm.ppf(shares)
    moved = bias + reach / (1 - acceleration * reach)
    return np.asarray(norm.cdf(moved))
