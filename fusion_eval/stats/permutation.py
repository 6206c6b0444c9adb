"""Paired permutation tests: is the difference of two runs larger than chance allows?

If both runs were draws from one system, it would not matter which of the two results on a cluster belongs to which
run. So the observed difference is compared with the differences after swapping the results of random clusters
(Fisher 1935; for corpus metrics Riezler & Maxwell 2005).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.special import bdtr  # scipy.stats takes a second to import

from fusion_eval.stats.clusters import Labels
from fusion_eval.stats.paired import Floats, Paired, mean_score, paired_values, score_groups
from fusion_eval.stats.resampling import all_swapped_sums, swapped_sums

_EXACT_CLUSTERS = 16
"""For up to so many clusters C, all 2**C swaps are computed."""
_TOLERANCE = 1e-12
"""Differences closer than this, relative to their scale, are equal but for rounding."""


@dataclass(frozen=True, slots=True)
class PermutationTest:
    """The result of a two-sided test.

    Attributes:
        statistic: The test statistic.
        p_value: The two-sided p-value.
        resamples: The number of outcomes that were counted; 1 for a closed form.
        exact: Whether the p-value is exact, not estimated from random swaps.
        test: The name of the test.
    """

    statistic: float
    p_value: float
    resamples: int
    exact: bool
    test: Literal["permutation", "mcnemar"] = "permutation"


@dataclass(frozen=True, slots=True)
class _SwapCounts:
    """How many swaps give a difference beyond the observed one, and how many an equal one (it counts as a swap)."""

    beyond: int
    equal: int
    total: int
    exact: bool


def permutation_test(paired: Paired, resamples: int = 10_000, seed: int = 0) -> PermutationTest:
    """Test the difference of two runs. For a mean, this is the sign-flip test of the paired differences.

    The test is exact for up to 16 clusters that differ. Else p = (c + 1) / (m + 1), where c of m random swaps are at
    least as extreme (Davison & Hinkley 1997, equation 4.11). The statistic is the difference, candidate - baseline.
    """
    swaps = _count_swaps(paired, resamples, seed)
    return PermutationTest(paired.delta, (swaps.beyond + swaps.equal) / swaps.total, swaps.total, swaps.exact)


def mcnemar_test(
    baseline: npt.ArrayLike,
    candidate: npt.ArrayLike,
    clusters: Labels = None,
    resamples: int = 10_000,
    seed: int = 0,
) -> PermutationTest:
    """Run McNemar's exact mid-p test on 0/1 values (Fagerland, Lydersen & Laake 2013, section 2.4).

    Outcomes as extreme as the observed one count half. Independent items have a closed form; else whole clusters are
    swapped. The statistic is the number of items gained minus the number lost. If it is 0, p is 1.

    Args:
        baseline: The baseline's values (n,), each 0 or 1.
        candidate: The candidate's values (n,) of the same items.
        clusters: The cluster of each item. By default each item is its own.
        resamples: The number of random swaps of more than 16 clusters.
        seed: The seed of the random swaps.

    Raises:
        ValueError: A value is neither 0 nor 1, the shapes differ, or there are no items.
    """
    paired = paired_values(baseline, candidate, clusters)
    if not (np.isin(baseline, (0, 1)).all() and np.isin(candidate, (0, 1)).all()):
        raise ValueError("McNemar's test is for values that are 0 or 1")
    differences = np.asarray(candidate, dtype=np.float64) - np.asarray(baseline, dtype=np.float64)
    gained, lost = int((differences > 0).sum()), int((differences < 0).sum())
    if gained == lost:
        return PermutationTest(0.0, 1.0, 1, True, "mcnemar")
    if paired.n_clusters == len(differences):
        fewer, both = min(gained, lost), gained + lost
        p_value = float(bdtr(fewer, both, 0.5) + (bdtr(fewer - 1, both, 0.5) if fewer else 0.0))
        return PermutationTest(float(gained - lost), p_value, 1, True, "mcnemar")
    swaps = _count_swaps(paired, resamples, seed)
    p_value = (swaps.beyond + swaps.equal / 2) / swaps.total
    return PermutationTest(float(gained - lost), p_value, swaps.total, swaps.exact, "mcnemar")


def _count_swaps(paired: Paired, resamples: int, seed: int) -> _SwapCounts:
    linear = _linear_effects(paired)
    # For a mean only the effect of each cluster matters, which is one column. Other scores need all statistics.
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
        swapped = sums.reshape(len(sums), *paired.baseline.shape[1:])
        values = score_groups(paired.baseline.sum(axis=0) + swapped, paired.score)
        # The last of all subsets mirrors the first: swapping the one gives the candidate what the other gives the baseline.
        mirrored = (
            values[::-1] if exact else score_groups(paired.candidate.sum(axis=0) - swapped, paired.score)
        )
        deltas = mirrored - values
        observed, scale = abs(paired.delta), float(max(np.abs(values).max(), np.abs(mirrored).max()))
    near = np.abs(np.abs(deltas) - observed) <= _TOLERANCE * scale
    beyond, equal = int((~near & (np.abs(deltas) > observed)).sum()), int(near.sum())
    # All swaps include the observed outcome; random swaps do not, so it is added.
    return _SwapCounts(beyond, equal + (not exact), len(deltas) + (not exact), exact)


def _linear_effects(paired: Paired) -> Floats | None:
    """Return each cluster's part (C,) of the difference of two means over the same items; None for other scores."""
    counts = paired.baseline[..., 1]
    if paired.score is not mean_score or not np.array_equal(counts, paired.candidate[..., 1]):
        return None
    totals = counts.sum(axis=0)
    return np.asarray(((paired.candidate - paired.baseline)[..., 0] / totals).mean(axis=1))
