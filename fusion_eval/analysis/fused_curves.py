"""Curves of fusion over the number of candidates and over fusors, from new answers to parts of stored pools."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from fusion_eval.analysis.costs import BudgetUnit, call_costs, first_costs
from fusion_eval.analysis.curves import choices, of_unit
from fusion_eval.analysis.intervals import mean_of_known, share_or_mean
from fusion_eval.analysis.pools import Floats, ScoredPools, StrategyAnswers
from fusion_eval.analysis.systems import System
from fusion_eval.analysis.units import Unit
from fusion_eval.runs.analysis import CurveDifference, CurvePoint

PoolKey = tuple[str, str, str]
"""A task, a metric and a filter."""


@dataclass(frozen=True, eq=False, slots=True)
class FusedAnswers:
    """What a fusor made of the first k candidates of every pool.

    Attributes:
        fusor: The fusor's name.
        k: How many candidates it read.
        answers: The answers to the items of each scored pools.
    """

    fusor: str
    k: int
    answers: Mapping[PoolKey, StrategyAnswers]

    def of(self, pools: ScoredPools) -> StrategyAnswers:
        """Return the answers to these pools."""
        return self.answers[pools.task, pools.metric, pools.filter]

    def values(self, unit: Unit) -> Floats:
        """Return the values of a unit's items (items,)."""
        return np.concatenate([self.of(part).values for part in unit.parts])

    def system(self, unit: Unit, unit_of_cost: BudgetUnit) -> System:
        """Return the fusion of k candidates as a system with its costs: the first k candidates, and the fusor's calls."""
        costs = [
            first_costs(part, unit_of_cost, self.k) + call_costs(self.of(part), unit_of_cost)
            for part in unit.parts
        ]
        return System(
            "strategy", f"fusion@{self.k}", self.fusor, self.k, self.values(unit), np.concatenate(costs)
        )


@dataclass(frozen=True, slots=True)
class FusorRow:
    """What one fusor makes of the first k candidates, and its difference from the first fusor on the same candidates."""

    task: str
    language: str | None
    metric: str
    filter: str
    fusor: str
    k: int
    value: float
    ci_low: float | None
    ci_high: float | None
    against: str | None
    delta: float | None
    delta_low: float | None
    delta_high: float | None
    items: int
    clusters: int


def fused_points(units: Sequence[Unit], fused: Sequence[FusedAnswers], alpha: float) -> Iterator[CurvePoint]:
    """Yield a point for each unit, fusor and k. The fusor stands in the column `scorer`."""
    for unit in units:
        for one in fused:
            mean = share_or_mean(unit, one.values(unit), alpha, share=unit.binary)
            yield CurvePoint(
                **unit.head,
                estimator="fusion",
                scorer=one.fusor,
                k=one.k,
                value=mean.value,
                ci_low=mean.low,
                ci_high=mean.high,
                items=mean.items,
                clusters=mean.clusters,
            )


def fused_differences(
    units: Sequence[Unit], fused: Sequence[FusedAnswers], alpha: float
) -> Iterator[CurveDifference]:
    """Yield fusion minus the mean, majority and best-of-N by each stored score, all with k candidates, paired by items.

    The fusor read the first k candidates; the others are averaged over all subsets of size k.
    """
    curves = {id(part): choices(part) for unit in units for part in unit.parts} if fused else {}
    for unit in units:
        others = of_unit(unit, curves) if fused else {}
        for one in fused:
            for (estimator, scorer), values in others.items():
                mean = mean_of_known(unit, one.values(unit) - values[:, one.k - 1], alpha)
                yield CurveDifference(
                    **unit.head,
                    estimator="fusion",
                    scorer=one.fusor,
                    against=estimator,
                    against_scorer=scorer,
                    k=one.k,
                    delta=mean.value,
                    ci_low=mean.low,
                    ci_high=mean.high,
                    items=mean.items,
                    clusters=mean.clusters,
                    p_value=mean.p_value,
                )


def fusor_rows(units: Sequence[Unit], fused: Sequence[FusedAnswers], alpha: float) -> Iterator[FusorRow]:
    """Yield the grid of k and fusors for every unit."""
    for unit in units:
        first: dict[int, FusedAnswers] = {}
        for one in fused:
            against = first.setdefault(one.k, one)
            values = one.values(unit)
            mean = share_or_mean(unit, values, alpha, share=unit.binary)
            delta = mean_of_known(unit, values - against.values(unit), alpha)
            yield FusorRow(
                **unit.head,
                fusor=one.fusor,
                k=one.k,
                value=mean.value,
                ci_low=mean.low,
                ci_high=mean.high,
                against=None if against is one else against.fusor,
                delta=None if against is one else delta.value,
                delta_low=None if against is one else delta.low,
                delta_high=None if against is one else delta.high,
                items=mean.items,
                clusters=mean.clusters,
            )
