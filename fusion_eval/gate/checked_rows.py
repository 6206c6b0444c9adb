"""What a check found: a row for each tested metric, and the metrics that it could not test."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

CheckVerdict = Literal["pass", "regression", "inconclusive"]


@dataclass(frozen=True, slots=True)
class CheckedRow:
    """One metric of one task; over several tasks if `language` is `all`. Values are in the metric's own units."""

    task: str
    language: str | None
    metric: str
    filter: str
    n: int
    clusters: int
    baseline_value: float
    candidate_value: float
    delta: float
    """Candidate - baseline."""
    largest_loss: float | None
    """The one-sided upper bound of the loss at confidence 1 - alpha: the smallest margin with which the row passes.

    None if the items allow any loss.
    """
    margin: float
    test: str
    """`score` is Tango's test of 0/1 items, `t` the t test. `none`: no item differs, or there is only one cluster."""
    p_not_worse: float
    """The p-value of H0: the candidate is worse by the margin or more. A small value shows that there is no regression."""
    p_worse: float
    """The p-value of H0: the candidate is worse by at most the margin. A small value shows a regression."""
    p_worse_adjusted: float
    """`p_worse`, adjusted over all rows by Holm's method."""
    verdict: CheckVerdict
    higher_is_better: bool
    unchanged: bool = False
    """Whether no item differs at all."""
    detects: float | None = None
    """The true loss that a sample of this size shows as a regression with a power of 80%, after the adjustment."""
    items_needed: int | None = None
    """Only for an inconclusive row: the items that decide it with a power of 80% if the true difference is `delta`."""
    note: str | None = None


@dataclass(frozen=True, slots=True)
class CheckedRun:
    """A run that was checked. `signature` says how a run of this package was made."""

    name: str
    date: str
    model: str | None = None
    signature: str | None = None


@dataclass(frozen=True, slots=True)
class UncheckedMetric:
    """A metric that no test could check. Its values are those of the results files; None if a file has none."""

    task: str
    metric: str
    filter: str
    higher_is_better: bool
    baseline_value: float | None
    candidate_value: float | None
    margin: float | None
    """The largest loss to tolerate, in the metric's own units. None if the baseline has no value."""
    worse: bool
    """Whether the results files show a loss of the margin or more, or the candidate has lost the metric altogether."""
