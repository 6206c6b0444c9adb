"""The options of a comparison."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Test = Literal["auto", "permutation", "mcnemar"]
Correction = Literal["holm", "bh"]
FamilyRule = Literal["auto", "one"]
AUTO, NO_CLUSTERS = "auto", "none"
"""Values of `cluster` that are not the name of a field."""


@dataclass(frozen=True, slots=True)
class ComparisonOptions:
    """How runs are compared. The defaults are those of `fusion-eval compare`.

    `test="auto"` is McNemar's test for independent 0/1 items, else the permutation test. `cluster` is a field of the
    documents, `"none"`, or `"auto"` (see `clusters_of`). Empty `metrics` means every metric that can be compared.
    """

    alpha: float = 0.05
    test: Test = "auto"
    correction: Correction = "holm"
    resamples: int = 10_000
    seed: int = 0
    cluster: str = AUTO
    allow_partial: bool = False
    """Compare only what all runs have, instead of raising an error."""
    metrics: tuple[str, ...] = ()
    family: FamilyRule = "auto"
    """Which rows p-values are adjusted over (see `family_of_tests`)."""
    allow_setup: tuple[str, ...] = ()
    """What may differ between the runs' set-ups of a task: `num_fewshot`."""
