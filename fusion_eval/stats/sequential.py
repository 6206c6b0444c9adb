"""When may judging stop? A test of the win rate that stays valid if it is repeated after every verdict.

A fixed-size test that is repeated again and again finds a difference sooner or later, whether there is one or not.
This test bets against the null hypothesis that the win rate is m. A gambler starts with one unit of money and bets on
the next verdict at odds that are fair under m. The probability that the capital ever reaches 1 / alpha is then at most
alpha (Ville 1939). So a gambler who gets that rich refutes m, at any moment (Waudby-Smith & Ramdas 2023, "Estimating
means of bounded random variables by betting", JRSS B, theorem 3: the hedged capital).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq

from fusion_eval.stats.clusters import Labels, number_by_first_item
from fusion_eval.stats.paired import Floats

_STAKES = 2.0 ** -(np.arange(7) + 0.5)
"""The shares of the capital that can be lost in one bet. 0.71 wins soon on clear differences, 0.011 on small ones."""
_SMALLEST = 1e-9
"""Rates closer than this to 0 or 1 are not distinguished from them."""


@dataclass(frozen=True, slots=True)
class Sequential:
    """The state of a sequential test.

    Attributes:
        n: The number of scores so far.
        rate: Their mean, or 0.5 without scores.
        low: The lower end of the confidence sequence of the win rate.
        high: The upper end.
        p_value: The p-value of a win rate of 0.5, valid at any moment.
        decided: Whether a win rate of 0.5 is refuted. Then 0.5 is outside the interval.
    """

    n: int
    rate: float
    low: float
    high: float
    p_value: float
    decided: bool


def sequential_test(
    scores: npt.ArrayLike, clusters: Labels = None, confidence: float = 0.95, largest: int = 1
) -> Sequential:
    """Test the win rate after some verdicts, at any moment and for any reason to stop.

    The test is valid if the total of (score - rate) of each cluster has mean 0, given the clusters before. This holds
    if the order of the items does not depend on the outcomes, and if the order of the two answers is random or both
    orders are asked. The items need not have the same probability of a tie.

    `p_value` is 1 / the largest capital so far, against either side. The interval holds the rates that were never
    refuted, at all moments together: it never widens, and a rate that drifts may leave it. If no rate is left, the
    interval surrounds the least refuted one; the probability of this is at most 1 - confidence without a drift.

    The items of a cluster depend on each other, so there is one bet on each cluster: on its sum of (score - m). The
    sum gives each item the same weight. It is divided by `largest`, since a bet needs a bound that is known before.

    Args:
        scores: The scores (n,) in the order of judging: 1 for a win, 0.5 for a tie, 0 for a loss, or between.
        clusters: The cluster of each item, in the order of their first items. By default each item is its own. Test
            when the clusters are complete; an incomplete one counts with the items that it has.
        confidence: 1 - alpha.
        largest: The number of items in the largest cluster of the whole plan, not only of the scores so far.

    Raises:
        ValueError: A score is outside [0, 1], or a cluster is larger than `largest`.
    """
    won, lost = _won_and_lost(scores, clusters, largest)
    alpha = 1 - confidence
    log_goal = math.log(2 / alpha)
    low, high = sorted((_refuted_up_to(won, lost, log_goal), 1 - _refuted_up_to(lost, won, log_goal)))
    p_value = _p_value(won, lost)
    values = np.asarray(scores, dtype=np.float64)
    rate = float(values.mean()) if len(values) else 0.5
    return Sequential(len(values), rate, low, high, p_value, p_value <= alpha)


def sequential_p_value(scores: npt.ArrayLike, clusters: Labels = None, largest: int = 1) -> float:
    """Return only the p-value of `sequential_test`, which takes a tenth of the time."""
    return _p_value(*_won_and_lost(scores, clusters, largest))


def _p_value(won: Floats, lost: Floats) -> float:
    # Half of the money is on each side, so each side has to double once more.
    capital = max(_max_log_capital(won, lost, 0.5), _max_log_capital(lost, won, 0.5)) - math.log(2)
    return min(1.0, math.exp(-capital))


def _won_and_lost(scores: npt.ArrayLike, clusters: Labels, largest: int) -> tuple[Floats, Floats]:
    """Return what each cluster (C,) has won and lost, as shares of the largest cluster."""
    values = np.asarray(scores, dtype=np.float64)
    if values.ndim != 1 or not ((values >= 0) & (values <= 1)).all():  # also refuses NaN
        raise ValueError("Scores must be from 0 to 1, in one dimension")
    cluster, n_clusters = number_by_first_item(clusters, len(values))
    sums, sizes = (
        np.bincount(cluster, values, n_clusters),
        np.bincount(cluster, minlength=n_clusters).astype(float),
    )
    if sizes.max(initial=0) > largest:
        raise ValueError(
            f"A cluster has {sizes.max():.0f} items: `largest` is the size of the largest cluster of the plan, not {largest}"
        )
    return sums / largest, (sizes - sums) / largest


def _max_log_capital(won: Floats, lost: Floats, m: float) -> float:
    """Return the log of the largest capital so far of a bet that the rate is above m. It starts at 0.

    The capital is K+ of Waudby-Smith & Ramdas (2023, theorem 3), averaged over constant bets lambda = stake / m: the
    product of 1 + lambda * (won - m * (won + lost)). Each is a nonnegative martingale, and so is their average.
    """
    gains = np.multiply.outer(_STAKES, won / m - (won + lost))
    capital = np.cumsum(np.log1p(gains, out=gains), axis=1, out=gains)
    richest = capital.max(axis=0)
    # The average is at most the richest capital, and at least its share. Other moments cannot hold the maximum.
    bar = max(0.0, richest.max(initial=0.0) - math.log(len(_STAKES)))
    average = np.logaddexp.reduce(capital[:, richest >= bar], axis=0) - math.log(len(_STAKES))
    return float(average.max(initial=0.0))


def _refuted_up_to(won: Floats, lost: Floats, log_goal: float) -> float:
    """Return the largest rate that the bet has refuted. The capital falls with the rate, so all smaller ones are."""

    def excess(m: float) -> float:
        return _max_log_capital(won, lost, m) - log_goal

    return float(brentq(excess, _SMALLEST, 1.0, xtol=_SMALLEST)) if excess(_SMALLEST) > 0 else 0.0
