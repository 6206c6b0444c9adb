"""Wins, ties and losses over items: the win rate with an interval, and a sign test."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import bdtr, ndtri  # scipy.stats takes a second to import

from fusion_eval.stats.bootstrap import bootstrap_interval
from fusion_eval.stats.clusters import Labels
from fusion_eval.stats.exact_win_rate import exact_interval
from fusion_eval.stats.paired import Paired, paired_values
from fusion_eval.stats.permutation import permutation_test

_MIN_CLUSTERS = 5
"""With fewer clusters the percentile interval is little more than the range of the clusters' own rates."""
_ROUNDING = 1e-9
"""An interval narrower than this has no width but for rounding."""


@dataclass(frozen=True, slots=True)
class WinRate:
    """The candidate's wins against the baseline.

    Attributes:
        wins: The number of items that the candidate wins.
        ties: The number of ties.
        losses: The number of items that the candidate loses.
        rate: (wins + ties / 2) / items, or the mean of this over the groups.
        low: The lower end of the interval of `rate`.
        high: The upper end.
        p_value: The two-sided p-value of wins against losses.
        method: The method of the interval: `exact`, `bootstrap` or `wilson`.
    """

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
    """Estimate the win rate with an interval, and test wins against losses.

    For independent items of one group, the interval is the exact one of Fay & Lumbard (2021), see `exact_interval`, and
    the p-value is that of the exact sign test without ties (Dixon & Mood 1946). The two always agree.

    Otherwise the interval is a percentile bootstrap of the clusters, and the signs of whole clusters are permuted. The
    bootstrap covers less than it claims for up to about 20 clusters. For fewer than five, and if it has no width,
    Wilson's interval (1927) on the number of clusters is used instead. It treats each cluster as a win or a loss as a
    whole, which is the largest spread that clusters can have. Ties alone have the exact interval of so many tied
    clusters. An end that contradicts the p-value is moved to 0.5.

    Args:
        outcomes: The outcome of each item (n,): 1 for a win, 0 for a tie, -1 for a loss.
        clusters: The cluster of each item. By default each item is its own.
        groups: The group of each item. The rate is the mean of the groups' rates (macro average).
        confidence: The nominal coverage of the interval.
        resamples: The number of resamples.
        seed: The seed of the resamples.

    Raises:
        ValueError: There are no outcomes, or others than 1, 0 and -1.
    """
    values = np.asarray(outcomes, dtype=np.float64)
    if values.ndim != 1 or not len(values) or not np.isin(values, (-1.0, 0.0, 1.0)).all():
        raise ValueError("Outcomes must be 1, 0 or -1, in one dimension, and at least one")
    wins, losses = int((values > 0).sum()), int((values < 0).sum())
    paired = paired_values(np.zeros_like(values), values, clusters, groups)
    rate = (1 + paired.candidate_value) / 2
    ties = len(values) - wins - losses
    if paired.n_clusters == len(values) and paired.candidate.shape[1] == 1:
        p_value = min(1.0, 2 * float(bdtr(min(wins, losses), wins + losses, 0.5)))
        low, high = exact_interval(wins, ties, losses, confidence)
        return WinRate(wins, ties, losses, rate, min(low, rate), max(high, rate), p_value, "exact")
    p_value = permutation_test(paired, resamples, seed).p_value
    low, high, method = _clustered_interval(paired, rate, confidence, resamples, seed)
    low, high = _agreeing(max(low, 0.0), min(high, 1.0), rate, p_value <= 1 - confidence)
    return WinRate(wins, ties, losses, rate, low, high, p_value, method)


def _clustered_interval(
    paired: Paired, rate: float, confidence: float, resamples: int, seed: int
) -> tuple[float, float, str]:
    """Return the interval of the win rate of clusters, and its method."""
    if not paired.candidate[..., 0].any():
        return *exact_interval(0, paired.n_clusters, 0, confidence), "exact"
    if paired.n_clusters >= _MIN_CLUSTERS:
        interval = bootstrap_interval(paired, confidence, resamples, "percentile", seed)
        if interval and interval.high - interval.low > _ROUNDING:
            return (1 + interval.low) / 2, (1 + interval.high) / 2, "bootstrap"
    return *wilson(rate, paired.n_clusters, confidence), "wilson"


def _agreeing(low: float, high: float, rate: float, significant: bool) -> tuple[float, float]:
    """Move the end of an interval that contradicts the test: 0.5 is inside exactly if the test is not significant."""
    if not significant:
        return min(low, 0.5), max(high, 0.5)
    return (max(low, 0.5), high) if rate > 0.5 else (low, min(high, 0.5)) if rate < 0.5 else (low, high)


def wilson(rate: float, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return Wilson's score interval (1927) of a share `rate` of n. It is within [0, 1] and always has a width."""
    z2 = float(ndtri((1 + confidence) / 2)) ** 2
    centre = (rate + z2 / (2 * n)) / (1 + z2 / n)
    half_width = math.sqrt(z2 * (rate * (1 - rate) / n + z2 / (4 * n * n))) / (1 + z2 / n)
    # Rounding must not leave the rate itself outside, at 0 and 1.
    return min(rate, max(0.0, centre - half_width)), max(rate, min(1.0, centre + half_width))
