"""Read and write `analysis.json`. Every view of an analysis is drawn from this file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from fusion_eval.errors import ConfigError, nearest
from fusion_eval.runs.comparison import ComparedRun
from fusion_eval.runs.versioned_file import read_versioned, to_json
from fusion_eval.runs.writing import write_file

if TYPE_CHECKING:
    import pandas as pd

FILE_NAME = "analysis.json"
SCHEMA_VERSION = 1

Estimator = Literal["mean", "pass", "majority", "best_of", "oracle", "fusion"]


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """The value that an estimator expects of k candidates. None as an end means that the sample cannot tell."""

    task: str
    language: str | None
    metric: str
    filter: str
    estimator: Estimator
    scorer: str | None
    """Of `best_of`, which stored score chooses; of `fusion`, which fusor writes. None for the others."""
    k: int
    value: float
    ci_low: float | None
    ci_high: float | None
    items: int
    clusters: int


@dataclass(frozen=True, slots=True)
class CurveDifference:
    """One estimator minus another at the same k, paired by items."""

    task: str
    language: str | None
    metric: str
    filter: str
    estimator: Estimator
    scorer: str | None
    against: Estimator
    against_scorer: str | None
    k: int
    delta: float
    ci_low: float | None
    ci_high: float | None
    items: int
    clusters: int
    p_value: float | None = None
    """Of Student's test over clusters; None where the two cannot differ, or the sample cannot tell."""
    p_adjusted: float | None = None
    """Adjusted by Holm for all tests of the table that belong together."""


@dataclass(frozen=True, slots=True)
class RescueRow:
    """How often a strategy is right where `right_candidates` of the candidates are."""

    task: str
    language: str | None
    metric: str
    filter: str
    strategy: str
    right_candidates: int
    items: int
    right: int
    ci_low: float
    ci_high: float


@dataclass(frozen=True, slots=True)
class OutcomeRow:
    """What a strategy made of its pools, in items.

    For 0/1 metrics, `rescued` items are right where no candidate is, and `harmed` items are wrong where most candidates
    are right. For others, they are better than the best candidate and worse than the worst.
    """

    task: str
    language: str | None
    metric: str
    filter: str
    strategy: str
    items: int
    rescued: int
    harmed: int
    net: int
    new_texts: int
    """Items whose answer is no candidate's text. Only these can be rescued."""
    fallbacks: int
    range_share: float | None
    """Mean place of the answer between the worst candidate (0) and the best (1), where candidates differ."""
    range_low: float | None
    range_high: float | None
    scale: Literal["0/1", "graded"] = "graded"
    """Whether the metric's values mean right (1) or wrong (0). It is the same for all languages of a task."""


@dataclass(frozen=True, slots=True)
class CeilingRow:
    """The share `beta` of items that all candidates fail. No selection exceeds 1 - beta."""

    task: str
    language: str | None
    metric: str
    filter: str
    items: int
    all_wrong: int
    beta: float
    ci_low: float
    ci_high: float


@dataclass(frozen=True, slots=True)
class RecoveredRow:
    """A strategy between the mean of the pool and its oracle. `share` is None where the oracle gains nothing."""

    task: str
    language: str | None
    metric: str
    filter: str
    strategy: str
    value: float
    mean: float
    oracle: float
    share: float | None
    ci_low: float | None
    ci_high: float | None
    regret: float
    """How far the strategy stays behind the oracle, in units of the metric."""
    regret_low: float | None
    regret_high: float | None
    items: int
    clusters: int
    unbounded: bool = False
    """Whether the sample cannot exclude that the oracle gains nothing. The interval of `share` then has no ends."""


@dataclass(frozen=True, slots=True)
class TeacherRow:
    """What one model of a pool adds: the oracle of all candidates, and that of the other models' candidates."""

    task: str
    language: str | None
    metric: str
    filter: str
    teacher: str
    mean: float
    """The mean of the teacher's own candidates."""
    oracle: float
    oracle_without: float
    added: float
    ci_low: float | None
    ci_high: float | None
    added_at_equal_size: float | None
    """The oracle of as many candidates of all models as the others have, minus the oracle of the others."""
    equal_size_low: float | None
    equal_size_high: float | None
    best_alone: int
    """Items whose best value only this teacher reaches."""
    items: int
    clusters: int
    p_value: float | None = None
    """Of Student's test that `added_at_equal_size` is 0."""
    p_adjusted: float | None = None
    """Adjusted by Holm for all tests of the table that belong together."""


@dataclass(frozen=True, slots=True)
class Analysis:
    """The content of `analysis.json`. Tables of other questions are lists of JSON objects; empty if not asked for."""

    schema_version: int
    runs: tuple[ComparedRun, ...]
    curves: tuple[CurvePoint, ...] = ()
    rescue: tuple[RescueRow, ...] = ()
    ceiling: tuple[CeilingRow, ...] = ()
    budget: tuple[Mapping[str, Any], ...] = ()
    contribution: tuple[Mapping[str, Any], ...] = ()
    robustness: tuple[Mapping[str, Any], ...] = ()
    fusors: tuple[Mapping[str, Any], ...] = ()
    differences: tuple[CurveDifference, ...] = ()
    outcomes: tuple[OutcomeRow, ...] = ()
    recovered: tuple[RecoveredRow, ...] = ()
    teachers: tuple[TeacherRow, ...] = ()
    alpha: float = 0.05
    created: str = ""
    """The date of the newest run, so that the same runs give the same bytes."""
    notes: tuple[str, ...] = ()

    def to_frame(self, table: str = "curves") -> pd.DataFrame:
        """Return one table as a DataFrame, with a column for each field of its rows in `analysis.json`."""
        import pandas as pd

        if table not in TABLES:
            raise ConfigError(
                f"An analysis has no table '{table}'.{nearest(table, TABLES)} It has {', '.join(TABLES)}"
            )
        kind = _ROWS.get(table)
        rows = [dict(row) if kind is None else asdict(row) for row in getattr(self, table)]
        return pd.DataFrame(rows, columns=None if kind is None else [column.name for column in fields(kind)])


_ROWS: Mapping[str, type] = {
    "curves": CurvePoint,
    "differences": CurveDifference,
    "rescue": RescueRow,
    "outcomes": OutcomeRow,
    "ceiling": CeilingRow,
    "recovered": RecoveredRow,
    "teachers": TeacherRow,
}
TABLES = (*_ROWS, "budget", "contribution", "robustness", "fusors")
"""The names of an analysis's tables."""


def write_analysis(analysis: Analysis, folder: Path) -> Path:
    """Write `analysis.json` to a folder, which is created if needed. Return its path.

    Raises:
        ConfigError: The file cannot be written.
    """
    path = folder / FILE_NAME
    write_file(path, to_json(analysis))
    return path


def read_analysis(path: Path) -> Analysis:
    """Read a file that `write_analysis` wrote.

    Raises:
        ConfigError: The file cannot be read, is no analysis, or has another schema version.
    """
    return read_versioned(path, Analysis, version=SCHEMA_VERSION, what="an analysis", command="analyze")
