"""What a check came to, from which every view is drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

SCHEMA_VERSION = 1
Verdict = Literal["pass", "regression", "inconclusive"]
Inconclusive = Literal["tell", "pass", "fail"]
EXIT_CODES: dict[Verdict, int] = {"pass": 0, "regression": 1, "inconclusive": 3}


@dataclass(frozen=True, slots=True)
class CheckedRow:
    """One metric of one task (or, where `language` is `all`, over tasks). Values are in the metric's own units."""

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
    """That the sample allows, one-sided at 1 - alpha: a margin that the row would just pass with. None: any."""
    margin: float
    test: str
    """`score` (Tango's, of 0/1 items), `t`, or `none` where no item differs or there is but one cluster."""
    p_not_worse: float
    """Of H0: the candidate is worse by the margin or more. Small: no regression."""
    p_worse: float
    """Of H0: the candidate is worse by the margin at most. Small: a regression."""
    p_worse_adjusted: float
    """Holm's, over all rows."""
    verdict: Verdict
    higher_is_better: bool
    unchanged: bool = False
    """No item differs at all."""
    detects: float | None = None
    """The true loss that a sample this size shows as a regression with a power of 80%, the correction included."""
    items_needed: int | None = None
    """Of an inconclusive row: the items that would decide with that power, if the difference stays as it is."""
    note: str | None = None


@dataclass(frozen=True, slots=True)
class CheckedRun:
    """Which run was checked; `signature` says how one of ours was made."""

    name: str
    date: str
    model: str | None = None
    signature: str | None = None


@dataclass(frozen=True, slots=True)
class Checked:
    """Rows with what they were made by. The verdict is that of the worst row."""

    schema_version: int
    verdict: Verdict
    exit_code: int
    alpha: float
    inconclusive: Inconclusive
    baseline: CheckedRun
    candidate: CheckedRun
    rows: tuple[CheckedRow, ...]
    notes: tuple[str, ...] = ()

    def count(self, verdict: Verdict) -> int:
        """Rows with this verdict."""
        return sum(row.verdict == verdict for row in self.rows)


def summary(checked: Checked) -> str:
    """`no regression: none of 12 rows is worse by more than its margin`, or what else it came to."""
    rows = len(checked.rows)
    match checked.verdict:
        case "pass":
            return f"no regression: none of {rows} rows is worse by more than its margin"
        case "regression":
            return f"REGRESSION: {checked.count('regression')} of {rows} rows are worse by more than their margin"
    needed = [row.items_needed for row in checked.rows if row.verdict == "inconclusive"]
    known = [items for items in needed if items is not None]
    told = f"; the largest needs about {max(known):,} items" if known else ""
    return f"too few items to tell in {checked.count('inconclusive')} of {rows} rows{told}"
