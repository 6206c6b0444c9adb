"""Read the runs that arguments of the Python API name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fusion_eval.runs.reading import Run


def load_runs(runs: Sequence[Run | str | Path], allow_partial: bool) -> list[Run]:
    """Read those of `runs` that are paths; keep the order, and give all of them names that differ."""
    from fusion_eval.imports.log_runs import with_logs_as_runs
    from fusion_eval.runs.reading import Run, read_runs, with_unique_names

    paths = [run for run in runs if not isinstance(run, Run)]
    read = iter(read_runs(with_logs_as_runs([Path(path) for path in paths]), allow_partial))
    loaded = [run if isinstance(run, Run) else next(read) for run in runs]
    return with_unique_names(loaded, [run.name for run in loaded])
