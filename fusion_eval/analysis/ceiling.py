"""The ceiling: items that every candidate fails, and how much of the oracle's gain each strategy recovers."""

from __future__ import annotations

import math

import numpy as np
from scipy.special import ndtr, stdtrit

from fusion_eval.analysis.curves import interval, minus
from fusion_eval.analysis.pools import Floats
from fusion_eval.analysis.rescue import answers_of, is_right
from fusion_eval.analysis.units import Unit
from fusion_eval.runs.analysis import CeilingRow, RecoveredRow
from fusion_eval.stats.cluster_means import Sample, cluster_means, proportion_interval
from fusion_eval.stats.resampling import drawn_sums


def ceiling_row(unit: Unit, alpha: float) -> CeilingRow:
    """Return the share of items that all candidates fail, for a 0/1 metric.

    No strategy that selects a candidate exceeds one minus this share (arXiv 2606.27288). Over several tasks it is the
    mean of their shares, as the strategies' values are.
    """
    failed = np.concatenate([~is_right(part, part.values).any(axis=1) for part in unit.parts])
    low, high = proportion_interval(failed, unit.cluster, 1 - alpha, unit.group)
    return CeilingRow(
        task=unit.task,
        language=unit.language,
        metric=unit.metric,
        filter=unit.filter,
        items=unit.n_items,
        all_wrong=int(failed.sum()),
        beta=float(unit.weights @ failed),
        ci_low=low,
        ci_high=high,
    )


def recovered_rows(unit: Unit, sample: Sample, alpha: float, resamples: int, seed: int) -> list[RecoveredRow]:
    """Return, for each strategy of a unit, the share of the oracle's gain over the mean that it recovers, and its regret.

    The interval of the share is the expanded percentile interval of the ratio over resampled clusters, which keeps the
    numerator and the denominator of a cluster together.
    """
    names = unit.strategies
    mean = np.concatenate([part.values.mean(axis=1) for part in unit.parts])
    best = np.concatenate([part.sign * (part.sign * part.values).max(axis=1) for part in unit.parts])
    values = [np.concatenate([answers_of(part, name).values for part in unit.parts]) for name in names]
    columns = np.stack([minus(best, mean), *(minus(own, mean) for own in values)], axis=1)
    low, high = _ratio_intervals(unit, columns, sample, alpha, resamples, seed)
    totals = cluster_means(np.stack([mean, best, *values], axis=1), sample).mean.tolist()
    gain, *gains = cluster_means(columns, sample).mean.tolist()
    rows = []
    for number, (name, own) in enumerate(zip(names, values, strict=True)):
        value = totals[2 + number]
        regret = cluster_means(unit.sign * (best - own), sample)
        regret_low, regret_high = interval(regret, alpha, shares=False)
        known = gain != 0
        rows.append(
            RecoveredRow(
                task=unit.task,
                language=unit.language,
                metric=unit.metric,
                filter=unit.filter,
                strategy=name,
                value=value,
                mean=totals[0],
                oracle=totals[1],
                share=gains[number] / gain if known else None,
                ci_low=low[number] if known else None,
                ci_high=high[number] if known else None,
                regret=float(regret.mean[0]),
                regret_low=regret_low[0],
                regret_high=regret_high[0],
                items=unit.n_items,
                clusters=sample.n_clusters,
            )
        )
    return rows


def _ratio_intervals(
    unit: Unit, columns: Floats, sample: Sample, alpha: float, resamples: int, seed: int
) -> tuple[list[float | None], list[float | None]]:
    """Return the ends of the interval of each further column's sum over the first column's sum."""
    if sample.degrees < 1:
        return [None] * (columns.shape[1] - 1), [None] * (columns.shape[1] - 1)
    weighted = columns * sample.weights[:, None]
    sums_of = [np.bincount(unit.cluster, column).astype(np.float64) for column in weighted.T]
    by_cluster: Floats = np.stack(sums_of, axis=1)
    sums = drawn_sums(by_cluster, resamples, (seed,))
    gains = np.abs(sums[:, :1]) > 0
    ratios = sums[gains[:, 0], 1:] / sums[gains[:, 0], :1]
    if not len(ratios):
        return [None] * (columns.shape[1] - 1), [None] * (columns.shape[1] - 1)
    tail = _expanded_tail(alpha, sample.degrees)
    ends = np.quantile(ratios, [tail, 1 - tail], axis=0)
    return ends[0].tolist(), ends[1].tolist()


def _expanded_tail(alpha: float, degrees: int) -> float:
    """Return the quantile that a percentile interval takes for `alpha / 2`, so that it is not too narrow in small samples.

    Source: Hesterberg 2015, "What Teachers Should Know About the Bootstrap", The American Statistician 69.
    """
    n = degrees + 1
    return float(ndtr(math.sqrt(n / degrees) * stdtrit(degrees, alpha / 2)))
