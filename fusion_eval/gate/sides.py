"""Read the two sides of a check, and update a baseline file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from fusion_eval.comparison.options import AUTO
from fusion_eval.errors import ConfigError, nearest
from fusion_eval.gate.baseline import Baseline
from fusion_eval.gate.baseline_file import NAMES_OF_RUN_FILES, is_baseline_file, read_baseline, write_baseline
from fusion_eval.gate.run_baseline import baseline_of
from fusion_eval.runs.files import results_files
from fusion_eval.runs.reading import Run, read_runs
from fusion_eval.types import without_surrogates


def read_side(path: Path, cluster: str = AUTO, allow_partial: bool = False) -> Baseline:
    """Read a baseline file or a run. Its name is the path.

    Args:
        path: A baseline file, or a folder or sample file of a run.
        cluster: How to cluster the items of a run (see `clusters_of`). A baseline file holds its own clusters.
        allow_partial: Leave out lines of a run that cannot be read, instead of raising an error.

    Raises:
        ConfigError: The path is neither, or cannot be read.
    """
    if path.suffix == ".gz" and not path.exists():
        siblings = [str(path.with_name(other.name)) for other in sorted(path.parent.glob("*.gz"))]
        raise ConfigError(
            f"There is no baseline {path}.{nearest(str(path), siblings)} fusion-eval baseline RUN -o {path} makes it"
        )
    if is_baseline_file(path):
        side = read_baseline(path)
    else:
        side = baseline_of(_read_run(path, allow_partial), cluster)
    return replace(side, name=without_surrogates(str(path)))


def _read_run(path: Path, allow_partial: bool) -> Run:
    """Read a run. The error for a file that looks like none says that a baseline file would do, too."""
    try:
        return read_runs([path], allow_partial)[0]
    except ConfigError as error:
        if path.is_dir() or (path.exists() and _is_of_a_run(path)):
            raise
        if not path.exists():
            message = str(error).replace("There is no run", "There is no baseline file or run", 1)
            raise ConfigError(message) from error
        raise ConfigError(
            f"{path} is neither a baseline file, which fusion-eval baseline writes, nor a run: name the folder that lm_eval "
            "wrote, or a file samples_*.jsonl or results_*.json in it"
        ) from error


def _is_of_a_run(path: Path) -> bool:
    """Return whether a file has the name or the content of a run's file."""
    return path.name.startswith(NAMES_OF_RUN_FILES) or (path.suffix == ".json" and bool(results_files(path)))


def update_baseline(path: Path, candidate: Baseline) -> Path:
    """Write the candidate into the baseline file, which need not exist. Return its path.

    Raises:
        ConfigError: `path` is something else, such as a run, or cannot be written.
    """
    if path.exists() and not is_baseline_file(path):
        raise ConfigError(
            f"--update_baseline rewrites a baseline file, and {path} is none; make one with fusion-eval baseline RUN -o FILE"
        )
    return write_baseline(replace(candidate, name=Path(candidate.name).name), path)
