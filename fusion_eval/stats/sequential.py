"""May we stop judging? A win rate that may be looked at after every verdict, by betting against the null hypothesis.

A fixed-size test that is looked at again and again finds a difference sooner or later, whether there is one or not.
Here a gambler starts with one unit of money and bets on the next verdict at odds that are fair if the rate is m. Fair
bets make nobody rich: the chance that the capital ever reaches 1 / alpha is alpha at most (Ville 1939). So a gambler who
does get rich has refuted m, at whatever moment that is (Waudby-Smith & Ramdas 2023, "Estimating means of bounded random
variables by betting", JRSS B, Theorem 3: the hedged capital).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq

from fusion_eval.stats.labels import numbered
from fusion_eval.stats.paired import Floats, Labels

_STAKES = 2.0 ** -(np.arange(7) + 0.5)
"""Shares of the capital that the gamblers dare to lose at once: 0.71 wins soon on clear differences, 0.011 on small ones."""
_SMALLEST = 1e-9
"""Rates nearer to 0 or 1 than this are not told from them."""


@dataclass(frozen=True, slots=True)
class Sequential:
    """What `n` scores show at any moment. `decided` says that a rate of 1/2 is refuted: then 1/2 is outside low to high."""

    n: int
    rate: float
    low: float
    high: float
    p_value: float
    decided: bool


def sequential_test(
    scores: npt.ArrayLike, clusters: Labels = None, confidence: float = 0.95, largest: int = 1
) -> Sequential:
    """Of scores (n,) in the order of judging: 1 a win, 1/2 a tie, 0 a loss, or anything between.

    Holds however often it is asked and whatever makes one stop, if each cluster's total of score - rate is zero on
    average given those before: the order is not chosen by the outcomes, and which answer the judge sees first is drawn
    or both ways are asked. Items need not be alike, nor their ties be of one probability.

    `rate` is the mean score. `p_value` is of the rate 1/2, against either side: 1 / the largest capital so far. `low` and
    `high` bound the rates that were never refuted so far, at all moments together; so they never widen, and a rate that
    drifts may leave them. Where no rate is left (chance 1 - confidence at most, unless it drifts), they are the ends
    between which the least refuted one lies. Without scores the rate is 1/2, of which nothing is known.

    Items of a cluster (labels, taken in the order of their first item) depend on each other, so a gambler bets once on
    a cluster: on its sum of score - m. That sum, not the mean, keeps each item's weight the same. It is divided by
    `largest`, the number of items in the largest cluster of the whole plan: a bound must be known before the bet, and
    the largest one seen so far is not. Ask when clusters are complete; one in the midst of it counts for what it has.

    Raises ValueError for scores outside 0 to 1, and for a cluster larger than `largest`.
    """
    won, lost = _shares(scores, clusters, largest)
    alpha = 1 - confidence
    goal = math.log(2 / alpha)
    low, high = sorted((_refuted_up_to(won, lost, goal), 1 - _refuted_up_to(lost, won, goal)))
    p_value = _p_value(won, lost)
    values = np.asarray(scores, dtype=np.float64)
    rate = float(values.mean()) if len(values) else 0.5
    return Sequential(len(values), rate, low, high, p_value, p_value <= alpha)


def sequential_p_value(scores: npt.ArrayLike, clusters: Labels = None, largest: int = 1) -> float:
    """That of `sequential_test`, without the interval: all that stopping needs, in a tenth of the time."""
    return _p_value(*_shares(scores, clusters, largest))


def _p_value(won: Floats, lost: Floats) -> float:
    # One half of the money is on each side, so that either has to double once more.
    capital = max(_log_capital(won, lost, 0.5), _log_capital(lost, won, 0.5)) - math.log(2)
    return min(1.0, math.exp(-capital))


def _shares(scores: npt.ArrayLike, clusters: Labels, largest: int) -> tuple[Floats, Floats]:
    """(C,) and (C,): what each cluster has won and lost, as shares of the largest."""
    values = np.asarray(scores, dtype=np.float64)
    if values.ndim != 1 or not ((values >= 0) & (values <= 1)).all():  # NaN neither
        raise ValueError("Scores are from 0 to 1, in one dimension")
    sums, sizes = _totals(values, clusters)
    if sizes.max(initial=0) > largest:
        raise ValueError(
            f"A cluster has {sizes.max():.0f} items: `largest` is the size of the largest cluster of the plan, not {largest}"
        )
    return sums / largest, (sizes - sums) / largest


def _totals(values: Floats, clusters: Labels) -> tuple[Floats, Floats]:
    """(C,) and (C,): each cluster's sum of scores and number of items, in the order of their first items."""
    place, count = numbered(clusters, len(values))
    sums, sizes = np.zeros(count), np.zeros(count)
    np.add.at(sums, place, values)
    np.add.at(sizes, place, 1)
    return sums, sizes


def _log_capital(won: Floats, lost: Floats, m: float) -> float:
    """Log of the largest capital so far of those who bet that the rate is above m, 0 at the start.

    K+ of Waudby-Smith & Ramdas (2023, Theorem 3), averaged over constant bets lambda = stake / m: the product of
    1 + lambda * (won - m * (won + lost)). Each gambler's capital is a nonnegative martingale, and so is their average.
    """
    gains = np.multiply.outer(_STAKES, won / m - (won + lost))
    capital = np.cumsum(np.log1p(gains, out=gains), axis=1, out=gains)
    richest = capital.max(axis=0)
    # The average is the richest gambler's share at least, and no more than all he has: other moments cannot be the best.
    bar = max(0.0, richest.max(initial=0.0) - math.log(len(_STAKES)))
    together = np.logaddexp.reduce(capital[:, richest >= bar], axis=0) - math.log(len(_STAKES))
    return float(together.max(initial=0.0))


def _refuted_up_to(won: Floats, lost: Floats, goal: float) -> float:
    """The end of the rates, from 0 on, against which the capital ever reached its goal: it falls with each rate."""

    def beyond(m: float) -> float:
        return _log_capital(won, lost, m) - goal

    return float(brentq(beyond, _SMALLEST, 1.0, xtol=_SMALLEST)) if beyond(_SMALLEST) > 0 else 0.0
