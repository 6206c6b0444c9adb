"""The spread of a mean loss that only a few clusters make up, and that a sample may have met too rarely to show."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from fusion_eval.stats.paired import Floats, Paired, value

_FEW = 3.0
"""A mean of sizes that is weighted by them comes out too small from few: by about 1 / k of k, and this much for safety."""


@dataclass(frozen=True, slots=True)
class Spread:
    """`error` is a standard error; `step` half of what one more lost cluster would have moved the mean by."""

    error: float
    step: float = 0.0


def effects(paired: Paired) -> Floats:
    """(C,): what each cluster adds to the difference, times their number, so that the mean is about the difference.

    Exactly 0 for a cluster in which nothing changed.
    """
    baseline = paired.baseline.sum(axis=0)
    changed = value(baseline + (paired.candidate - paired.baseline), paired.score)
    same = (paired.candidate == paired.baseline).all(axis=(1, 2))
    return np.where(same, 0.0, paired.n_clusters * (changed - paired.baseline_value))


def spread_at_margin(gains: Floats, error: float, margin: float) -> Spread:
    """Of the mean gain (C,), if the truth were a loss of `margin`: what a test of H0 'the loss is that large' may go by.

    Were losses of the size seen here to add up to the margin, `margin / size` of the clusters would show one, and the variance
    would be that of the gains + margin * size - margin**2. For sizes of 1 this is the variance of Tango 1998 in
    `paired_proportions`, with its correction for continuity. Where `error`, that of the sample, is larger, it stands:
    then differences are many, and say enough. Without any difference nothing is known of sizes, and `error` stands too.
    """
    sizes = np.abs(gains)
    differing = int((sizes > 0).sum())
    if not differing:
        return Spread(error)
    size = float((sizes**2).sum() / sizes.sum()) * (1 + _FEW / differing)
    variance = float((np.maximum(gains, 0.0) ** 2).mean()) + margin * size - margin**2
    if variance / len(gains) <= error**2:
        return Spread(error)
    return Spread(math.sqrt(variance / len(gains)), size / (2 * len(gains)))
