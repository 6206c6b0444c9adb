"""Who wins how often: item-wise wins, ties and losses, with an interval and a sign test."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import bdtr, ndtri  # scipy.stats takes a second to import

from fusion_eval.stats.bootstrap import bootstrap_interval
from fusion_eval.stats.paired import Labels, paired_values
from fusion_eval.stats.permutation import permutation_test

_FEW_CLUSTERS = 5
"""Below it the percentile interval is little more than the range of the clusters' own rates."""
_WIDTH = 1e-9
"""An interval narrower than this has no width but by rounding."""


@dataclass(frozen=True, slots=True)
class WinRate:
    """`rate` is wins + ties / 2, per item; `p_value` is of wins against losses. `method` names the interval."""

    wins: int
    ties: int
    losses: int
    rate: float
    low: float
    high: float
    p_value: float
    method: str


def win_rate(
    outcomes: npt.ArrayLike,
    clusters: Labels = None,
    groups: Labels = None,
    confidence: float = 0.95,
    resamples: int = 10_000,
    seed: int = 0,
) -> WinRate:
    """Of outcomes (n,): 1 is a win, 0 a tie, -1 a loss. With groups the rate is the mean of theirs (macro average).

    The interval is Wilson's (1927) for independent items of one group, which is wide where many are ties, and else a
    percentile bootstrap of the clusters. Where that has no width it would claim what ten wins of ten do not show, and
    for fewer than five clusters what they cannot know; Wilson's on the number of clusters stands in. The bootstrap
    covers less than it claims up to some 20 clusters. The p-value is the exact sign test's, ties left out (Dixon & Mood
    1946); clusters change sign as a whole.
    """
    values = np.asarray(outcomes, dtype=np.float64)
    if values.ndim != 1 or not len(values) or not np.isin(values, (-1.0, 0.0, 1.0)).all():
        raise ValueError("Outcomes are 1, 0 or -1, one at least, in one dimension")
    wins, losses = int((values > 0).sum()), int((values < 0).sum())
    paired = paired_values(np.zeros_like(values), values, clusters, groups)
    rate = (1 + paired.candidate_value) / 2
    (low, high), method = wilson(rate, paired.n_clusters, confidence), "wilson"
    independent = paired.n_clusters == len(values)
    if (not independent or paired.candidate.shape[1] > 1) and paired.n_clusters >= _FEW_CLUSTERS:
        drawn = bootstrap_interval(paired, confidence, resamples, "percentile", seed)
        if drawn and drawn.high - drawn.low > _WIDTH:
            low, high, method = (1 + drawn.low) / 2, (1 + drawn.high) / 2, "bootstrap"
    if independent and paired.candidate.shape[1] == 1:
        p_value = min(1.0, 2 * float(bdtr(min(wins, losses), wins + losses, 0.5)))
    else:
        p_value = permutation_test(paired, resamples, seed).p_value
    return WinRate(wins, len(values) - wins - losses, losses, rate, low, high, p_value, method)


def wilson(rate: float, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """The score interval of a share of n (Wilson 1927): never outside 0 to 1, never without width."""
    z2 = float(ndtri((1 + confidence) / 2)) ** 2
    centre = (rate + z2 / (2 * n)) / (1 + z2 / n)
    reach = math.sqrt(z2 * (rate * (1 - rate) / n + z2 / (4 * n * n))) / (1 + z2 / n)
    # The rate itself is inside, whatever rounding says at 0 and 1.
    return min(rate, max(0.0, centre - reach)), max(rate, min(1.0, centre + reach))
