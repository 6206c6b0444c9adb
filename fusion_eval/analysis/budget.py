"""Systems at equal cost: which are worth their cost, and what best-of-N and majority give for the price of fusion."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from fusion_eval.analysis.costs import BudgetUnit
from fusion_eval.analysis.curves import interval
from fusion_eval.analysis.fused_curves import FusedAnswers
from fusion_eval.analysis.multiplicity import adjust_p_values
from fusion_eval.analysis.options import AnalysisOptions
from fusion_eval.analysis.pools import Floats
from fusion_eval.analysis.systems import System, systems
from fusion_eval.analysis.units import Unit
from fusion_eval.errors import ConfigError
from fusion_eval.stats.cluster_means import Sample, cluster_means
from fusion_eval.stats.paired import paired_values
from fusion_eval.stats.permutation import permutation_test

_ROUNDING = 1e-9
"""Relative difference below which two costs differ by rounding only."""


@dataclass(frozen=True, slots=True)
class BudgetRow:
    """What a system gives for its cost; or, where `against` is not None, its difference from another at equal cost.

    `estimator` is `mean` (one sample), `majority`, `best_of` or `strategy`, whose name stands in `strategy`. `k` is the
    number of candidates. `against_k` is where the other system costs the same. It may lie between two whole numbers: the
    other system then takes the upper number for a random part of the items and the lower one for the rest, so that
    its expected cost is equal. `limited` says that the pool is too small for this; `against_k` is then where the
    costs would meet, and the difference is from the largest pool, which costs less. A strategy that costs less than one
    sample is compared with one sample, `against_k` 1, and `against_cost` is then above `cost`.
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
    p_adjusted: float | None = None
    """Adjusted by Holm for all tests of the table that belong together."""
    limited: bool | None = None


def budget_rows(
    units: Sequence[Unit],
    unit_of_cost: BudgetUnit,
    options: AnalysisOptions | None = None,
    fused: Sequence[FusedAnswers] = (),
) -> list[BudgetRow]:
    """Return the rows of every unit: first its systems, then the strategies against others at equal cost.

    Args:
        units: The units.
        unit_of_cost: What is the same in a comparison.
        options: The level of the intervals, and the permutation tests; the defaults if None.
        fused: New answers of fusors to parts of the pools, which are systems too.

    Raises:
        ConfigError: The runs do not tell this cost.
    """
    options = options or AnalysisOptions()
    rows = [row for unit in units for row in _rows_of(unit, unit_of_cost, options, fused)]
    return adjust_p_values(rows, units)


def _rows_of(
    unit: Unit, unit_of_cost: BudgetUnit, options: AnalysisOptions, fused: Sequence[FusedAnswers]
) -> list[BudgetRow]:
    found = systems(unit, unit_of_cost) + [one.system(unit, unit_of_cost) for one in fused]
    if not any(one.costs.any() for one in found):
        raise ConfigError(
            f"All calls of {unit.task} are free, so --budget {unit_of_cost} compares nothing; use --budget tokens"
        )
    sample, by_family = Sample(unit.cluster, unit.group), _families(found)
    rows = _with_front([_row(unit, unit_of_cost, one, sample, options.alpha) for one in found], unit.sign)
    return rows + [
        _against(row, one, others, sample, options)
        for one, row in zip(found, rows, strict=True)
        if one.estimator == "strategy"
        for others in by_family
        if not _contains(others, one)
    ]


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
        **unit.head,
        unit=unit_of_cost,
        estimator=system.estimator,
        strategy=system.strategy,
        scorer=system.scorer,
        k=system.k,
        cost=float(sample.weights @ system.costs),
        value=float(means.mean[0]),
        ci_low=low[0],
        ci_high=high[0],
        on_front=False,
        items=unit.n_items,
        clusters=sample.n_clusters,
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
    """Return the largest k at which a system costs `cost`, and whether that takes more candidates than were measured.

    Args:
        cost: The cost to meet.
        costs: The costs at k = 1…N, which never fall.

    Returns:
        A number k = m + w: with probability w the system takes m + 1 candidates, else m. It is 1 also for less than one
        candidate costs. Beyond N, and if the costs do not rise, it is found with the mean cost of a further candidate.
    """
    n, rounding = len(costs), _ROUNDING * abs(cost)
    affordable = sum(one <= cost + rounding for one in costs)
    if not affordable:
        return 1.0, False
    if affordable < n:
        lower, upper = costs[affordable - 1], costs[affordable]
        return affordable + max((cost - lower) / (upper - lower), 0.0), False
    if cost <= costs[-1] + rounding:
        return float(n), False
    step = (costs[-1] - costs[0]) / (n - 1) if n > 1 else costs[0]
    beyond = (cost - costs[-1]) / step if step > 0 else 0.0  # free candidates never cost as much
    return n + beyond, True


@dataclass(frozen=True, eq=False, slots=True)
class _Mixture:
    """Systems of neighbouring k, mixed so that they cost what another one does: values (items,) and mean cost."""

    k: float
    limited: bool
    cost: float
    values: Floats


def _at_cost(cost: float, others: Sequence[System], sample: Sample) -> _Mixture:
    """Return the mixture of `others`, which have k = 1…N, that costs `cost`, or comes closest to it."""
    costs = [float(sample.weights @ one.costs) for one in others]
    k, limited = mixture(cost, costs)
    place = min(k, float(len(others)))
    lower = max(min(math.floor(place), len(others) - 1), 1)
    upper = min(lower + 1, len(others))
    share = place - lower
    return _Mixture(
        k,
        limited,
        (1 - share) * costs[lower - 1] + share * costs[upper - 1],
        (1 - share) * others[lower - 1].values + share * others[upper - 1].values,
    )


def _against(
    row: BudgetRow, system: System, others: Sequence[System], sample: Sample, options: AnalysisOptions
) -> BudgetRow:
    """Return the row of a strategy's difference from other systems at equal cost."""
    equal = _at_cost(row.cost, others, sample)
    means = cluster_means(system.values - equal.values, sample)
    low, high = interval(means, options.alpha, shares=False)
    paired = paired_values(equal.values, system.values, sample.cluster, sample.group)
    return replace(
        row,
        on_front=False,
        against=others[-1].estimator,
        against_scorer=others[-1].scorer,
        against_k=equal.k,
        against_cost=equal.cost,
        against_value=float(sample.weights @ equal.values),
        delta=float(means.mean[0]),
        delta_low=low[0],
        delta_high=high[0],
        p_value=permutation_test(paired, options.resamples, options.seed).p_value,
        limited=equal.limited,
    )
