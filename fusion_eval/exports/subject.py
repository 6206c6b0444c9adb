"""What is exported, one run or the runs of a folder, and the files that an export writes."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from fusion_eval.runs.comparison import FILE_NAME, Comparison, read_comparison
from fusion_eval.runs.files import run_folders
from fusion_eval.runs.reading import Run, read_runs, with_unique_names
from fusion_eval.runs.reported_tasks import read_results_alone, with_reported_tasks
from fusion_eval.runs.writing import write_file
from fusion_eval.text.file_names import safe_file_name


@dataclass(frozen=True, slots=True)
class Subject:
    """The runs to export, with the comparison that lies beside them. The comparison's baseline comes first."""

    path: Path
    runs: tuple[Run, ...]
    comparison: Comparison | None = None


@dataclass(frozen=True, slots=True)
class ExportedFiles:
    """The files that an export wrote. `notes` tell what you should know before you publish them."""

    paths: tuple[Path, ...]
    notes: tuple[str, ...] = ()


def read_subject(path: Path, allow_partial: bool = False) -> Subject:
    """Read the run at `path`, or all runs in the folders directly below it.

    Tasks and runs of which only the results file is there are read as well.

    Args:
        path: A run, or a folder of runs.
        allow_partial: Read runs whose sample files lack items or have broken lines.

    Raises:
        ConfigError: There is no run, or one that is not complete.
    """
    if alone := read_results_alone(path):
        return Subject(path, tuple(alone))
    beside = path / FILE_NAME
    comparison = read_comparison(beside) if beside.is_file() else None
    runs = [with_reported_tasks(run) for run in read_runs(run_folders(path), allow_partial)]
    if path.is_file() and runs[0].signature:
        # A file of this package lies in a folder named after the model, but a strategy answered.
        runs = with_unique_names(runs, [runs[0].signature.partition("|")[0]])
    if comparison:
        order = [run.name for run in comparison.runs]
        runs.sort(key=lambda run: order.index(run.name) if run.name in order else len(order))
    return Subject(path, tuple(runs), comparison)


def write_text(folder: Path, name: str, content: str) -> Path:
    """Write the file `name` in `folder`, which is created if needed. Return its path.

    Raises:
        ConfigError: The file cannot be written.
    """
    path = folder / name
    write_file(path, content.encode())
    return path


def folder_names(runs: Sequence[Run], taken: Collection[str] = ()) -> list[str]:
    """Return a name for the folder of each run.

    The names differ from each other and from `taken` even on systems that ignore case.
    """
    used = {name.casefold() for name in taken}
    names = []
    for run in runs:
        name = safe_file_name(run.name)
        while name.casefold() in used:
            name += "_"
        used.add(name.casefold())
        names.append(name)
    return names
