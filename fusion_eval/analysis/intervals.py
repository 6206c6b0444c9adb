"""The mean of a unit's items where some items have no value, with an interval over clusters."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from fusion_eval.analysis.pools import Floats
from fusion_eval.analysis.units import Unit


@dataclass(frozen=True, slots=True)
class Mean:
    """A mean over items. The ends are None where the sample cannot tell."""

    value: float
    low: float | None
    high: float | None
    items: int
    clusters: int


def mean_of_known(unit: Unit, values: Floats, alpha: float) -> Mean:
    """Return the mean of the items that have a value, with a t interval over clusters.

    The parts of the unit that have a value weigh the same. The standard error is that of a weighted mean with
    residuals summed by cluster (Liang & Zeger 1986), times C / (C - 1) for C clusters.

    Args:
        unit: The unit.
        values: The items' values (items,); NaN is none.
        alpha: The interval covers with probability 1 - alpha.
    """
    known = ~np.isnan(values)
    if not known.any():
        return Mean(float("nan"), None, None, 0, 0)
    group, numbers = unit.group[known], values[known]
    sizes = np.bincount(group)
    weights = 1.0 / (sizes[group] * np.count_nonzero(sizes))
    means = np.bincount(group, numbers) / np.maximum(sizes, 1)
    value = float(weights @ numbers)
    residuals = np.bincount(unit.cluster[known], weights * (numbers - means[group]))
    clusters = len(np.unique(unit.cluster[known]))
    freedom = clusters - 1
    if freedom < 1:
        return Mean(value, None, None, len(numbers), clusters)
    error = float(np.sqrt((residuals**2).sum() * clusters / freedom))
    margin = float(stdtrit(freedom, 1 - alpha / 2)) * error
    return Mean(value, value - margin, value + margin, len(numbers), clusters)
