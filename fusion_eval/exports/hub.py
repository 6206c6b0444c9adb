"""Write results for the Hugging Face hub: model-card metadata (`model-index`) and files of `.eval_results/`.

Both belong into the repository of one model. A system of several calls is not one model, and every field with room
for it says so.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from fusion_eval.errors import ConfigError
from fusion_eval.exports.subject import ExportedFiles, Subject, folder_names, write_text
from fusion_eval.exports.system import System, system_of
from fusion_eval.runs.provenance import Provenance, ReportedScore, read_provenance, reported_scores
from fusion_eval.runs.reading import Run, TaskRun
from fusion_eval.runs.task_setup import TaskSetup, task_setups
from fusion_eval.text.file_names import safe_file_name
from fusion_eval.text.printable import printable
from fusion_eval.types import without_surrogates

_TASK_ID = (
    "task_id in .eval_results is the dataset's configuration; if the dataset is a benchmark of the hub, compare it "
    "with the tasks in the dataset's eval.yaml"
)


@dataclass(frozen=True, slots=True)
class _Score:
    """One number of a task whose dataset is on the hub."""

    number: ReportedScore
    task: TaskRun
    setup: TaskSetup
    dataset: str


def write_hub(subject: Subject, folder: Path) -> ExportedFiles:
    """Write `model-index.md`, the front matter of a model card, and `.eval_results/*.yaml`, a file for each number.

    The files go to `folder`; if there are several runs, to a folder below it for each.

    Raises:
        ConfigError: A run does not say who answered, or has no task with a dataset of the hub. Nothing is written then.
    """
    notes: list[str] = []
    plans = [(run, _system(run), _scores(run, notes)) for run in subject.runs]
    paths: list[Path] = []
    for (run, system, scores), name in zip(plans, folder_names(subject.runs), strict=True):
        home = folder if len(plans) == 1 else folder / name
        paths += _write_run(run, system, scores, home)
        if (limit := read_provenance(run).limit) is not None:
            notes.append(
                f"{run.name} was made with --limit {limit:g}: its scores are not scores on the whole datasets"
            )
        if not system.one_model:
            notes.append(
                f"{run.name} is a system, {system.name}: its scores are not the scores of a sampler, so do not put them "
                "into a sampler's repository"
            )
    return ExportedFiles(tuple(paths), tuple(dict.fromkeys([*notes, _TASK_ID])))


def _system(run: Run) -> System:
    system = system_of(read_provenance(run))
    if system.name is None:
        raise ConfigError(
            f"{run.path} does not say who answered, so there is no name to put its scores under; run it again with the "
            "model named in --model_args"
        )
    return system


def _scores(run: Run, notes: list[str]) -> list[_Score]:
    """Return the scores of tasks whose dataset is on the hub, and add notes on the others."""
    known = task_setups(run)
    on_hub = {task: setup.hub_dataset for task, setup in known.items() if setup.hub_dataset}
    scores = [
        _Score(number, run.tasks[number.task], known[number.task], on_hub[number.task])
        for number in reported_scores(run)
        if number.task in on_hub and not number.group and math.isfinite(number.value)
    ]
    others = [task for task in known if task not in on_hub]
    off_hub = ", ".join(others[:5]) + (f" and {len(others) - 5} more" if len(others) > 5 else "")
    if not scores:
        raise ConfigError(
            f"{run.path}: no score is on a dataset of the hub ({off_hub or 'there are no scores'}), and the hub shows no "
            "others; --format every-eval-ever takes them"
        )
    if off_hub:
        notes.append(
            f"{run.name}: these tasks are left out, because their datasets are not on the hub: {off_hub}"
        )
    if any(number.group for number in reported_scores(run)):
        notes.append(
            f"{run.name}: means over tasks are left out, because the hub wants one dataset for each number"
        )
    return scores


def _write_run(run: Run, system: System, scores: Sequence[_Score], home: Path) -> list[Path]:
    origin, name = read_provenance(run), without_surrogates(system.name or "")
    paths = [
        write_text(
            home, "model-index.md", f"---\n{_yaml({'model-index': _model_index(name, scores, origin)})}---\n"
        )
    ]
    for score in scores:
        number = score.number
        parts = [number.task, number.metric, *([] if number.filter == "none" else [number.filter])]
        file = f".eval_results/{safe_file_name('-'.join(parts))}.yaml"
        paths.append(write_text(home, file, _yaml(_entries(score, system, origin))))
    return paths


def _model_index(name: str, scores: Sequence[_Score], origin: Provenance) -> list[dict[str, Any]]:
    """Return the index, task by task: the library would join tasks on one dataset under the first one's name."""
    try:
        from huggingface_hub import EvalResult
        from huggingface_hub.repocard_data import eval_results_to_model_index
    except ImportError as error:
        raise _too_old(error) from error
    by_task: dict[str, list[EvalResult]] = {}
    for score in scores:
        number, setup = score.number, score.setup
        result = EvalResult(
            task_type="text-generation",
            task_name=printable(number.task),
            dataset_type=score.dataset,
            dataset_name=score.dataset + (f" ({setup.dataset_config})" if setup.dataset_config else ""),
            dataset_config=setup.dataset_config,
            dataset_split=setup.split,
            dataset_revision=setup.revision,
            dataset_args=_evaluation_settings(score.task, origin),
            metric_type=printable(number.metric),
            metric_value=number.value,
            metric_name=", ".join([_metric(number), *_error(number)]),
        )
        by_task.setdefault(number.task, []).append(result)
    indices = [eval_results_to_model_index(name, results)[0] for results in by_task.values()]
    return [{"name": name, "results": [result for index in indices for result in index["results"]]}]


