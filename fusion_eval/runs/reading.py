"""A run in memory: its tasks, their samples, and how it is called."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from fusion_eval.errors import ConfigError
from fusion_eval.runs.files import RunFiles, SampleFile, find, load_results, section
from fusion_eval.runs.samples import Sample, read_samples
from fusion_eval.runs.task_info import TaskInfo, task_info
from fusion_eval.text.language import language_of
from fusion_eval.types import whole


@dataclass(frozen=True, slots=True)
class TaskRun:
    """The samples of one task, in the order of the file, and how the task was set up."""

    task: str
    info: TaskInfo
    samples: tuple[Sample, ...]
    broken: int = 0
    """Lines that could not be read; what is left need not come to the aggregate that was reported."""

    @property
    def language(self) -> str | None:
        """From the task's metadata, else from its documents and its name."""
        if said := self.info.language:
            return language_of("", {"language": said}) or said
        return language_of(self.task, self.samples[0].doc if self.samples else {})


@dataclass(frozen=True, slots=True)
class Run:
    """One evaluation. `notes` are sentences on what its reader should know of how it was read."""

    name: str
    path: Path
    tasks: Mapping[str, TaskRun]
    traces: tuple[Path, ...] = ()
    model: str | None = None
    date: str = ""
    signature: str | None = None
    notes: tuple[str, ...] = ()


def read_runs(paths: Sequence[Path], allow_partial: bool = False) -> list[Run]:
    """The runs of these folders or files, under names that tell them apart.

    Raises `ConfigError` for what is not a run, and for lines that cannot be read unless `allow_partial`.
    """
    runs = [_read(find(path), allow_partial) for path in paths]
    return named(runs, _names(paths))


def named(runs: Sequence[Run], names: Sequence[str]) -> list[Run]:
    """The runs under these names, numbered where one is there already."""
    taken: list[str] = []
    for name in map(whole, names):
        number, free = 1, name
        while free in taken:
            number += 1
            free = f"{name} ({number})"
        taken.append(free)
    return [replace(run, name=name) for run, name in zip(runs, taken, strict=True)]


def _read(files: RunFiles, allow_partial: bool) -> Run:
    tasks, notes = {}, []
    for file in files.samples:
        tasks[file.task] = part = _task_run(file, allow_partial)
        if part.broken:
            notes.append(f"{file.path}: {part.broken} lines cannot be read and are left out")
    if files.older:
        notes.append(f"{files.path}: of several runs the newest is read, task by task")
    if missing := [file.task for file in files.samples if not file.results]:
        notes.append(
            f"{files.path}: no results file was written with the samples of {', '.join(missing)}, "
            "so versions and few-shot counts are taken to agree"
        )
    newest = max(files.samples, key=lambda file: file.date)
    results = load_results(newest.results) if newest.results else {}
    config = section(results, "config")
    as_run = list(section(results, "configs"))
    order = sorted(tasks, key=lambda task: as_run.index(task) if task in as_run else len(as_run))
    model, signature = results.get("model_name") or config.get("model"), config.get("signature")
    return Run(
        name=files.path.name,
        path=files.path,
        tasks={task: tasks[task] for task in order},
        traces=files.traces,
        model=str(model) if model else None,
        date=newest.date,
        signature=signature if isinstance(signature, str) else None,
        notes=tuple(notes),
    )


def _task_run(file: SampleFile, allow_partial: bool) -> TaskRun:
    info = task_info(load_results(file.results) if file.results else None, file.task)
    samples, broken = read_samples(file.path, info.filters, allow_partial)
    if not samples:
        raise ConfigError(f"{file.path} holds no samples")
    return TaskRun(file.task, info, tuple(samples), broken)


def _names(paths: Sequence[Path]) -> list[str]:
    """The shortest ends of the paths that differ."""
    folders = [path.parent if path.is_file() else path for path in paths]
    parts = [folder.resolve().parts for folder in folders]
    for depth in range(1, max(map(len, parts))):
        names = ["/".join(part[-depth:]) for part in parts]
        if len(set(names)) == len(set(parts)):
            return names
    return [str(folder) for folder in folders]
