"""Not worse, or the same: tests against a margin, for questions where 'no significant difference' is no answer."""

from __future__ import annotations

from dataclasses import dataclass

from scipy.special import stdtr, stdtrit


@dataclass(frozen=True, slots=True)
class MarginTest:
    """`holds` says that the claim is shown at level alpha; `low` and `high` bound the difference, None on an open side."""

    p_value: float
    holds: bool
    low: float | None
    high: float | None
    margin: float


def non_inferiority(
    delta: float, error: float, clusters: int, margin: float, alpha: float = 0.05, largest: float = 1.0
) -> MarginTest:
    """Is the candidate not worse than the baseline by more than `margin` (higher is better)?

    One-sided t test of H0: difference <= -margin, with `error` the standard error over `clusters` independent units
    (`jackknife_error`). `low` is the one-sided 1 - alpha bound. The t distribution is a poor guide for few clusters
    (below about 20) and for 0/1 values that rarely differ. Where all items differ alike there is no spread to go by, and
    `largest`, the largest difference that an item can have, bounds what so few can show. Raises ValueError for
    margin <= 0 or fewer than two clusters.
    """
    _check(error, clusters, margin)
    p_value = _above(delta, error, clusters, margin, largest)
    return MarginTest(p_value, p_value <= alpha, delta - _reach(error, clusters, alpha), None, margin)


def inferiority(
    delta: float, error: float, clusters: int, margin: float, alpha: float = 0.05, largest: float = 1.0
) -> MarginTest:
    """Is the candidate worse than the baseline by more than `margin` (higher is better)?

    The mirror of `non_inferiority`: H0 is difference >= -margin, and `high` the one-sided 1 - alpha bound. Between the two
    lies what a sample cannot tell.
    """
    _check(error, clusters, margin)
    p_value = _above(-delta, error, clusters, -margin, largest)
    return MarginTest(p_value, p_value <= alpha, None, delta + _reach(error, clusters, alpha), margin)


def equivalence(
    delta: float, error: float, clusters: int, margin: float, alpha: float = 0.05, largest: float = 1.0
) -> MarginTest:
    """Are the two the same to within `margin`? Two one-sided tests (Schuirmann 1987); p is the larger of theirs.

    `low` and `high` are the 1 - 2 alpha interval, which lies within the margin exactly where the claim holds. The
    rest is as for `non_inferiority`.
    """
    _check(error, clusters, margin)
    p_value = max(_above(sign * delta, error, clusters, margin, largest) for sign in (1, -1))
    reach = _reach(error, clusters, alpha)
    return MarginTest(p_value, p_value <= alpha, delta - reach, delta + reach, margin)


def _check(error: float, clusters: int, margin: float) -> None:
    if not margin > 0:  # NaN neither
        raise ValueError(f"A margin is greater than 0, not {margin}")
    if clusters < 2 or not error >= 0:
        raise ValueError(f"A test needs two clusters and a standard error, not {clusters} and {error}")


def _above(delta: float, error: float, clusters: int, margin: float, largest: float) -> float:
    """P-value of H0: the true difference is -margin at most.

    If it were, an item of a difference of `delta` or more would have a chance of (largest - margin) / (largest + delta)
    at most, by Markov's inequality: without spread, that is the chance of each item.
    """
    if error > 0:
        return float(stdtr(clusters - 1, -(delta + margin) / error))
    if delta <= -margin or margin >= largest:
        return float(delta <= -margin)
    return float(((largest - margin) / (largest + delta)) ** clusters)


def _reach(error: float, clusters: int, alpha: float) -> float:
    return error * float(stdtrit(clusters - 1, 1 - alpha))
