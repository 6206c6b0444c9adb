"""The options of a comparison."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from fusion_eval.argument_values import check_choice, check_number

Test = Literal["auto", "permutation", "mcnemar"]
Correction = Literal["holm", "bh"]
FamilyRule = Literal["auto", "one"]
Setup = Literal["num_fewshot"]
ALPHA_RANGE = (0.0001, 0.5)
RESAMPLES_RANGE = (100, 1_000_000)
"""Enough for an interval, and few enough for memory."""
AUTO, NO_CLUSTERS = "auto", "none"
"""Values of `cluster` that are not the name of a field."""


@dataclass(frozen=True, slots=True)
class ComparisonOptions:
    """How runs are compared. The defaults are those of `fusion-eval compare`.

    `test="auto"` is McNemar's test for independent 0/1 items, else the permutation test. `cluster` is a field of the
    documents, `"none"`, or `"auto"` (see `clusters_of`). Empty `metrics` means every metric that can be compared.

    Raises:
        ConfigError: A value is none of the choices, or out of range.
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

    def __post_init__(self) -> None:
        """Check the choices and the numbers. The names of fields and metrics are checked against the runs."""
        check_choice("test", self.test, get_args(Test))
        check_choice("correction", self.correction, get_args(Correction))
        check_choice("family", self.family, get_args(FamilyRule))
        for name in self.allow_setup:
            check_choice("allow_setup", name, get_args(Setup))
        check_number("alpha", self.alpha, *ALPHA_RANGE)
        check_number("resamples", self.resamples, *RESAMPLES_RANGE)
        check_number("seed", self.seed, 0)
