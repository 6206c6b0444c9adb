"""Import a source: read it, check its pools, and write runs, traces and tasks."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from fusion_eval.errors import ConfigError
from fusion_eval.imports.finding import find_reader, fitting_readers
from fusion_eval.imports.pools import Imported, ImportedTask
from fusion_eval.imports.recorded_task import write_task
from fusion_eval.imports.source import Source, open_source
from fusion_eval.imports.staging import staged_output
from fusion_eval.imports.writing import document, run_folder, write_runs
from fusion_eval.runs.writing import check_folder

TASKS = "tasks"
"""The folder with the tasks, beside those of the runs."""


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What an import wrote.

    Args:
        kind: The kind of the source.
        runs: The folders of the runs.
        tasks: The folder with the tasks that score by what was recorded.
        items: How many items there are.
        candidates: How many candidates the pools hold.
        notes: What the user should know.
    """

    kind: str
    runs: tuple[Path, ...]
    tasks: Path
    items: int
    candidates: int
    notes: tuple[str, ...] = ()


def import_source(
    source: str,
    output: Path,
    kind: str | None = None,
    columns: Mapping[str, str] | None = None,
    *,
    allow_partial: bool = False,
) -> ImportResult:
    """Import a source.

    Args:
        source: A file, a folder, or `hf:OWNER/NAME[/CONFIG][:SPLIT]`.
        output: The folder to write to.
        kind: The kind of the source; None looks at the content.
        columns: For `jsonl`: which column holds what.
        allow_partial: Leave out items whose pools have holes, and lines of the harness that cannot be read, and note it,
            instead of raising an error.

    Raises:
        ConfigError: The source cannot be read, or a pool has holes; the message names file and line.
    """
    check_folder(output)
    with staged_output(output) as staging:
        opened = open_source(source, columns, allow_partial=allow_partial)
        name, reader = find_reader(opened, kind)
        try:
            imported = reader.read(opened)
            tasks = _importable(imported, opened, allow_partial)
        except ConfigError as error:
            raise ConfigError(f"{error}{_other_kinds(opened, kind)}") from error
        _check_free(output, tasks)
        runs = write_runs(imported, tasks, staging, {"kind": name, "source": opened.stem}, opened.date)
        for task in filter(_is_scored, tasks):
            docs = [document(task, place, task.answers) for place in range(len(task.items))]
            write_task(staging / TASKS, task.name, task.language, task.metrics, docs, output / TASKS)
    return ImportResult(
        name,
        tuple(output / run.name for run in runs),
        output / TASKS,
        sum(len(task.items) for task in tasks),
        sum(map(_candidates, tasks)),
        tuple(imported.notes),
    )


def _other_kinds(source: Source, kind: str | None) -> str:
    """Return what a source is by its content, for the end of a message; empty if the user did not say otherwise."""
    fitting = [] if kind is None else [name for name, _ in fitting_readers(source)]
    if not fitting or kind in fitting:
        return ""
    return (
        f". By its content it is {' or '.join(fitting)}, not {kind}; leave --from out, or name the right kind"
    )


def _is_scored(task: ImportedTask) -> bool:
    """Return whether a task of the harness is written that scores by what was recorded."""
    return bool(task.metrics) and task.samples is None


def _check_free(output: Path, tasks: Sequence[ImportedTask]) -> None:
    """Check that nothing would be overwritten.

    Raises:
        ConfigError: The output holds a run of a system already, or a task of another import.
    """
    for system in dict.fromkeys(system for task in tasks for system in task.answers):
        path = run_folder(output, system)
        if path.name == TASKS:
            raise ConfigError(f"The run of '{system}' would be in {path}, the folder of the tasks; rename it")
        if path.exists() and any(path.rglob("samples_*.jsonl")):
            raise ConfigError(f"{path} holds a run already; name another folder with --output")
    for task in filter(_is_scored, tasks):
        path = output / TASKS / f"{task.name}.yaml"
        if path.exists():
            raise ConfigError(f"{path} is a task of another import; name another folder with --output")


def _candidates(task: ImportedTask) -> int:
    """Return how many candidates a task has, those of systems' own pools included."""
    own = sum(len(answer.pool) for answers in task.answers.values() for answer in answers.values())
    return own + sum(len(item.candidates) for item in task.items)


def _importable(imported: Imported, source: Source, allow_partial: bool) -> list[ImportedTask]:
    """Return the tasks with whole pools.

    Raises:
        ConfigError: There is nothing to import, a pool has fewer candidates than the others, or two tasks have one name.
    """
    tasks = [_without_holes(task, imported, allow_partial) for task in imported.tasks.values()]
    tasks = [task for task in tasks if task.items and task.answers]
    if not tasks:
        raise ConfigError(f"{source.name} has no answers")
    named: dict[str, str] = {}
    for task in tasks:
        own, task.name = task.name, re.sub(r"[^\w.+-]+", "_", task.name)
        if named.setdefault(task.name, own) != own:
            raise ConfigError(
                f"{source.name}: the tasks '{named[task.name]}' and '{own}' would both be {task.name}; rename one"
            )
    return tasks


def _without_holes(task: ImportedTask, imported: Imported, allow_partial: bool) -> ImportedTask:
    """Return the task without the items that have a smaller pool than the others, or raise an error for the first."""
    sizes = {place: _pool_sizes(task, place) for place in range(len(task.items))}
    counts = Counter(size for own in sizes.values() for size in own)
    usual = max(counts, key=lambda size: (counts[size], size), default=0)
    holes = [place for place, own in sizes.items() if own - {usual}]
    if not holes:
        return task
    first = task.items[holes[0]]
    size = min(sizes[holes[0]] - {usual})
    count = "1 candidate" if size == 1 else f"{size} candidates"
    message = f"the pool of '{first.key[:60]}' has {count}, and others have {usual}"
    if not allow_partial:
        raise ConfigError(f"{first.where}: {message}; the option allow_partial leaves such items out")
    if task.samples is not None:
        raise ConfigError(f"{first.where}: {message}; a run of the harness is imported whole or not at all")
    imported.notes.append(f"{task.name}: {len(holes)} items are left out; {message}")
    kept = ImportedTask(task.name, task.language, task.metrics)
    for place in sorted(set(sizes) - set(holes)):
        answers = {name: answers[place] for name, answers in task.answers.items() if place in answers}
        kept.add(task.items[place], answers)
    return kept


def _pool_sizes(task: ImportedTask, place: int) -> set[int]:
    """Return how many candidates the pools of an item have; nothing for an item that no system answers."""
    answered = [system for system, answers in task.answers.items() if place in answers]
    return {len(task.pool(place, system)[0]) for system in answered}
