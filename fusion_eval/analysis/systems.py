"""Ways to answer with k candidates of a pool, each with its values and its costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fusion_eval.analysis.costs import BudgetUnit, call_costs, pool_costs
from fusion_eval.analysis.pools import Floats, ScoredPools, StrategyAnswers
from fusion_eval.analysis.units import Unit
from fusion_eval.stats.majority_subsets import majority_of_k
from fusion_eval.stats.subsets import best_of_k, mean_of_k


@dataclass(frozen=True, eq=False, slots=True)
class System:
    """One way to answer with k candidates: the value and the cost of each item (items,) of a unit."""

    estimator: str
    strategy: str | None
    scorer: str | None
    k: int
    values: Floats
    costs: Floats


def systems(unit: Unit, unit_of_cost: BudgetUnit) -> list[System]:
    """Return what can be had from the pools of a unit: single samples, votes and choices of k, and its strategies.

    Choosing among k candidates costs k / N of the calls that scored all N.
    """
    parts = [_part(part, unit_of_cost, unit.strategies) for part in unit.parts]
    return [
        System(
            first.estimator,
            first.strategy,
            first.scorer,
            first.k,
            np.concatenate([one.values for one in same]),
            np.concatenate([one.costs for one in same]),
        )
        for same in zip(*parts, strict=True)
        for first in same[:1]
    ]


def _part(pools: ScoredPools, unit: BudgetUnit, names: Sequence[str]) -> list[System]:
    """Return the systems of one task, in an order that is the same for all tasks of a unit."""
    n, costs = pools.n_candidates, pool_costs(pools, unit)
    found = [System("mean", None, None, 1, mean_of_k(pools.values)[:, 0], costs[:, 0])]
    if pools.answers is not None:
        votes = majority_of_k(pools.answers, pools.values)
        found += [
            System("majority", None, None, k, votes[:, k - 1], costs[:, k - 1]) for k in range(2, n + 1)
        ]
    strategies = [one for name in names for one in pools.strategies if one.name == name]
    for scorer, scores in pools.scores.items():
        best = best_of_k(scores, pools.values)
        scoring = _scoring_costs(scorer, strategies, unit, pools.n_items)
        found += [
            System("best_of", None, scorer, k, best[:, k - 1], costs[:, k - 1] + scoring * (k / n))
            for k in range(2, n + 1)
        ]
    found += [
        System("strategy", one.name, None, n, one.values, costs[:, -1] + call_costs(one, unit))
        for one in strategies
        if not _is_single(one)
    ]
    return found


def _is_single(strategy: StrategyAnswers) -> bool:
    """Whether a strategy takes the first candidate without a call: then it needs no pool."""
    return bool((strategy.chosen == 0).all() and not strategy.calls.any())


def _scoring_costs(
    scorer: str, strategies: Sequence[StrategyAnswers], unit: BudgetUnit, items: int
) -> Floats:
    """Return what scoring all candidates of each item cost: that of the strategy that paid most for these scores.

    A strategy may score fewer items than another, such as rank_fusion where the pool is small enough.
    """
    costs = [call_costs(one, unit, scoring=True) for one in strategies if one.scorer == scorer]
    return max(costs, key=lambda cost: float(cost.sum()), default=np.zeros(items))
