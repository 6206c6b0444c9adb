"""Read and write `comparison.json`. Every view of a comparison is drawn from this file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING

from fusion_eval.runs.judging_summary import JudgingSummary
from fusion_eval.runs.reading import Run
from fusion_eval.runs.versioned_file import read_versioned, to_json
from fusion_eval.runs.writing import write_file
from fusion_eval.types import without_surrogates

if TYPE_CHECKING:
    import pandas as pd

FILE_NAME = "comparison.json"
SCHEMA_VERSION = 1
JUDGE_FAMILY = "judge"
"""The family of tests of a judge's rows over all languages."""


@dataclass(frozen=True, slots=True)
class ComparedRun:
    """A run that was compared. `signature` says how a run of this package was made."""

    name: str
    path: str
    model: str | None = None
    date: str | None = None
    signature: str | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One candidate against the baseline, by one metric of one task; over several tasks if `language` is `all`.

    Values and `delta` (candidate - baseline) are in units of the metric. Wins are the candidate's, in the direction in
    which the metric is better. None means that the sample is too small to tell.
    """

    task: str
    language: str | None
    metric: str
    filter: str
    n: int
    clusters: int
    baseline: str
    candidate: str
    baseline_value: float
    candidate_value: float
    delta: float
    ci_low: float | None
    ci_high: float | None
    ci_method: str | None
    """`bca`, or `percentile` if BCa is not defined for the data."""
    test: str
    p_value: float
    p_adjusted: float
    significant: bool
    wins: int
    ties: int
    losses: int
    win_rate: float
    win_rate_low: float
    win_rate_high: float
    win_p_value: float
    """The p-value of the sign test of wins against losses."""
    higher_is_better: bool
    standard_error: float | None = None
    minimal_detectable_effect: float | None = None
    """The true delta that a sample of this size finds with a power of 80%."""
    items_needed: int | None = None
    """The number of items with which the observed delta is found with a power of 80%."""
    signature: str | None = None
    """sacrebleu's signature of a corpus metric."""
    note: str | None = None
    invalid: float | None = None
    """Only in a judge's rows: the share of pairs without a verdict."""
    position_consistency: float | None = None
    """Only in a judge's rows: the share of pairs in which both orders have the same winner."""
    family: str | None = None
    """The family of tests that the p-value is adjusted within. None if all rows are one family."""


@dataclass(frozen=True, slots=True)
class RankedRun:
    """A run's rank among several runs. Runs that share a letter in `groups` cannot be told apart."""

    task: str
    language: str | None
    metric: str
    filter: str
    run: str
    value: float
    rank: int
    groups: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """The content of `comparison.json`: rows, ranks, and the options that they were computed with.

    `created` is the date of the newest run, so that the same runs give the same bytes.
    """

    schema_version: int
    alpha: float
    correction: str
    interval: str
    resamples: int
    seed: int
    cluster: str
    baseline: str
    created: str
    runs: tuple[ComparedRun, ...]
    rows: tuple[Row, ...]
    ranks: tuple[RankedRun, ...] = ()
    notes: tuple[str, ...] = ()
    judging: JudgingSummary | None = None
    by_judge: Mapping[str, tuple[Row, ...]] = field(default_factory=dict)
    """The rows of each judge alone, if several judged."""
    test: str = "auto"
    """The test that was asked for. Each row names the test that was used."""
    family: str = "one"
    """`auto` if p-values are adjusted within the families that the rows name; `one` if over all rows."""

    def to_frame(self) -> pd.DataFrame:
        """Return the rows as a DataFrame, with a column for each field of a row in `comparison.json`."""
        import pandas as pd

        return pd.DataFrame(
            [asdict(row) for row in self.rows], columns=[column.name for column in fields(Row)]
        )


def adjustment(comparison: Comparison) -> str:
    """Say which rows the p-values are adjusted over: `over all 48 rows (holm)`."""
    if any(row.family for row in comparison.rows):
        return f"within each family of rows ({comparison.correction})"
    judged = sum(row.invalid is not None for row in comparison.rows)
    others = len(comparison.rows) - judged
    if judged and others:
        return f"over all {others:,} rows of metrics and all {judged:,} of the judge separately ({comparison.correction})"
    return f"over all {len(comparison.rows):,} rows ({comparison.correction})"


def compared_run(run: Run) -> ComparedRun:
    """Describe a run for `comparison.json`."""
    return ComparedRun(
        run.name, without_surrogates(str(run.path)), run.model, run.date or None, run.signature
    )


def write_comparison(comparison: Comparison, folder: Path) -> Path:
    """Write `comparison.json` to a folder, which is created if needed. Return its path.

    Raises:
        ConfigError: The file cannot be written.
    """
    path = folder / FILE_NAME
    write_file(path, to_json(comparison))
    return path


def read_comparison(path: Path) -> Comparison:
    """Read a file that `write_comparison` wrote.

    Raises:
        ConfigError: The file cannot be read, is no comparison, or has another schema version.
    """
    return read_versioned(path, Comparison, version=SCHEMA_VERSION, what="a comparison", command="compare")
