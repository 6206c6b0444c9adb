"""The result of a check. Every view is drawn from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Literal

from fusion_eval.gate.checked_rows import CheckedRow, CheckedRun, CheckVerdict, UncheckedMetric
from fusion_eval.gate.table import describe_unchecked, legend, rows_table
from fusion_eval.text.printable import terminal_line

if TYPE_CHECKING:
    import pandas as pd

SCHEMA_VERSION = 1
CheckOutcome = Literal["no regression", "regression", "inconclusive"]
Inconclusive = Literal["tell", "pass", "fail"]
"""What an inconclusive check counts as: `tell` is neither a pass nor a failure, and has an exit code of its own."""
Unchecked = Literal["tell", "warn", "fail"]
"""What a metric counts as that got worse and cannot be tested: `tell` is inconclusive, `warn` only says it."""
EXIT_CODES: Mapping[CheckVerdict, int] = {"pass": 0, "regression": 1, "inconclusive": 3}
_MOST_NAMED = 3
"""How many metrics that were not checked the last line names."""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The rows of a check and the options that they were computed with. The verdict is that of the worst row or unchecked metric.

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
    on_unchecked: Unchecked = "tell"
    unchecked: tuple[UncheckedMetric, ...] = ()
    """The metrics that the baseline has and that no test could check."""

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

    @property
    def headline(self) -> str:
        """The result in one line: `fusion against main.json.gz: no regression: …`."""
        return f"{self.candidate.name} against {self.baseline.name}: {_summary(self)}"

    @property
    def all_notes(self) -> list[str]:
        """The notes on the whole check, then those on its rows."""
        on_rows = [f"{row.task}, {row.metric}: {row.note}" for row in self.rows if row.note]
        return [*dict.fromkeys((*self.notes, *on_rows))]

    def __str__(self) -> str:
        notes = [terminal_line(f"note: {note}") for note in self.all_notes]
        table = [rows_table(self.rows), legend(len(self.rows), self.alpha)] if self.rows else []
        return "\n".join([*table, *notes, terminal_line(self.headline)])


def _summary(result: CheckResult) -> str:
    """Return one sentence: `no regression: none of 12 rows is worse by more than its margin`."""
    return "; ".join(filter(None, [_rows_summary(result), _unchecked_summary(result)]))


def _rows_summary(result: CheckResult) -> str:
    rows, regressions, undecided = (
        len(result.rows),
        result.count("regression"),
        result.count("inconclusive"),
    )
    if regressions:
        return f"REGRESSION: {regressions} of {rows} rows are worse by more than their margin"
    if undecided:
        needed = [row.items_needed for row in result.rows if row.verdict == "inconclusive"]
        known = [items for items in needed if items is not None]
        needs = f"; the largest needs about {max(known):,} items" if known else ""
        return f"too few items to tell in {undecided} of {rows} rows{needs}"
    if not rows:
        return "no metric has items to test"
    prefix = {"pass": "no regression: ", "regression": "REGRESSION: ", "inconclusive": "inconclusive: "}
    return f"{prefix[result.verdict]}none of {rows} rows is worse by more than its margin"


def _unchecked_summary(result: CheckResult) -> str:
    """Return how many metrics were not checked, and which of them got worse; empty if all were checked."""
    if not result.unchecked:
        return ""
    count = len(result.unchecked)
    sentence = f"{count} metric{'s were' if count > 1 else ' was'} not checked"
    worse = [describe_unchecked(one) for one in result.unchecked if one.worse]
    if not worse:
        return sentence
    more = f" and {len(worse) - _MOST_NAMED} more" if len(worse) > _MOST_NAMED else ""
    return f"{sentence}, of which {len(worse)} got worse: {', '.join(worse[:_MOST_NAMED])}{more}"
