"""The ceiling: items that every candidate fails, and how much of the oracle's gain each strategy recovers."""

from __future__ import annotations

import numpy as np

from fusion_eval.analysis.curves import interval, minus
from fusion_eval.analysis.pools import Floats
from fusion_eval.analysis.rescue import answers_of, is_right
from fusion_eval.analysis.units import Unit
from fusion_eval.runs.analysis import CeilingRow, RecoveredRow
from fusion_eval.stats.cluster_means import Sample, cluster_means, proportion_interval
from fusion_eval.stats.ratios import ratio_of_means


def ceiling_row(unit: Unit, alpha: float) -> CeilingRow:
    """Return the share of items that all candidates fail, for a 0/1 metric.

    No strategy that selects a candidate exceeds one minus this share (arXiv 2606.27288). Over several tasks it is the
    mean of their shares, as the strategies' values are.
    """
    failed = np.concatenate([~is_right(part, part.values).any(axis=1) for part in unit.parts])
    low, high = proportion_interval(failed, unit.cluster, 1 - alpha, unit.group)
    return CeilingRow(
        **unit.head,
        items=unit.n_items,
        all_wrong=int(failed.sum()),
        beta=float(unit.weights @ failed),
        ci_low=low,
        ci_high=high,
    )


def recovered_rows(unit: Unit, sample: Sample, alpha: float) -> list[RecoveredRow]:
    """Return, for each strategy of a unit, the share of the oracle's gain over the mean that it recovers, and its regret."""
    mean = np.concatenate([part.values.mean(axis=1) for part in unit.parts])
    best = np.concatenate([part.sign * (part.sign * part.values).max(axis=1) for part in unit.parts])
    return [_recovered(unit, name, mean, best, sample, alpha) for name in unit.strategies]


def _recovered(
    unit: Unit, strategy: str, mean: Floats, best: Floats, sample: Sample, alpha: float
) -> RecoveredRow:
    """Return the row of a strategy, from the mean (items,) and the best value (items,) of every pool."""
    own = np.concatenate([answers_of(part, strategy).values for part in unit.parts])
    levels = cluster_means(np.stack([own, mean, best], axis=1), sample).mean.tolist()
    share = ratio_of_means(minus(own, mean), minus(best, mean), sample, 1 - alpha)
    regret = cluster_means(unit.sign * (best - own), sample)
    low, high = interval(regret, alpha, shares=False)
    return RecoveredRow(
        **unit.head,
        strategy=strategy,
        value=levels[0],
        mean=levels[1],
        oracle=levels[2],
        share=share.value,
        ci_low=share.low,
        ci_high=share.high,
        unbounded=share.unbounded,
        regret=float(regret.mean[0]),
        regret_low=low[0],
        regret_high=high[0],
        items=unit.n_items,
        clusters=sample.n_clusters,
    )
