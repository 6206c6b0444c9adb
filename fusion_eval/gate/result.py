"""The result of a check. Every view is drawn from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import pandas as pd

SCHEMA_VERSION = 1
CheckVerdict = Literal["pass", "regression", "inconclusive"]
CheckOutcome = Literal["no regression", "regression", "inconclusive"]
Inconclusive = Literal["tell", "pass", "fail"]
"""What an inconclusive check counts as: `tell` is neither a pass nor a failure, and has an exit code of its own."""
EXIT_CODES: Mapping[CheckVerdict, int] = {"pass": 0, "regression": 1, "inconclusive": 3}


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
class CheckResult:
    """The rows of a check and the options that they were computed with. The verdict is that of the worst row.

    `str()` of a result is the table that `fusion-eval check` prints.
    """

    schema_version: int
    verdict: CheckVerdict
    exit_code: int
    alpha: float
    inconclusive: Inconclusive
    baseline: CheckedRun
    candidate: CheckedRun
    rows: tuple[CheckedRow, ...]
    notes: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether the check passed. An inconclusive check passes only with `inconclusive="pass"`."""
        return self.exit_code == 0

    @property
    def outcome(self) -> CheckOutcome:
        """The verdict in words."""
        return "no regression" if self.verdict == "pass" else self.verdict

    def count(self, verdict: CheckVerdict) -> int:
        """Return how many rows have this verdict."""
        return sum(row.verdict == verdict for row in self.rows)

    def to_frame(self) -> pd.DataFrame:
        """Return the rows as a DataFrame, with a column for each field of a row."""
        import pandas as pd

        columns = [column.name for column in fields(CheckedRow)]
        return pd.DataFrame([asdict(row) for row in self.rows], columns=columns)

    def __str__(self) -> str:
        from fusion_eval.gate.views import as_text

        return as_text(self)


def summary(result: CheckResult) -> str:
    """Return one sentence: `no regression: none of 12 rows is worse by more than its margin`."""
    rows = len(result.rows)
    match result.verdict:
        case "pass":
            return f"no regression: none of {rows} rows is worse by more than its margin"
        case "regression":
            return (
                f"REGRESSION: {result.count('regression')} of {rows} rows are worse by more than their margin"
            )
    needed = [row.items_needed for row in result.rows if row.verdict == "inconclusive"]
    known = [items for items in needed if items is not None]
    needs = f"; the largest needs about {max(known):,} items" if known else ""
    return f"too few items to tell in {result.count('inconclusive')} of {rows} rows{needs}"
