"""Compare run folders in one call, for tests of the comparison."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from run_folders import samples, write_run

from fusion_eval.comparison.compare import compare
from fusion_eval.comparison.options import ComparisonOptions
from fusion_eval.runs.comparison import Comparison, Row
from fusion_eval.runs.reading import read_runs


def compared(*paths: Path, **options: Any) -> Comparison:
    """Compare the runs at these paths, with few resamples unless `options` say otherwise."""
    runs = read_runs(paths, options.get("allow_partial", False))
    return compare(runs, ComparisonOptions(**{"resamples": 500, **options}))


def write_quiz(
    folder: Path, values: list[Any], metric: str = "acc", task: str = "quiz", **options: Any
) -> Path:
    """Write a run of one task with these values."""
    return write_run(folder, {task: samples(values, metric)}, **options)


def write_each(folder: Path, values: dict[str, list[Any]]) -> list[Path]:
    """Write a run of one task for each name."""
    return [write_quiz(folder / name, run_values) for name, run_values in values.items()]


def only_row(comparison: Comparison) -> Row:
    """Return the row of a comparison that has one."""
    (row,) = comparison.rows
    return row
