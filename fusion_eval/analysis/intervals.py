"""The mean of a unit's items where some items have no value, with an interval over clusters."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fusion_eval.analysis.pools import Floats
from fusion_eval.analysis.units import Unit
from fusion_eval.stats.cluster_means import Means, Sample, cluster_means


@dataclass(frozen=True, slots=True)
class Mean:
    """A mean over items. The ends are None where the sample cannot tell."""

    value: float
    low: float | None
    high: float | None
    items: int
    clusters: int
    p_value: float | None = None
    """Of Student's test that the mean is 0."""


def mean_of_known(unit: Unit, values: Floats, alpha: float) -> Mean:
    """Return the mean of the items that have a value, with a t interval over clusters.

    The parts of the unit that have a value weigh the same.

    Args:
        unit: The unit.
        values: The items' values (items,); NaN is none.
        alpha: The interval covers with probability 1 - alpha.
    """
    known = ~np.isnan(values)
    if not known.any():
        return Mean(float("nan"), None, None, 0, 0)
    sample = Sample(unit.cluster[known], unit.group[known])
    means = cluster_means(values[known], sample)
    return _mean(means, means.t_interval(1 - alpha), int(known.sum()))


def share_or_mean(unit: Unit, values: Floats, alpha: float, *, share: bool) -> Mean:
    """Return the mean of values (items,) that are all known, with an interval over clusters.

    Args:
        unit: The unit.
        values: The items' values (items,).
        alpha: The interval covers with probability 1 - alpha.
        share: Whether the values mean right or wrong. The interval of their share stays within 0 and 1.
    """
    means = cluster_means(values, Sample(unit.cluster, unit.group))
    interval = means.share_interval if share else means.t_interval
    return _mean(means, interval(1 - alpha), len(values))


def _mean(means: Means, ends: tuple[Floats, Floats], items: int) -> Mean:
    low, high = (float(end[0]) for end in ends)
    unknown, p_value = np.isnan(low) or np.isnan(high), float(means.t_test()[0])
    return Mean(
        float(means.mean[0]),
        None if unknown else low,
        None if unknown else high,
        items,
        means.n_clusters,
        None if np.isnan(p_value) else p_value,
    )
