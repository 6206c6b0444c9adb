"""Systems at equal cost: which are worth their cost, and what best-of-N and majority give for the price of fusion."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from fusion_eval.analysis.costs import BudgetUnit
from fusion_eval.analysis.curves import interval
from fusion_eval.analysis.fused_curves import FusedAnswers
from fusion_eval.analysis.systems import System, systems
from fusion_eval.analysis.units import Unit
from fusion_eval.errors import ConfigError
from fusion_eval.stats.cluster_means import Sample, cluster_means
from fusion_eval.stats.paired import paired_values
from fusion_eval.stats.permutation import permutation_test

RESAMPLES = 2_000
"""Random swaps of a permutation test."""
_ROUNDING = 1e-12


@dataclass(frozen=True, slots=True)
class BudgetRow:
    """What a system gives for its cost; or, where `against` is not None, its difference from another at equal cost.

    `estimator` is `mean` (one sample), `majority`, `best_of` or `strategy`, whose name stands in `strategy`. `k` is the
    number of candidates. `against_k` is where the other system costs the same. It may lie between two whole numbers: the
    other system then takes the upper number for a random part of the items and the lower one for the rest, so that
    its expected cost is equal. `limited` says that the pool is too small for this; `against_k` is then where the
    costs would meet, and the difference is from the largest pool, which costs less.
    """

    task: str
    language: str | None
    metric: str
    filter: str
    unit: BudgetUnit
    estimator: str
    strategy: str | None
    scorer: str | None
    k: int
    cost: float
    """The mean cost of an item."""
    value: float
    ci_low: float | None
    ci_high: float | None
    on_front: bool
    """Whether no other system is at least as good and as cheap, and better in one of the two."""
    items: int
    clusters: int
    against: str | None = None
    against_scorer: str | None = None
    against_k: float | None = None
    against_cost: float | None = None
    against_value: float | None = None
    delta: float | None = None
    delta_low: float | None = None
    delta_high: float | None = None
    p_value: float | None = None
    limited: bool | None = None


def budget_rows(
    units: Sequence[Unit],
    unit_of_cost: BudgetUnit,
    alpha: float = 0.05,
    resamples: int = RESAMPLES,
    seed: int = 0,
    fused: Sequence[FusedAnswers] = (),
) -> Iterator[BudgetRow]:
    """Yield the rows of every unit: first its systems, then the strategies against others at equal cost.

    Args:
        units: The units.
        unit_of_cost: What is the same in a comparison.
        alpha: Intervals cover with probability 1 - alpha.
        resamples: Random swaps of each permutation test.
        seed: The seed of the swaps.
        fused: New answers of fusors to parts of the pools, which are systems too.

    Raises:
        ConfigError: The runs do not tell this cost.
    """
    for unit in units:
        found = systems(unit, unit_of_cost) + [one.system(unit, unit_of_cost) for one in fused]
        if not any(one.costs.any() for one in found):
            raise ConfigError(
                f"All calls of {unit.task} are free, so --budget {unit_of_cost} compares nothing; use --budget tokens"
            )
        sample = Sample(unit.cluster, unit.group)
        rows = [_row(unit, unit_of_cost, one, sample, alpha) for one in found]
        yield from _with_front(rows, unit.sign)
        by_family = _families(found)
        for one, row in zip(found, rows, strict=True):
            if one.estimator == "strategy":
                for others in by_family:
                    if not _contains(others, one):
                        yield _against(row, one, others, sample, alpha, resamples, seed)


def _families(found: Sequence[System]) -> list[list[System]]:
    """Return majority and best-of by each scorer, each with a single sample as k = 1."""
    single = [one for one in found if one.estimator == "mean"]
    kinds = dict.fromkeys(
        (one.estimator, one.scorer) for one in found if one.estimator in ("majority", "best_of")
    )
    return [single + [one for one in found if (one.estimator, one.scorer) == kind] for kind in kinds]


def _contains(others: Sequence[System], system: System) -> bool:
    """Whether a strategy is one of these systems, such as best-of-N by the same scorer."""
    return any(one.k == system.k and np.array_equal(one.values, system.values) for one in others)


def _row(unit: Unit, unit_of_cost: BudgetUnit, system: System, sample: Sample, alpha: float) -> BudgetRow:
    means = cluster_means(system.values, sample)
    low, high = interval(means, alpha, shares=unit.binary)
    return BudgetRow(
        unit.task,
        unit.language,
        unit.metric,
        unit.filter,
        unit_of_cost,
        system.estimator,
        system.strategy,
        system.scorer,
        system.k,
        float(sample.weights @ system.costs),
        float(means.mean[0]),
        low[0],
        high[0],
        False,
        unit.n_items,
        sample.n_clusters,
    )


def _with_front(rows: Sequence[BudgetRow], sign: float) -> list[BudgetRow]:
    """Mark the rows that no other row beats in quality and cost together."""

    def beaten(row: BudgetRow) -> bool:
        return any(
            other.cost <= row.cost
            and sign * other.value >= sign * row.value
            and (other.cost < row.cost or sign * other.value > sign * row.value)
            for other in rows
        )

    return [replace(row, on_front=not beaten(row)) for row in rows]


def mixture(cost: float, costs: Sequence[float]) -> tuple[float, bool]:
    """Return the k at which a system costs `cost`, and whether it lies outside of what was measured.

    Args:
        cost: The cost to meet.
        costs: The costs at k = 1…N, rising.

    Returns:
        A number k = m + w: with probability w the system takes m + 1 candidates, else m. Beyond N, and if the costs do
        not rise, it is found with the mean cost of a further candidate.
    """
    n = len(costs)
    if cost < costs[0] - _ROUNDING:
        return 1.0, True
    for m in range(1, n):
        if cost <= costs[m] + _ROUNDING:
            step = costs[m] - costs[m - 1]
            return m + (min(max((cost - costs[m - 1]) / step, 0.0), 1.0) if step > 0 else 1.0), False
    step = (costs[-1] - costs[0]) / (n - 1) if n > 1 else costs[0]
    beyond = (cost - costs[-1]) / step if step > 0 else 0.0  # free candidates never cost as much
    return n + beyond, True


def _against(
    row: BudgetRow,
    system: System,
    others: Sequence[System],
    sample: Sample,
    alpha: float,
    resamples: int,
    seed: int,
) -> BudgetRow:
    """Return the row of a strategy's difference from other systems at equal cost."""
    costs = [float(sample.weights @ one.costs) for one in others]
    k, limited = mixture(row.cost, costs)
    place = min(k, float(len(others)))
    lower = min(math.floor(place), len(others) - 1) if len(others) > 1 else 1
    share = place - lower
    low, high = others[lower - 1], others[min(lower, len(others) - 1)]
    values = (1 - share) * low.values + share * high.values
    means = cluster_means(system.values - values, sample)
    delta_low, delta_high = interval(means, alpha, shares=False)
    test = permutation_test(
        paired_values(values, system.values, sample.cluster, sample.group), resamples, seed
    )
    return replace(
        row,
        on_front=False,
        against=others[-1].estimator,
        against_scorer=others[-1].scorer,
        against_k=k,
        against_cost=(1 - share) * costs[lower - 1] + share * costs[min(lower, len(others) - 1)],
        against_value=float(sample.weights @ values),
        delta=float(means.mean[0]),
        delta_low=delta_low[0],
        delta_high=delta_high[0],
        p_value=test.p_value,
        limited=limited,
    )
