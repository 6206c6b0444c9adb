"""The two questions of a row, as functions of the margin: is the loss smaller, is it larger?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from scipy.optimize import brentq

from fusion_eval.compare.units import Unit
from fusion_eval.stats.equivalence import inferiority, non_inferiority
from fusion_eval.stats.paired import Paired
from fusion_eval.stats.paired_proportions import not_worse_p_value, worse_p_value
from fusion_eval.stats.power import minimal_detectable_effect
from fusion_eval.stats.rare_losses import effects, spread_at_margin

PValue = Callable[[float], float]
"""Of a margin."""
_SMALLEST = 1e-9


@dataclass(frozen=True, slots=True)
class MarginTests:
    """`not_worse` is small where the loss is shown to be below the margin, `worse` where it is shown to be above."""

    name: str
    not_worse: PValue
    worse: PValue
    error_at: Callable[[float], float]
    """The standard error that a sample of this size would have, were the loss so large."""


def margin_tests(
    unit: Unit, paired: Paired, error: float, clusters: int, largest: float, sign: int
) -> MarginTests:
    """Of the second run of a unit against the first; `sign` is -1 where lower is better, `largest` a loss that an item can have."""
    gain, found = sign * paired.delta, sign * effects(paired)

    def error_at(loss: float) -> float:
        return spread_at_margin(found, error, loss).error

    if not unit.several and unit.cells[0].binary and paired.n_clusters == unit.items.shape[1]:
        changes = sign * (unit.items[1] - unit.items[0])
        gains, losses, items = int((changes > 0).sum()), int((changes < 0).sum()), len(changes)
        return MarginTests(
            "score",
            lambda margin: not_worse_p_value(gains, losses, items, min(margin, 1 - _SMALLEST)),
            lambda margin: worse_p_value(gains, losses, items, min(margin, 1 - _SMALLEST)),
            error_at,
        )

    def not_worse(margin: float) -> float:
        spread = spread_at_margin(found, error, margin)
        p_value = non_inferiority(gain - spread.step, spread.error, clusters, margin, largest=largest).p_value
        if error:
            return p_value
        # All differ alike, and show no spread of their own.
        return max(p_value, non_inferiority(gain, error, clusters, margin, largest=largest).p_value)

    def worse(margin: float) -> float:
        return inferiority(gain, error, clusters, margin, largest=largest).p_value

    return MarginTests("t", not_worse, worse, error_at)


def largest_loss(tests: MarginTests, alpha: float, largest: float) -> float | None:
    """A margin from which on the loss is shown to be below it at level alpha; None where even `largest` is not shown.

    0 where it is shown that there is no loss at all.
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


def detected(
    tests: MarginTests, clusters: int, margin: float, level: float, largest: float, power: float = 0.8
) -> float | None:
    """The smallest true loss that is shown to be beyond the margin with this power; None where even `largest` is not.

    `level` is that of the one-sided test. The error is the one that the loss would bring with it: where hardly any item
    differs in this sample, some would then.
    """
    errors = minimal_detectable_effect(1.0, clusters, 2 * level, power) or 0.0  # how many of them it takes

    def short_of(loss: float) -> float:
        return margin - loss + errors * tests.error_at(loss)

    if largest <= margin or short_of(largest) > 0:
        return None
    return float(brentq(short_of, margin, largest, xtol=1e-9 * largest))
