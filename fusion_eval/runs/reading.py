"""Read runs into memory: their tasks, the samples of each task, and a name for each run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from fusion_eval.errors import ConfigError
from fusion_eval.runs.files import RunFiles, find_run_files
from fusion_eval.runs.reading_notes import absent_note, count_difference, notes_on_nan
from fusion_eval.runs.results_file import load_results, section
from fusion_eval.runs.sample_files import SampleFile
from fusion_eval.runs.samples import Sample, read_samples
from fusion_eval.runs.task_info import TaskInfo, task_info
from fusion_eval.text.file_names import safe_file_name
from fusion_eval.text.language import language_of, translation_target
from fusion_eval.types import without_surrogates


@dataclass(frozen=True, slots=True)
class TaskRun:
    """One task of a run: its samples in the order of the file, and what the results file says of the task."""

    task: str
    info: TaskInfo
    samples: tuple[Sample, ...]
    broken_lines: int = 0
    """Lines that could not be read. The rest need not add up to the aggregate that the harness reported."""

    missing_items: int = 0
    """How many of the items that the harness evaluated are not in the file."""

    @property
    def complete(self) -> bool:
        """Whether the samples are those that the harness's aggregate is of."""
        return not self.broken_lines and not self.missing_items

    @property
    def language(self) -> str | None:
        """The language that the task's metadata name, else the one that its documents or its name tell."""
        if language := self.info.language:
            return language_of("", {"language": language}) or language
        doc = self.samples[0].doc if self.samples else {}
        return language_of(self.task, doc) or translation_target(self.task)


@dataclass(frozen=True, slots=True)
class Run:
    """One evaluation. `notes` say what a reader should know about how it was read."""

    name: str
    files: RunFiles
    tasks: Mapping[str, TaskRun]
    model: str | None = None
    date: str = ""
    signature: str | None = None
    """How a run of this package was made; None for other runs."""
    notes: tuple[str, ...] = ()
    partial: bool = False
    """Whether lines that cannot be read are skipped."""

    @property
    def path(self) -> Path:
        """The folder or file that the user named."""
        return self.files.path

    @property
    def traces(self) -> tuple[Path, ...]:
        """The trace files, one for each rank of a parallel run."""
        return self.files.traces


def read_runs(paths: Sequence[Path], allow_partial: bool = False) -> list[Run]:
    """Read runs, and give them names that differ.

    Args:
        paths: Folders, sample files or results files.
        allow_partial: Skip lines that cannot be read.

    Raises:
        ConfigError: A path is not a run, or has a line that cannot be read.
    """
    runs = [_read(find_run_files(path), allow_partial) for path in paths]
    return with_unique_names(with_common_tasks(runs), _names(paths, [run.name for run in runs], runs))


def with_unique_names(runs: Sequence[Run], names: Sequence[str]) -> list[Run]:
    """Rename runs. A name that an earlier run has gets a number: `model (2)`."""
    taken: list[str] = []
    for name in map(without_surrogates, names):
        number, unique = 1, name
        while unique in taken:
            number += 1
            unique = f"{name} ({number})"
        taken.append(unique)
    return [replace(run, name=name) for run, name in zip(runs, taken, strict=True)]


def with_common_tasks(runs: Sequence[Run]) -> list[Run]:
    """Give tasks one name that are the same by their documents.

    Without a results file, `<model arguments>_<task>.jsonl` does not tell where the task's name begins.
    """
    renamed = list(runs)
    for place, run in enumerate(runs[1:], start=1):
        first = renamed[0]
        for task in _unnamed(run):
            documents = _documents(run.tasks[task])
            same = [
                other
                for other in _unnamed(first)
                if other not in run.tasks and documents & _documents(first.tasks[other])
            ]
            if len(same) == 1:
                name = _common_ending(task, same[0])
                renamed[place] = _rename(renamed[place], task, name)
                for earlier in range(place):
                    renamed[earlier] = _rename(renamed[earlier], same[0], name)
                first = renamed[0]
    return renamed


def _unnamed(run: Run) -> list[str]:
    return [file.task for file in run.files.samples if not file.names_its_task and file.task in run.tasks]


def _documents(task: TaskRun) -> set[str]:
    return {sample.doc_key for sample in task.samples if sample.doc_key}


