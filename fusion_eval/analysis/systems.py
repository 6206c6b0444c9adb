"""Ways to answer with k candidates of a pool, each with its values and its costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fusion_eval.analysis.costs import BudgetUnit, call_costs, pool_costs
from fusion_eval.analysis.pools import Floats, ScoredPools, StrategyAnswers
from fusion_eval.analysis.rescue import answers_of
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

    A unit of several tasks has the systems that all of them have. Choosing among k candidates costs k / N of the calls
    that scored all N.
    """
    names = [name for name in unit.strategies if not _is_single(unit, name)]
    parts = [
        {(one.estimator, one.strategy, one.scorer, one.k): one for one in _part(part, unit_of_cost, names)}
        for part in unit.parts
    ]
    return [
        System(
            *key,
            np.concatenate([part[key].values for part in parts]),
            np.concatenate([part[key].costs for part in parts]),
        )
        for key in parts[0]
        if all(key in part for part in parts)
    ]


def _is_single(unit: Unit, strategy: str) -> bool:
    """Whether a strategy takes the first candidate of every item without a call: then it needs no pool."""
    answers = [answers_of(part, strategy) for part in unit.parts]
    return all((own.chosen == 0).all() and not own.calls.any() for own in answers)


def _part(pools: ScoredPools, unit: BudgetUnit, names: Sequence[str]) -> list[System]:
    """Return the systems of one task, with these strategies."""
    n, costs = pools.n_candidates, pool_costs(pools, unit)
    found = [System("mean", None, None, 1, mean_of_k(pools.values)[:, 0], costs[:, 0])]
    if pools.answers is not None:
        votes = majority_of_k(pools.answers, pools.values)
        found += [
            System("majority", None, None, k, votes[:, k - 1], costs[:, k - 1]) for k in range(2, n + 1)
        ]
    for scorer, scores in pools.scores.items():
        best = best_of_k(scores, pools.values)
        scoring = _scoring_costs(scorer, pools.strategies, unit, pools.n_items)
        found += [
            System("best_of", None, scorer, k, best[:, k - 1], costs[:, k - 1] + scoring * (k / n))
            for k in range(2, n + 1)
        ]
    return found + [
        System("strategy", one.name, None, n, one.values, costs[:, -1] + call_costs(one, unit))
        for one in pools.strategies
        if one.name in names
    ]


def _scoring_costs(
    scorer: str, strategies: Sequence[StrategyAnswers], unit: BudgetUnit, items: int
) -> Floats:
    """Return what scoring all candidates of each item cost: that of the strategy that paid most for these scores.

    A strategy may score fewer items than another, such as rank_fusion where the pool is small enough.
    """
    costs = [call_costs(one, unit, scoring=True) for one in strategies if one.scorer == scorer]
    return max(costs, key=lambda cost: float(cost.sum()), default=np.zeros(items))
