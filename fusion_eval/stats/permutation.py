"""Is the difference more than chance? Tests that swap the two runs, cluster by cluster.

If both runs were draws of one system, swapping their results on any cluster would change nothing that matters; so the
observed difference is compared with those of all swaps (Fisher 1935; for corpus metrics Riezler & Maxwell 2005).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.special import bdtr  # scipy.stats takes a second to import

from fusion_eval.stats.paired import Floats, Labels, Paired, mean_score, paired_values, value
from fusion_eval.stats.resampling import all_swapped_sums, swapped_sums

_EXACT_CLUSTERS = 16
"""Up to here all 2**C swaps are tried."""
_TOLERANCE = 1e-12
"""Relative: differences of discrete values are equal in truth and not always in floating point."""


@dataclass(frozen=True, slots=True)
class PermutationTest:
    """A two-sided test. `exact`: all `resamples` outcomes were counted, or summed in closed form (1), none drawn."""

    statistic: float
    p_value: float
    resamples: int
    exact: bool
    test: Literal["permutation", "wilcoxon", "mcnemar"] = "permutation"


@dataclass(frozen=True, slots=True)
class _Swaps:
    """How often a swap is further from zero than observed, and how often as far; the observed one is counted."""

    beyond: int
    equal: int
    total: int
    exact: bool


def permutation_test(paired: Paired, resamples: int = 10_000, seed: int = 0) -> PermutationTest:
    """Of the difference of two runs. For a mean this is the sign-flip test of the paired differences.

    Exact for up to 16 clusters that differ; else p = (c + 1) / (m + 1) over m draws (Davison & Hinkley 1997, eq. 4.11).
    """
    swaps = _swaps(paired, resamples, seed)
    return PermutationTest(paired.delta, (swaps.beyond + swaps.equal) / swaps.total, swaps.total, swaps.exact)


def wilcoxon_test(
    baseline: npt.ArrayLike,
    candidate: npt.ArrayLike,
    clusters: Labels = None,
    resamples: int = 10_000,
    seed: int = 0,
) -> PermutationTest:
    """The signed-rank test (Wilcoxon 1945): zeros dropped, ties averaged; the statistic is the sum of signed ranks.

    Whole clusters change sign, as in Rosner, Glynn & Lee (2006), with the distribution counted rather than approximated.
    """
    from scipy.stats import rankdata

    differences = _differences(baseline, candidate)
    ranks = np.zeros_like(differences)
    moved = differences != 0
    ranks[moved] = rankdata(np.abs(differences[moved])) * np.sign(differences[moved])
    tested = permutation_test(paired_values(np.zeros_like(ranks), ranks, clusters), resamples, seed)
    return replace(tested, statistic=float(ranks.sum()), test="wilcoxon")


def mcnemar_test(
    baseline: npt.ArrayLike,
    candidate: npt.ArrayLike,
    clusters: Labels = None,
    resamples: int = 10_000,
    seed: int = 0,
) -> PermutationTest:
    """McNemar's exact mid-p test of 0/1 values (Fagerland, Lydersen & Laake 2013, section 2.4).

    What is as far from zero as observed counts half. Independent items have a closed form; clusters are swapped whole.
    The statistic is the number of items gained less those lost; where it is 0, p is 1.
    """
    paired = paired_values(baseline, candidate, clusters)
    if not (np.isin(baseline, (0, 1)).all() and np.isin(candidate, (0, 1)).all()):
        raise ValueError("McNemar's test is of values that are 0 or 1")
    differences = np.asarray(candidate, dtype=np.float64) - np.asarray(baseline, dtype=np.float64)
    gained, lost = int((differences > 0).sum()), int((differences < 0).sum())
    if gained == lost:
        return PermutationTest(0.0, 1.0, 1, True, "mcnemar")
    if paired.n_clusters == len(differences):
        fewer, both = min(gained, lost), gained + lost
        p_value = float(bdtr(fewer, both, 0.5) + (bdtr(fewer - 1, both, 0.5) if fewer else 0.0))
        return PermutationTest(float(gained - lost), p_value, 1, True, "mcnemar")
    swaps = _swaps(paired, resamples, seed)
    p_value = (swaps.beyond + swaps.equal / 2) / swaps.total
    return PermutationTest(float(gained - lost), p_value, swaps.total, swaps.exact, "mcnemar")


def _differences(baseline: npt.ArrayLike, candidate: npt.ArrayLike) -> Floats:
    """(n,): candidate - baseline, where what differs by rounding only is made equal, so that ties are ties."""
    first, second = (np.asarray(values, dtype=np.float64) for values in (baseline, candidate))
    if first.shape != second.shape or first.ndim != 1:
        raise ValueError(f"Two runs need values of one shape (n,), not {first.shape} and {second.shape}")
    size = float(np.maximum(np.abs(first), np.abs(second)).max(initial=0.0))
    if not 0 < size < np.inf:
        return second - first
    grid = size * _TOLERANCE
    return np.asarray(np.rint((second - first) / grid) * grid)


def _swaps(paired: Paired, resamples: int, seed: int) -> _Swaps:
    """Of a mean only the weighted differences matter, one column; of other scores all statistics do."""
    linear = _linear(paired)
    change = (
        linear[:, None]
        if linear is not None
        else (paired.candidate - paired.baseline).reshape(paired.n_clusters, -1)
    )
    change = change[change.any(axis=1)]
    exact = len(change) <= _EXACT_CLUSTERS
    sums = all_swapped_sums(change) if exact else swapped_sums(change, resamples, seed)
    if linear is not None:
        deltas = linear.sum() - 2 * sums[:, 0]
        observed, scale = abs(linear.sum()), float(np.abs(linear).sum())
    else:
        moved = sums.reshape(len(sums), *paired.baseline.shape[1:])
        baseline, candidate = paired.baseline.sum(axis=0) + moved, paired.candidate.sum(axis=0) - moved
        values = value(np.stack([baseline, candidate]), paired.score)
        deltas = values[1] - values[0]
        observed, scale = abs(paired.delta), float(np.abs(values).max())
    near = np.abs(np.abs(deltas) - observed) <= _TOLERANCE * scale
    beyond, equal = int((~near & (np.abs(deltas) > observed)).sum()), int(near.sum())
    # Among all swaps is the observed one; to those drawn it is added.
    return _Swaps(beyond, equal + (not exact), len(deltas) + (not exact), exact)


def _linear(paired: Paired) -> Floats | None:
    """(C,): each cluster's share in the difference of two means over the same items; None for other scores."""
    counts = paired.baseline[..., 1]
    if paired.score is not mean_score or not np.array_equal(counts, paired.candidate[..., 1]):
        return None
    totals = counts.sum(axis=0)
    return np.asarray(((paired.candidate - paired.baseline)[..., 0] / totals).mean(axis=1))