def _common_ending(one: str, other: str) -> str:
    """Return the longest ending of both names that begins after an underscore; `one` if they have none."""
    words, other_words = one.split("_"), other.split("_")
    length = 0
    while length < min(len(words), len(other_words)) and words[-1 - length] == other_words[-1 - length]:
        length += 1
    return "_".join(word for word in words[len(words) - length :]).strip("_") or one


def _rename(run: Run, task: str, name: str) -> Run:
    if task not in run.tasks or task == name:
        return run
    files = replace(
        run.files,
        samples=tuple(replace(file, task=name) if file.task == task else file for file in run.files.samples),
    )
    tasks = {name if own == task else own: part for own, part in run.tasks.items()}
    return replace(run, files=files, tasks={**tasks, name: replace(tasks[name], task=name)})


def _read(files: RunFiles, allow_partial: bool) -> Run:
    tasks, notes = {}, []
    for file in files.samples:
        tasks[file.task] = task = _read_task(file, allow_partial)
        if task.broken_lines:
            notes.append(f"{file.path}: {task.broken_lines} lines cannot be read and are left out")
        elif task.missing_items:
            notes.append(f"{_difference(file, task)}; values computed here are of those in the file")
        notes += notes_on_nan(file, task.samples)
    if absent := tasks_without_samples(files, tasks):
        notes.append(absent_note(files, absent))
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
    order = list(section(results, "configs"))
    by_place = sorted(tasks, key=lambda task: order.index(task) if task in order else len(order))
    model, signature = results.get("model_name") or config.get("model"), config.get("signature")
    return Run(
        name=_folder_name(files.path, config.get("strategy")),
        files=files,
        tasks={task: tasks[task] for task in by_place},
        model=str(model) if model else None,
        date=newest.date,
        signature=signature if isinstance(signature, str) else None,
        notes=tuple(notes),
        partial=allow_partial,
    )


def tasks_without_samples(files: RunFiles, tasks: Mapping[str, TaskRun]) -> list[str]:
    """Return the tasks that the newest results file has and that are not among `tasks`."""
    results = files.newest_results()
    evaluated = section(results, "n-samples") or section(results, "configs")
    return [str(task) for task in evaluated if task not in tasks]


def _read_task(file: SampleFile, allow_partial: bool) -> TaskRun:
    info = task_info(load_results(file.results) if file.results else {}, file.task)
    samples, broken_lines = read_samples(file.path, info.filters, allow_partial)
    if not samples:
        raise ConfigError(f"{file.path} holds no samples")
    there = min(Counter(filtered for filtered, _ in {(one.filter, one.doc_id) for one in samples}).values())
    missing = 0 if info.n_samples is None else info.n_samples - there
    task = TaskRun(file.task, info, tuple(samples), broken_lines, missing)
    if missing and not allow_partial:
        raise ConfigError(f"{_difference(file, task)}; the option allow_partial reads those in the file")
    return task


def _difference(file: SampleFile, task: TaskRun) -> str:
    return count_difference(file, task.info.n_samples or 0, task.missing_items)


def _folder_name(path: Path, strategy: object) -> str:
    """Return the name of a run's folder. If it is named after the strategy, return the strategy as it was written."""
    folder = (path.parent if path.is_file() else path).resolve().name
    if isinstance(strategy, str) and safe_file_name(strategy) == folder:
        return strategy
    return folder


def _names(paths: Sequence[Path], folder_names: Sequence[str], runs: Sequence[Run]) -> list[str]:
    """Return the shortest ends of the paths that differ, where `folder_names` replace the last part of each.

    Runs in one folder are told apart by their dates.
    """
    folders = [path.parent if path.is_file() else path for path in paths]
    parts = [(*folder.resolve().parts[:-1], name) for folder, name in zip(folders, folder_names, strict=True)]
    for depth in range(1, max(map(len, parts), default=0)):
        names = ["/".join(part[-depth:]) for part in parts]
        if len(set(names)) == len(set(parts)):
            dates = {run.date for run in runs}
            if len(set(parts)) < len(parts) and "" not in dates and len(dates) == len(runs):
                return [f"{name} {run.date[:19]}" for name, run in zip(names, runs, strict=True)]
            if len(set(parts)) < len(parts) and all(path.is_file() for path in paths) and not any(dates):
                return [path.name.removesuffix(".gz").removesuffix(".jsonl") for path in paths]
            return names
    return [str(folder) for folder in folders]
