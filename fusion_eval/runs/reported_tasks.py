"""Read the tasks of results files whose samples are missing. Their reported values can be shown, and not tested."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from fusion_eval.errors import ConfigError
from fusion_eval.runs.files import RunFiles, results_files
from fusion_eval.runs.reading import Run, TaskRun, tasks_without_samples, with_unique_names
from fusion_eval.runs.reading_notes import absent_note
from fusion_eval.runs.results_file import load_results, section
from fusion_eval.runs.task_info import task_info

_SHOWN = "whose values are shown as the harness reported them, without tests"


def with_reported_tasks(run: Run) -> Run:
    """Add the tasks that only the newest results file has. They have no items."""
    absent = tasks_without_samples(run.files, run.tasks)
    if not absent:
        return run
    results = run.files.newest_results()
    added = {task: TaskRun(task, task_info(results, task), ()) for task in absent}
    order = list(section(results, "configs"))
    tasks = dict(
        sorted(
            {**run.tasks, **added}.items(),
            key=lambda named: order.index(named[0]) if named[0] in order else len(order),
        )
    )
    left_out = absent_note(run.files, absent)
    notes = (*(note for note in run.notes if note != left_out), absent_note(run.files, absent, _SHOWN))
    return replace(run, tasks=tasks, notes=notes)


def read_results_alone(path: Path) -> list[Run]:
    """Read results files without samples: the file `path`, or each results file directly in the folder `path`.

    Raises:
        ConfigError: There is none, or it has no tasks.
    """
    runs = [_run_of(file) for file in results_files(path)]
    return with_unique_names(runs, [run.name for run in runs])


def only_sampled(runs: Sequence[Run]) -> list[Run]:
    """Return the runs with the tasks that have samples. Runs without such a task are left out."""
    reduced = [
        replace(run, tasks={task: part for task, part in run.tasks.items() if part.samples}) for run in runs
    ]
    return [run for run in reduced if run.tasks]


def _run_of(file: Path) -> Run:
    results = load_results(file)
    files = RunFiles(file, (), results_alone=file)
    if not tasks_without_samples(files, {}):
        raise ConfigError(f"{file} has neither samples nor tasks with a configuration")
    model = results.get("model_name") or section(results, "config").get("model")
    run = Run(file.stem, files, {}, model=str(model) if model else None)
    return with_reported_tasks(run)
