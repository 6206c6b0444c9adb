"""The interval of a win rate with ties that agrees with the exact sign test."""

from __future__ import annotations

import numpy as np
from scipy.special import bdtr, betainc, betaincinv  # scipy.stats takes a second to import

_STEPS = 32
"""Halvings of the range of the win rate: far more than any table shows."""
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(64)
"""Integrals over a probability are sums over these nodes between -1 and 1."""


def exact_interval(wins: int, ties: int, losses: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return the interval of (wins + ties / 2) / items for independent items (Fay & Lumbard 2021).

    The rate is 1/2 + s (w - 1/2), with the share s of items that are no ties, and the share w of wins among them. The
    exact confidence distributions of s and w (Clopper & Pearson 1934) are combined: "Confidence intervals for
    difference in proportions for matched pairs compatible with exact McNemar's or sign tests", Statistics in Medicine
    40, section 3. So 0.5 is inside exactly if the two-sided sign test does not reject. The coverage is at least the
    nominal one. Ties alone bound the share of wins and that of losses by 1 - (alpha / 2) ** (1 / items).

    Args:
        wins: The number of wins.
        ties: The number of ties.
        losses: The number of losses.
        confidence: The nominal coverage.
    """
    tail = (1 - confidence) / 2
    return (1 + _lower(wins, ties, losses, tail)) / 2, (1 - _lower(losses, ties, wins, tail)) / 2


def _lower(wins: int, ties: int, losses: int, tail: float) -> float:
    """Return the lower limit of the difference between the share of wins and that of losses."""
    if not wins:
        return -float(betaincinv(losses + 1, ties, 1 - tail)) if ties else -1.0
    # The sign of the limit is decided in closed form, so that it cannot contradict the test by rounding.
    negative = _sign_test(wins, losses) > tail
    # Of the shares of decisive items in their interval, the largest makes a negative limit lowest.
    first, second = (wins + losses + 1, ties) if negative else (wins + losses, ties + 1)
    shares = betaincinv(first, second, (_NODES + 1) / 2) if second else np.ones_like(_NODES)
    low, high = (-1.0, 0.0) if negative else (0.0, 1.0)
    for _ in range(_STEPS):
        middle = (low + high) / 2
        share_of_wins = np.clip((1 + middle / shares) / 2, 0.0, 1.0)
        probability = float(_WEIGHTS / 2 @ betainc(wins, losses + 1, share_of_wins))
        low, high = (low, middle) if probability > tail else (middle, high)
    return low


def _sign_test(wins: int, losses: int) -> float:
    """Return the one-sided p-value: the probability of so many wins or more by chance."""
    return float(bdtr(losses, wins + losses, 0.5))
