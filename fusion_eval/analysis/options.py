"""The options of an analysis."""

from __future__ import annotations

from dataclasses import dataclass

from fusion_eval.argument_values import check_number


@dataclass(frozen=True, slots=True)
class AnalysisOptions:
    """How pools are analyzed. The defaults are those of `fusion-eval analyze`.

    Attributes:
        alpha: Intervals cover with probability 1 - alpha.
        resamples: Random swaps of each permutation test.
        seed: The seed of the swaps.

    Raises:
        ConfigError: A value is out of range.
    """

    alpha: float = 0.05
    resamples: int = 2_000
    seed: int = 0

    def __post_init__(self) -> None:
        """Check the numbers."""
        check_number("alpha", self.alpha, 0.0001, 0.5)
        check_number("resamples", self.resamples, 100, 1_000_000)
        check_number("seed", self.seed, 0)
