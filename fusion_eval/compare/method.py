"""How rows are tested."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Test = Literal["auto", "permutation", "mcnemar", "wilcoxon"]
IntervalMethod = Literal["bca", "percentile"]


@dataclass(frozen=True, slots=True)
class Method:
    """How rows are tested. `auto` is McNemar's test for independent 0/1 items, else the permutation test."""

    alpha: float = 0.05
    test: Test = "auto"
    interval: IntervalMethod = "bca"
    resamples: int = 10_000
    seed: int = 0
