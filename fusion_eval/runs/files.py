"""Where a run keeps its files, in the layout of any harness 0.4.x."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from fusion_eval.errors import ConfigError, nearest
from fusion_eval.runs.traces import FILE_NAME
from fusion_eval.types import whole

_TRACES = Path(FILE_NAME).stem
_DATE = r"\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d(?:\.\d+)?"
_SAMPLES = re.compile(rf"samples_(.+)_({_DATE})\.jsonl?")
_RESULTS = re.compile(rf".+_({_DATE})\.json|results\.json")


_NO_RUNS = ("comparison.json", "bundle.json", "verdicts.jsonl")
"""What else this package leaves beside runs."""
Results = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class SampleFile:
    """Samples of one task, and the results file that was written with them; both as the harness dates them."""

    task: str
    path: Path
    date: str
    results: Path | None


@dataclass(frozen=True, slots=True)
class RunFiles:
    """The newest samples of each task; `older` counts sample files that newer ones replace."""

    path: Path
    samples: tuple[SampleFile, ...]
    traces: tuple[Path, ...] = ()
    older: int = field(default=0, compare=False)


def find(path: Path) -> RunFiles:
    """The files of one run: of a folder, of one sample file, or beside one results file.

    Raises `ConfigError` where there is no run, more than one, or one without samples.
    """
    _check_readable(path)
    if path.is_file() and not _is_results(path):
        results, date = _results_beside(path)
        traces = _traces(path.parent, path.parent.parent)
        return RunFiles(path, (SampleFile(_task_of(path, results), path, date, results),), traces)
    return _in_folder(path)


def run_folders(path: Path) -> list[Path]:
    """`path` itself where it is a run; else the runs right below it, as `fusion-eval run` leaves one per strategy.

    Raises `ConfigError` as `find` does, where there is neither.
    """
    _check_readable(path)
    below = [
        child for child in _children(path) if child.is_dir() and any(map(_is_samples, child.rglob("*.json*")))
    ]
    homes = {file.parent for file in path.rglob("*.json*") if _is_samples(file)} if path.is_dir() else set()
    if len(homes) > 1 and len(below) > 1:
        return below
    find(path)
    return [path]


def _check_readable(path: Path) -> None:
    if not path.exists():
        siblings = [str(path.with_name(other.name)) for other in _children(path.parent)]
        raise ConfigError(f"There is no run {path}.{nearest(str(path), siblings)}")
    if not os.access(path, os.R_OK) or (path.is_dir() and not os.access(path, os.X_OK)):
        raise ConfigError(f"{path} cannot be read: permission denied")
    if path.is_file() and (path.suffix not in (".json", ".jsonl") or path.name in _NO_RUNS):
        raise ConfigError(
            f"{path} is no run; name the folder that lm_eval wrote, or a file samples_*.jsonl or results_*.json in it"
        )


def _in_folder(path: Path) -> RunFiles:
    """Of a folder, or of the results file `path` and what was written with it."""
    root = path.parent if path.is_file() else path
    files = sorted(root.rglob("*.json*"))
    samples = [_sample_file(file) for file in files if _is_samples(file)]
    if path.is_file():
        samples = [sample for sample in samples if sample.results == path]
    if not samples:
        raise ConfigError(_nothing_in(path, any(_is_results(file) for file in files)))
    homes = sorted({sample.path.parent for sample in samples})
    if len(homes) > 1:
        names = ", ".join(str(home.relative_to(root)) for home in homes[:5])
        raise ConfigError(
            f"{path} holds {len(homes)} runs ({names}{', …' * (len(homes) > 5)}); name one of them"
        )
    newest = {sample.task: sample for sample in sorted(samples, key=lambda sample: sample.date)}
    return RunFiles(
        path,
        tuple(newest.values()),
        _traces(homes[0], root.parent if path.is_file() else root),
        older=len(samples) - len(newest),
    )


def _nothing_in(path: Path, has_results: bool) -> str:
    if has_results:
        return f"{path} has results but no samples to pair; run lm_eval again with --log_samples"
    return f"{path} is not a run: it has no samples_*.jsonl, which lm_eval --log_samples --output_path DIR writes"


def _is_results(file: Path) -> bool:
    return bool(_RESULTS.fullmatch(file.name)) and not _SAMPLES.fullmatch(file.name)


def _is_samples(file: Path) -> bool:
    """By its name; or, as releases before 0.4.3 wrote it, `<anything>_<task>.jsonl` beside a `results.json`."""
    if _SAMPLES.fullmatch(file.name):
        return True
    return (
        file.suffix == ".jsonl"
        and not file.name.startswith(_TRACES)
        and file.with_name("results.json").is_file()
    )


def _sample_file(file: Path) -> SampleFile:
    results, date = _results_beside(file)
    return SampleFile(_task_of(file, results), file, date, results)


def _results_beside(samples: Path) -> tuple[Path | None, str]:
    """(The results file written with these samples, their date): the same date, or `results.json` without one."""
    named = _SAMPLES.fullmatch(samples.name)
    date = named[2] if named else ""
    pattern = f"*_{date}.json" if date else "results.json"
    beside = [file for file in sorted(samples.parent.glob(pattern)) if _is_results(file)]
    return (beside[0] if beside else None), date


def _task_of(samples: Path, results: Path | None) -> str:
    """The task's name: files carry it with other characters replaced, the results file as it is."""
    named = _SAMPLES.fullmatch(samples.name)
    stem = named[1] if named else samples.stem
    known = list(section(load_results(results), "configs")) if results else []
    for task in sorted(known, key=len, reverse=True):
        spelt = {task, re.sub(r"\W", "_", task)}
        if stem in spelt or (not named and any(stem.endswith(f"_{name}") for name in spelt)):
            return str(task)
    return whole(stem)


def _traces(home: Path, root: Path) -> tuple[Path, ...]:
    """Beside the samples, or in a folder above them up to the run's own; one file per rank."""
    for folder in (home, *home.parents):
        found = sorted(folder.glob(f"{_TRACES}*.jsonl"))
        if found or folder == root:
            return tuple(found)
    return ()


def load_results(path: Path) -> Results:
    """A results file as it is; raises `ConfigError` where it is not one."""
    return _load(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=4)  # a run of many tasks asks for the same file once per task
def _load(path: Path, _written: int) -> Results:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigError(f"The results file {path} cannot be read: {error}") from error
    if not isinstance(content, dict) or not isinstance(content.get("results"), dict):
        raise ConfigError(f"{path} is not a results file of the harness: it has no 'results'")
    return content


def section(results: Results, name: str) -> Results:
    """A part of a results file; empty where it is absent, or of another form."""
    part = results.get(name)
    return part if isinstance(part, Mapping) else {}


def _children(folder: Path) -> Iterable[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else ()
