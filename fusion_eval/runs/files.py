"""Find the files of a run, in the folder layout of any harness 0.4.x."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from fusion_eval.errors import ConfigError, nearest
from fusion_eval.runs.results_file import Results, load_results, section
from fusion_eval.runs.sample_files import FILES, OTHER_FILES, SampleFile, is_results, is_samples, sample_file
from fusion_eval.runs.traces import FILE_NAME
from fusion_eval.runs.writing import UNFINISHED

_TRACES = Path(FILE_NAME).stem
_ENDING = re.compile(r"\.jsonl?(\.gz)?$")


@dataclass(frozen=True, slots=True)
class RunFiles:
    """The files of one run: the newest samples of each task, and the traces of each rank.

    `path` is what the user named. `older` counts sample files that newer ones replace.
    """

    path: Path
    samples: tuple[SampleFile, ...]
    traces: tuple[Path, ...] = ()
    older: int = field(default=0, compare=False)
    results_alone: Path | None = None
    """A results file without samples, in place of all others."""

    def results(self, task: str) -> Results:
        """Read the results file that was written with the samples of a task; empty if there is none.

        A task without samples is in the newest results file.
        """
        paths = [file.results for file in self.samples if file.task == task and file.results]
        if all(file.task != task for file in self.samples) and task in section(
            newest := self.newest_results(), "results"
        ):
            return newest
        return load_results(paths[0]) if paths else {}

    def newest_results(self) -> Results:
        """Read the results file that was written last; empty if there is none."""
        if self.results_alone:
            return load_results(self.results_alone)
        with_results = [file for file in self.samples if file.results]
        newest = max(with_results, key=lambda file: file.date, default=None)
        return load_results(newest.results) if newest and newest.results else {}


def find_run_files(path: Path) -> RunFiles:
    """Find the files of one run.

    Args:
        path: A folder, a sample file, or a results file.

    Raises:
        ConfigError: There is no run, more than one, or one without samples.
    """
    _check_readable(path)
    if path.is_file() and not is_results(path):
        samples = sample_file(path)
        return RunFiles(path, (samples,), _trace_files(path.parent, path.parent.parent))
    return _files_in_folder(path)


def results_files(path: Path) -> list[Path]:
    """Return the results files without samples: `path`, or those directly in the folder `path`; empty if it has samples."""
    _check_readable(path)
    root = path.parent if path.is_file() else path
    if any(map(is_samples, _json_files(root))):
        return []
    return [file for file in ([path] if path.is_file() else sorted(root.glob(FILES))) if is_results(file)]


def run_folders(path: Path) -> list[Path]:
    """Return `path` if it is one run; else the runs in its folders, as `fusion-eval run` writes one per strategy.

    Raises:
        ConfigError: There is no run.
    """
    _check_readable(path)
    below = [
        child
        for child in _children(path)
        if child.is_dir() and child.name != UNFINISHED and any(map(is_samples, _json_files(child)))
    ]
    homes = {file.parent for file in _json_files(path) if is_samples(file)} if path.is_dir() else set()
    if len(homes) > 1 and len(below) > 1:
        return below
    find_run_files(path)
    return [path]


def _check_readable(path: Path) -> None:
    if not path.exists():
        siblings = [str(path.with_name(other.name)) for other in _children(path.parent)]
        raise ConfigError(f"There is no run {path}.{nearest(str(path), siblings)}")
    if not os.access(path, os.R_OK) or (path.is_dir() and not os.access(path, os.X_OK)):
        raise ConfigError(f"{path} cannot be read: permission denied")
    if not path.is_dir() and not path.is_file():
        raise ConfigError(f"{path} is neither a folder nor a file that can be read twice, such as a pipe")
    if path.is_file() and (not _ENDING.search(path.name) or path.name in OTHER_FILES):
        raise ConfigError(
            f"{path} is no run; name the folder that lm_eval wrote, or a file samples_*.jsonl or results_*.json in it"
        )


def _files_in_folder(path: Path) -> RunFiles:
    """Find the files in the folder `path`, or those that were written with the results file `path`."""
    root = path.parent if path.is_file() else path
    files = sorted(file for file in _json_files(root) if file.is_file())
    samples = [sample_file(file, root) for file in files if is_samples(file)]
    if path.is_file():
        samples = [sample for sample in samples if sample.results == path]
    if not samples:
        raise ConfigError(_nothing_found(path, any(is_results(file) for file in files)))
    homes = sorted({sample.path.parent for sample in samples})
    if len(homes) > 1 and not _is_one_run(samples):
        names = ", ".join(str(home.relative_to(root)) for home in homes[:5])
        raise ConfigError(
            f"{path} holds {len(homes)} runs ({names}{', …' * (len(homes) > 5)}); name one of them"
        )
    newest = {sample.task: sample for sample in sorted(samples, key=lambda sample: sample.date)}
    return RunFiles(
        path,
        tuple(newest.values()),
        _trace_files(homes[0], root.parent if path.is_file() else root),
        older=len(samples) - len(newest),
    )


def _json_files(folder: Path) -> Iterator[Path]:
    """Yield the JSON files of a folder, without those that a killed import did not finish."""
    return (file for file in folder.rglob(FILES) if UNFINISHED not in file.relative_to(folder).parts)


def _is_one_run(samples: Sequence[SampleFile]) -> bool:
    """Return whether files on several levels are of one run: they have one date, and each task once."""
    dates, tasks = {sample.date for sample in samples}, {sample.task for sample in samples}
    return len(dates) == 1 and "" not in dates and len(tasks) == len(samples)


def _nothing_found(path: Path, has_results: bool) -> str:
    if has_results:
        return f"{path} has results but no samples to pair; run lm_eval again with --log_samples"
    return f"{path} is not a run: it has no samples_*.jsonl, which lm_eval --log_samples --output_path DIR writes"


def _trace_files(home: Path, root: Path) -> tuple[Path, ...]:
    """Find traces beside the samples, or in the nearest folder above up to `root`. Each rank writes one file."""
    for folder in (home, *home.parents):
        traces = [path for path in sorted(folder.glob(f"{_TRACES}*.jsonl")) if path.is_file()]
        if traces or folder == root:
            return tuple(traces)
    return ()


def _children(folder: Path) -> Iterable[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else ()
