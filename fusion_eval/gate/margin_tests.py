"""The two tests of a row as functions of the margin: is the loss smaller than the margin, is it larger?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from scipy.optimize import brentq

from fusion_eval.comparison.units import Unit
from fusion_eval.stats.non_inferiority import (
    cluster_effects,
    corrected_error,
    score_not_worse,
    score_worse,
    t_not_worse,
    t_worse,
)
from fusion_eval.stats.paired import Paired
from fusion_eval.stats.power import minimal_detectable_effect

PValue = Callable[[float], float]
"""Returns a p-value for a margin."""
_SMALLEST = 1e-9


@dataclass(frozen=True, slots=True)
class MarginTests:
    """The tests of one row."""

    name: str
    not_worse: PValue
    """Small if the loss is shown to be smaller than the margin."""
    worse: PValue
    """Small if the loss is shown to be larger than the margin."""
    error_at: Callable[[float], float]
    """Returns the standard error that a sample of this size has if the true loss is so large."""


def margin_tests(
    unit: Unit, paired: Paired, error: float, clusters: int, largest: float, sign: int
) -> MarginTests:
    """Return the tests of the second run of a unit against the first.

    Independent 0/1 items get Tango's score test, everything else a t test.

    Args:
        unit: The unit, with two runs.
        paired: The runs as pairs of values.
        error: The standard error of the difference.
        clusters: How many independent clusters there are.
        largest: The largest loss that one item can have.
        sign: 1 if higher is better, else -1.
    """
    gain, gains = sign * paired.delta, sign * cluster_effects(paired)

    def error_at(loss: float) -> float:
        return corrected_error(gains, error, loss).error

    if not unit.several and unit.cells[0].binary and paired.n_clusters == unit.items.shape[1]:
        changes = sign * (unit.items[1] - unit.items[0])
        won, lost, items = int((changes > 0).sum()), int((changes < 0).sum()), len(changes)
        return MarginTests(
            "score",
            lambda margin: score_not_worse(won, lost, items, min(margin, 1 - _SMALLEST)),
            lambda margin: score_worse(won, lost, items, min(margin, 1 - _SMALLEST)),
            error_at,
        )

    def not_worse(margin: float) -> float:
        spread = corrected_error(gains, error, margin)
        p_value = t_not_worse(gain - spread.continuity, spread.error, clusters, margin, largest)
        if error:
            return p_value
        # All items differ by the same amount, so the sample shows no spread of its own.
        return max(p_value, t_not_worse(gain, error, clusters, margin, largest))

    def worse(margin: float) -> float:
        return t_worse(gain, error, clusters, margin, largest)

    return MarginTests("t", not_worse, worse, error_at)


def largest_loss(tests: MarginTests, alpha: float, largest: float) -> float | None:
    """Return the smallest margin at which the loss is shown to be smaller, at level alpha.

    Returns:
        The margin; 0 if the sample shows that there is no loss at all, None if it does not even rule out `largest`.
    """
    if tests.not_worse(largest) > alpha:
        return None
    if tests.not_worse(_SMALLEST * largest) <= alpha:
        return 0.0
    return float(
        brentq(
            lambda margin: tests.not_worse(margin) - alpha, _SMALLEST * largest, largest, xtol=1e-9 * largest
        )
    )


def detected_loss(
    tests: MarginTests, clusters: int, margin: float, level: float, largest: float, power: float = 0.8
) -> float | None:
    """Return the smallest true loss that a sample of this size shows to be larger than the margin.

    The standard error is the one that such a loss brings with it. It can be larger than the observed one if hardly any
    item differs in this sample.

    Args:
        tests: The tests of the row.
        clusters: How many independent clusters there are.
        margin: The margin.
        level: The level of the one-sided test.
        largest: The largest loss that one item can have.
        power: With which probability the loss has to be shown.

    Returns:
        The loss, or None if even `largest` is not shown.
    """
    # In units of the standard error.
    errors = minimal_detectable_effect(1.0, clusters, 2 * level, power) or 0.0

    def short_of(loss: float) -> float:
        return margin - loss + errors * tests.error_at(loss)

    if largest <= margin or short_of(largest) > 0:
        return None
    return float(brentq(short_of, margin, largest, xtol=1e-9 * largest))
