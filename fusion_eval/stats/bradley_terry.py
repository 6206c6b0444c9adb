"""How strong is each of several systems? Strengths from who won against whom (Bradley & Terry 1952)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse.csgraph import connected_components
from scipy.special import expit

from fusion_eval.stats.labels import numbered
from fusion_eval.stats.paired import Floats, Labels
from fusion_eval.stats.resampling import drawn_sums

_PRIOR = 1e-3
"""Wins that each system gets against each other one. Without any, one that never wins had no finite strength; with so
few it stays behind all that win one game in a thousand."""
_FEW_CLUSTERS = 5
"""Below it the percentile interval is little more than the range of the clusters' own strengths."""
_EQUAL = 1e-6
"""Strengths closer than this differ by where the fit stopped, and share their rank."""
_ITERATIONS = 100_000
"""The library stops at a hundred, which a system that never wins may need more than."""


@dataclass(frozen=True, slots=True)
class Strength:
    """`value` is in log-odds, 0 the mean of all systems; `rank` is from 1, shared by equals.

    `win_rate` is the chance to beat an opponent taken at random from the other systems. The interval is of `value`, and
    None where the comparisons set no bounds.
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
    """One for each system; None for one that was never compared. P(i beats j) = 1 / (1 + exp(value_j - value_i)).

    Pairs (n, 2) are the numbers of two systems from 0, scores (n,) are the first one's: 1 a win, 1/2 a tie, which is half
    a win to each, 0 a loss. Fitted by iterative Luce spectral ranking (Maystre & Grossglauser 2015, library choix) with
    a thousandth of a win to each against each, so that a system that never wins is last and finite.

    Intervals are percentiles of fits to clusters drawn again (each pair is one without labels). There are none for fewer
    than five clusters, and none where the systems fall into two sets of which one never wins against the other (Ford
    1957): how far these lie apart is the prior's word then, and not the data's. Raises ValueError for shapes that do not
    fit, and where some systems were never compared with the others, even by way of third ones.
    """
    played, outcomes = _checked(pairs, scores, systems)
    cluster_wins = _cluster_wins(played, outcomes, systems, clusters)
    compared = np.flatnonzero(np.bincount(played.ravel(), minlength=systems))
    cluster_wins = cluster_wins[:, compared][:, :, compared]
    wins = cluster_wins.sum(axis=0)
    _connected(wins, compared)
    values = _fit(wins, None, 1e-9)
    lows, highs = _intervals(cluster_wins, values, confidence, resamples, seed)
    chances = expit(values[:, None] - values)
    found: list[Strength | None] = [None] * systems
    for place, system in enumerate(compared):
        found[system] = Strength(
            float(values[place]),
            lows[place],
            highs[place],
            1 + int((values > values[place] + _EQUAL).sum()),
            float(np.delete(chances[place], place).mean()),
        )
    return tuple(found)


def _checked(
    pairs: npt.ArrayLike, scores: npt.ArrayLike, systems: int
) -> tuple[npt.NDArray[np.intp], Floats]:
    given, outcomes = np.asarray(pairs), np.asarray(scores, dtype=np.float64)
    if given.shape != (len(given), 2) or outcomes.shape != (len(given),) or not len(given):
        raise ValueError(f"Pairs (n, 2) need scores (n,), n > 0, not {given.shape} and {outcomes.shape}")
    if not np.issubdtype(given.dtype, np.integer) or not ((given >= 0) & (given < systems)).all():
        raise ValueError(f"Pairs are of the numbers 0 to {systems - 1} of two systems")
    if (given[:, 0] == given[:, 1]).any():
        raise ValueError("A system is not compared with itself")
    if not ((outcomes >= 0) & (outcomes <= 1)).all():
        raise ValueError("Scores are from 0 to 1; leave pairs without a verdict out")
    return given.astype(np.intp), outcomes


def _cluster_wins(played: npt.NDArray[np.intp], outcomes: Floats, systems: int, labels: Labels) -> Floats:
    """(C, systems, systems): wins of the row's system against the column's, in each cluster as they come."""
    cluster, clusters = numbered(labels, len(played))
    wins = np.zeros((clusters, systems, systems))
    np.add.at(wins, (cluster, played[:, 0], played[:, 1]), outcomes)
    np.add.at(wins, (cluster, played[:, 1], played[:, 0]), 1 - outcomes)
    return wins


def _connected(wins: Floats, compared: npt.NDArray[np.intp]) -> None:
    parts, part = connected_components(wins > 0, directed=False)
    if parts > 1:
        sets = " and ".join(str(compared[part == number].tolist()) for number in range(parts))
        raise ValueError(
            f"Systems {sets} were never compared with each other, so that their strengths have no common scale"
        )


def _fit(wins: Floats, start: Floats | None, tolerance: float) -> Floats:
    """Wins (m, m) to log-odds (m,) with mean 0, refined until a step is shorter than the tolerance."""
    import choix

    prior = _PRIOR * (1 - np.eye(len(wins)))
    values: Floats = choix.ilsr_pairwise_dense(
        wins + prior, initial_params=start, max_iter=_ITERATIONS, tol=tolerance
    )
    return values


def _intervals(
    cluster_wins: Floats, values: Floats, confidence: float, resamples: int, seed: int
) -> tuple[list[float] | list[None], list[float] | list[None]]:
    """The lower ends and the upper ends, (m,) each."""
    m = len(values)
    bounded = connected_components(cluster_wins.sum(axis=0) > 0, connection="strong")[0] == 1
    if not bounded or len(cluster_wins) < _FEW_CLUSTERS:
        return [None] * m, [None] * m
    sums = drawn_sums(cluster_wins.reshape(-1, m * m), resamples, (seed,)).reshape(-1, m, m)
    # Draws differ by far more than that.
    drawn = np.array([_fit(wins, values, 1e-5) for wins in sums])
    low, high = np.quantile(drawn, [(1 - confidence) / 2, (1 + confidence) / 2], axis=0)
    return low.tolist(), high.tolist()
