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

    Were losses of the size seen here to add up to the margin, `margin / size` of the clusters would show one, and their mean
    square would be margin * size. What the sample's losses lack of that is added to its variance, error**2 times C. Of 0/1
    answers, whose size is 1, this is about the variance of Tango 1998 in `paired_proportions`, and `step` its correction for
    continuity. A wider margin asks for more losses, so that of a few large ones it can be harder to pass. Where differences are many they say enough, and the error stands; so it does where there is none, and
    nothing is known of sizes.
    """
    sizes = np.abs(gains)
    differing = int((sizes > 0).sum())
    if not differing:
        return Spread(error)
    size = float((sizes**2).sum() / sizes.sum()) * (1 + _FEW / differing)
    lacking = margin * size - float((np.minimum(gains, 0.0) ** 2).mean())
    if lacking <= 0:
        return Spread(error)
    step = size / (2 * len(gains)) * lacking / (margin * size)  # no jump where the lack begins
    return Spread(math.sqrt(error**2 + lacking / len(gains)), step)