def _entries(score: _Score, system: System, origin: Provenance) -> list[dict[str, Any]]:
    try:
        from huggingface_hub import EvalResultEntry, eval_result_entries_to_yaml
    except ImportError as error:
        raise _too_old(error) from error
    entry = EvalResultEntry(
        dataset_id=score.dataset,
        task_id=score.setup.dataset_config or "default",
        value=score.number.value,
        dataset_revision=score.setup.revision,
        date=_timestamp(origin),
        notes=_notes(score, system, origin),
    )
    return eval_result_entries_to_yaml([entry])


def _too_old(error: ImportError) -> ConfigError:
    what, _, _ = str(error).partition(" (")  # the rest is a path of this machine
    return ConfigError(f"--format hf needs a newer huggingface_hub ({what}); pip install -U huggingface_hub")


def _timestamp(origin: Provenance) -> str | None:
    """Return the time of the evaluation; None if the file has no date, or one that cannot be."""
    try:
        return (
            None if origin.date is None else f"{datetime.fromtimestamp(origin.date, UTC):%Y-%m-%dT%H:%M:%SZ}"
        )
    except (ValueError, OverflowError, OSError):
        return None


def _notes(score: _Score, system: System, origin: Provenance) -> str:
    """Return all that the format has no field for. A system of several calls is named first."""
    version = origin.versions.get("lm_eval")
    parts = [
        *([] if system.one_model else [f"{system.name}: several calls, not one model"]),
        f"lm_eval{f' {version}' if version else ''} {score.number.task}",
        _metric(score.number),
        *_error(score.number),
        *(f"{name} {value}" for name, value in _evaluation_settings(score.task, origin).items()),
        *([f"prompt {origin.prompt}"] if system.fusor and origin.prompt else []),
    ]
    return printable(", ".join(parts))


def _evaluation_settings(task: TaskRun, origin: Provenance) -> dict[str, Any]:
    """Return the settings that change the number. A limited run is not a result on the whole dataset."""
    settings = {
        "num_few_shot": task.info.fewshot,
        "language": printable(task.language or "") or None,
        "limit": origin.limit,
    }
    return {name: value for name, value in settings.items() if value is not None}


def _metric(number: ReportedScore) -> str:
    return printable(number.metric if number.filter == "none" else f"{number.metric} ({number.filter})")


def _error(number: ReportedScore) -> list[str]:
    known = number.stderr is not None and math.isfinite(number.stderr)
    return [*([f"stderr {number.stderr:.4g}"] if known else []), *([f"n {number.n}"] if number.n else [])]


def _yaml(content: object) -> str:
    return yaml.safe_dump(content, allow_unicode=True, sort_keys=False, width=1000)
