"""What a reader should know of a row before they believe it."""

from __future__ import annotations

import numpy as np

from fusion_eval.compare.method import Method
from fusion_eval.compare.units import Unit
from fusion_eval.stats.bootstrap import Interval
from fusion_eval.stats.paired import Paired

_FEW = 5
"""Items of one part of a mean below which its spread is a guess."""


def caveats(unit: Unit, paired: Paired, interval: Interval | None, test: str, method: Method) -> str | None:
    """Sentences on what the numbers of a row cannot carry, or None."""
    said = []
    clusters = paired.n_clusters
    same = np.array_equal(paired.baseline, paired.candidate)
    if same:
        said.append("all items have the same value in both runs, so p is 1")
    if clusters == 1:
        said.append("one independent item says nothing on its spread: no interval")
    elif (1 if test == "mcnemar" else 2) / 2**clusters > method.alpha:
        said.append(f"{clusters} independent items cannot show a difference at this level, however large")
    elif interval and interval.low == interval.high and not same:
        said.append("all items differ alike, so the interval has no width, which is no certainty")
    if interval and interval.method != method.interval and not same:
        said.append("the interval is of percentiles, as BCa is not defined here")
    if unit.several and min(len(cell.clusters) for cell in unit.cells) < _FEW:
        said.append(f"some tasks have fewer than {_FEW} items, of whose spread little is known")
    if missing := sum(cell.missing for cell in unit.cells):
        said.append(f"{missing} items without a value in some run are left out")
    return "; ".join(said) or None
