"""How much strategies lose when some candidates are bad, and how often a bad one comes through."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from fusion_eval.analysis.corruption import Kind
from fusion_eval.analysis.fused_curves import PoolKey
from fusion_eval.analysis.intervals import mean_of_known, share_or_mean
from fusion_eval.analysis.pools import Booleans, Floats, ScoredPools
from fusion_eval.analysis.units import Unit


@dataclass(frozen=True, eq=False, slots=True)
class CorruptedAnswers:
    """One strategy's answers to pools with and without bad candidates.

    Attributes:
        strategy: The strategy as text.
        kind: What took the place of candidates.
        k: How many were replaced.
        clean: The values of the answers to whole pools (M,), for each scored pools.
        corrupted: The values of the answers to corrupted pools (M,).
        leaked: Whether a bad candidate came through (M,).
    """

    strategy: str
    kind: Kind
    k: int
    clean: Mapping[PoolKey, Floats]
    corrupted: Mapping[PoolKey, Floats]
    leaked: Mapping[PoolKey, Booleans]


@dataclass(frozen=True, slots=True)
class RobustnessRow:
    """What a strategy loses when `corrupted` of its candidates are bad, and how often one comes through.

    `loss` is in units of the metric and positive where answers get worse. `leak_rate` is the share of items whose answer
    lets a bad candidate through.
    """

    task: str
    language: str | None
    metric: str
    filter: str
    strategy: str
    kind: Kind
    corrupted: int
    clean_value: float
    value: float
    loss: float
    ci_low: float | None
    ci_high: float | None
    leak_rate: float
    leak_low: float | None
    leak_high: float | None
    items: int
    clusters: int


def robustness_rows(
    units: Sequence[Unit], answers: Sequence[CorruptedAnswers], alpha: float
) -> Iterator[RobustnessRow]:
    """Yield a row for each unit, strategy and kind of corruption. Losses are paired by items."""
    for unit in units:
        for one in answers:
            clean, corrupted = (_joined(unit, part) for part in (one.clean, one.corrupted))
            loss = mean_of_known(unit, unit.sign * (clean - corrupted), alpha)
            leaks = share_or_mean(unit, _joined(unit, one.leaked), alpha, share=True)
            yield RobustnessRow(
                unit.task,
                unit.language,
                unit.metric,
                unit.filter,
                one.strategy,
                one.kind,
                one.k,
                float(unit.weights @ clean),
                float(unit.weights @ corrupted),
                loss.value,
                loss.low,
                loss.high,
                leaks.value,
                leaks.low,
                leaks.high,
                loss.items,
                loss.clusters,
            )


def _joined(unit: Unit, of_pools: Mapping[PoolKey, Floats] | Mapping[PoolKey, Booleans]) -> Floats:
    return np.concatenate([of_pools[key_of(part)].astype(np.float64) for part in unit.parts])


def key_of(pools: ScoredPools) -> PoolKey:
    """Return what tells scored pools apart."""
    return pools.task, pools.metric, pools.filter
