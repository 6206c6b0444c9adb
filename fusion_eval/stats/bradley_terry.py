"""The strengths of several systems, estimated from pairwise comparisons (Bradley & Terry 1952)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse.csgraph import connected_components
from scipy.special import expit

from fusion_eval.stats.clusters import Labels, Numbers, number_by_first_item
from fusion_eval.stats.paired import Floats
from fusion_eval.stats.resampling import drawn_sums

_PRIOR_WINS = 1e-3
"""Wins added to each system against each other one. Without them a system that never wins has no finite strength."""
_MIN_CLUSTERS = 5
"""With fewer clusters the percentile interval is little more than the range of the clusters' own strengths."""
_EQUAL = 1e-6
"""Strengths closer than this differ only by the tolerance of the fit, and share a rank."""
_TOLERANCE = 1e-10
_MAX_ITERATIONS = 100_000
"""evalica's default of 100 can be too few for a system that never wins."""


@dataclass(frozen=True, slots=True)
class Strength:
    """The estimated strength of a system.

    Attributes:
        value: The strength in log-odds. The mean over all systems is 0.
        low: The lower end of the interval of `value`, or None if the comparisons set no bounds.
        high: The upper end.
        rank: The rank from 1. Equal systems share a rank.
        win_rate: The probability of beating another system that is chosen at random.
    """

    value: float
    low: float | None
    high: float | None
    rank: int
    win_rate: float


def strengths(
    pairs: npt.ArrayLike,
    scores: npt.ArrayLike,
    systems: int,
    clusters: Labels = None,
    confidence: float = 0.95,
    resamples: int = 1_000,
    seed: int = 0,
) -> tuple[Strength | None, ...]:
    """Estimate Bradley–Terry strengths: P(i beats j) = 1 / (1 + exp(value_j - value_i)).

    The fit is evalica's (Newman 2023). Each system gets a thousandth of a win against each other one, so that a system
    that never wins ranks last with a finite strength. Intervals are percentiles of fits to resampled clusters.

    There are no intervals for fewer than five clusters. There are none either if the systems split into two sets of
    which one never wins against the other (Ford 1957): the prior then sets their distance, not the data.

    Args:
        pairs: The two systems (n, 2) of each comparison, numbered from 0.
        scores: The first system's score (n,) in each: 1 for a win, 0.5 for a tie, 0 for a loss, or between.
        systems: The number of systems.
        clusters: The cluster of each comparison. By default each is its own.
        confidence: The confidence of the intervals.
        resamples: The number of resamples.
        seed: The seed of the resamples.

    Returns:
        The strength of each system, or None for a system without comparisons.

    Raises:
        ValueError: The shapes do not fit, or some systems were not compared with the others, even through third ones.
    """
    matches, outcomes = _checked(pairs, scores, systems)
    cluster_wins = _wins_by_cluster(matches, outcomes, systems, clusters)
    compared = np.flatnonzero(np.bincount(matches.ravel(), minlength=systems))
    cluster_wins = cluster_wins[:, compared][:, :, compared]
    wins = cluster_wins.sum(axis=0)
    _check_connected(wins, compared)
    values = _fit(wins)
    lows, highs = _intervals(cluster_wins, confidence, resamples, seed)
    chances = expit(values[:, None] - values)
    estimates: list[Strength | None] = [None] * systems
    for place, system in enumerate(compared):
        estimates[system] = Strength(
            value=float(values[place]),
            low=lows[place],
            high=highs[place],
            rank=1 + int((values > values[place] + _EQUAL).sum()),
            win_rate=float(np.delete(chances[place], place).mean()),
        )
    return tuple(estimates)


def _checked(pairs: npt.ArrayLike, scores: npt.ArrayLike, systems: int) -> tuple[Numbers, Floats]:
    matches, outcomes = np.asarray(pairs), np.asarray(scores, dtype=np.float64)
    if matches.shape != (len(matches), 2) or outcomes.shape != (len(matches),) or not len(matches):
        raise ValueError(f"Pairs (n, 2) need scores (n,), n > 0, not {matches.shape} and {outcomes.shape}")
    if not np.issubdtype(matches.dtype, np.integer) or not ((matches >= 0) & (matches < systems)).all():
        raise ValueError(f"Pairs must hold the numbers 0 to {systems - 1} of two systems")
    if (matches[:, 0] == matches[:, 1]).any():
        raise ValueError("A system cannot be compared with itself")
    if not ((outcomes >= 0) & (outcomes <= 1)).all():
        raise ValueError("Scores must be from 0 to 1; leave pairs without a verdict out")
    return matches.astype(np.intp), outcomes


def _wins_by_cluster(matches: Numbers, outcomes: Floats, systems: int, labels: Labels) -> Floats:
    """Count the wins (C, systems, systems) of the row's system against the column's in each cluster."""
    cluster, n_clusters = number_by_first_item(labels, len(matches))
    wins = np.zeros((n_clusters, systems, systems))
    np.add.at(wins, (cluster, matches[:, 0], matches[:, 1]), outcomes)
    np.add.at(wins, (cluster, matches[:, 1], matches[:, 0]), 1 - outcomes)
    return wins


def _check_connected(wins: Floats, compared: Numbers) -> None:
    n_parts, part = connected_components(wins > 0, directed=False)
    if n_parts > 1:
        sets = " and ".join(str(compared[part == number].tolist()) for number in range(n_parts))
        raise ValueError(
            f"Systems {sets} were never compared with each other, so that their strengths have no common scale"
        )


def _fit(wins: Floats) -> Floats:
    """Return the log-odds (m,) with mean 0 that fit the wins (m, m)."""
    import evalica  # takes a second to import

    # Without a win in every cell, evalica gives all systems the score 1e-6 if one of them never wins.
    winner, loser = np.nonzero(~np.eye(len(wins), dtype=bool))
    result = evalica.bradley_terry(
        winner.tolist(),
        loser.tolist(),
        [evalica.Winner.X] * len(winner),
        weights=(wins[winner, loser] + _PRIOR_WINS).tolist(),
        tolerance=_TOLERANCE,
        limit=_MAX_ITERATIONS,
    )
    values = np.empty(len(wins))
    values[result.scores.index.to_numpy()] = np.log(result.scores.to_numpy())
    return np.asarray(values - values.mean())


def _intervals(
    cluster_wins: Floats, confidence: float, resamples: int, seed: int
) -> tuple[list[float] | list[None], list[float] | list[None]]:
    """Return the lower and the upper ends of the intervals, one of each for each system."""
    m = cluster_wins.shape[1]
    bounded = connected_components(cluster_wins.sum(axis=0) > 0, connection="strong")[0] == 1
    if not bounded or len(cluster_wins) < _MIN_CLUSTERS:
        return [None] * m, [None] * m
    sums = drawn_sums(cluster_wins.reshape(-1, m * m), resamples, (seed,)).reshape(-1, m, m)
    fits = np.array([_fit(wins) for wins in sums])
    low, high = np.quantile(fits, [(1 - confidence) / 2, (1 + confidence) / 2], axis=0)
    return low.tolist(), high.tolist()
