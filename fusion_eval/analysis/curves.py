"""Curves over N: what each estimator expects of k candidates, with intervals, and the paired differences at each k."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping

import numpy as np

from fusion_eval.analysis.pools import Floats, ScoredPools
from fusion_eval.analysis.units import Unit
from fusion_eval.runs.analysis import CurveDifference, CurvePoint, Estimator
from fusion_eval.stats.cluster_means import Means, Sample, cluster_means
from fusion_eval.stats.majority_subsets import majority_of_k
from fusion_eval.stats.subsets import best_of_k, mean_of_k, oracle_of_k, pass_at_k

_ROUNDING = 1e-12
"""A relative difference below this is rounding."""

Named = tuple[Estimator, str | None]
"""An estimator, and the scorer of `best_of`."""


def choices(pools: ScoredPools) -> dict[Named, Floats]:
    """Return the expected value (M, N) of what can be taken without knowing the metric: column k - 1 is for k candidates.

    `majority` needs a task that extracts answers.
    """
    values = pools.values
    curves: dict[Named, Floats] = {("mean", None): mean_of_k(values)}
    if pools.answers is not None:
        curves["majority", None] = majority_of_k(pools.answers, values)
    for name, scores in pools.scores.items():
        curves["best_of", name] = best_of_k(scores, values)
    return curves


def estimates(pools: ScoredPools, *, binary: bool) -> dict[Named, Floats]:
    """Return each estimator's expected value (M, N) of the items: column k - 1 is for k candidates.

    Args:
        pools: The pools.
        binary: Whether the metric says right or wrong. Only then there is `pass`, which equals `oracle`.
    """
    values, curves = pools.values, choices(pools)
    if binary and pools.higher_is_better:
        curves["pass", None] = pass_at_k(values == 1)
    curves["oracle", None] = oracle_of_k(values, higher_is_better=pools.higher_is_better)
    return curves


def of_unit(unit: Unit, curves: Mapping[int, Mapping[Named, Floats]]) -> dict[Named, Floats]:
    """Return the curves that all parts of a unit have, one part's items after the other's.

    Args:
        unit: The unit.
        curves: The curves of each part, by the part's `id`.
    """
    parts = [curves[id(part)] for part in unit.parts]
    shared = [name for name in parts[0] if all(name in part for part in parts)]
    return {name: np.concatenate([part[name] for part in parts]) for name in shared}


def curve_points(
    unit: Unit, curves: Mapping[Named, Floats], sample: Sample, alpha: float
) -> Iterator[CurvePoint]:
    """Yield the points of every curve of a unit."""
    for (estimator, scorer), values in curves.items():
        means = cluster_means(values, sample)
        low, high = interval(means, alpha, shares=unit.binary)
        for k, value in enumerate(means.mean.tolist(), start=1):
            yield CurvePoint(
                **unit.head,
                estimator=estimator,
                scorer=scorer,
                k=k,
                value=value,
                ci_low=low[k - 1],
                ci_high=high[k - 1],
                items=unit.n_items,
                clusters=sample.n_clusters,
            )


def curve_differences(
    unit: Unit, curves: Mapping[Named, Floats], sample: Sample, alpha: float
) -> Iterator[CurveDifference]:
    """Yield every curve minus every curve before it, at each k. `oracle` is left out where `pass` is the same."""
    named = [name for name in curves if not (name == ("oracle", None) and ("pass", None) in curves)]
    for first, second in itertools.combinations(named, 2):
        means = cluster_means(minus(curves[second], curves[first]), sample)
        low, high = interval(means, alpha, shares=False)
        p_values = _known(means.t_test())
        for k, delta in enumerate(means.mean.tolist(), start=1):
            yield CurveDifference(
                **unit.head,
                estimator=second[0],
                scorer=second[1],
                against=first[0],
                against_scorer=first[1],
                k=k,
                delta=delta,
                ci_low=low[k - 1],
                ci_high=high[k - 1],
                items=unit.n_items,
                clusters=sample.n_clusters,
                p_value=p_values[k - 1],
            )


def minus(one: Floats, other: Floats) -> Floats:
    """Subtract, and return 0 where the two differ by rounding only, as for one candidate."""
    difference = one - other
    difference[np.abs(difference) <= _ROUNDING * np.abs(one).max(initial=0.0)] = 0.0
    return difference


def interval(means: Means, alpha: float, *, shares: bool) -> tuple[list[float | None], list[float | None]]:
    """Return the ends of an interval for each mean; None where the sample cannot tell.

    Args:
        means: The means.
        alpha: The interval covers with probability 1 - alpha.
        shares: Whether the values lie between 0 and 1.
    """
    low, high = means.share_interval(1 - alpha) if shares else means.t_interval(1 - alpha)
    return _known(low), _known(high)


def _known(ends: Floats) -> list[float | None]:
    return [None if np.isnan(end) else end for end in ends.tolist()]
