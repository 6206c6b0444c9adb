"""`fusion-eval export --format every-eval-ever`: write runs in the community's shared schema, Every Eval Ever 0.3.0.

Each benchmark has a file of numbers and a file of items.
"""

from __future__ import annotations

import hashlib
import importlib.util
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from fusion_eval.errors import ConfigError
from fusion_eval.exports.every_eval_ever.item_file import to_json, write_items
from fusion_eval.exports.every_eval_ever.items import ItemUsage, Metric, metrics_of, rows
from fusion_eval.exports.every_eval_ever.model import library, model_info, run_totals
from fusion_eval.exports.every_eval_ever.results import Source, results
from fusion_eval.exports.subject import ExportedFiles, Subject, write_text
from fusion_eval.exports.system import system_of
from fusion_eval.runs.answered import read_answered_task
from fusion_eval.runs.provenance import ReportedScore, read_provenance, reported_scores
from fusion_eval.runs.reading import Run
from fusion_eval.runs.task_setup import group_members, outermost_groups, task_setups
from fusion_eval.runs.traces import read_traces
from fusion_eval.text.file_names import safe_file_name
from fusion_eval.text.printable import printable

SCHEMA_VERSION = "0.3.0"
_VALIDATOR = "every_eval_ever"
"""The package with the schema's own validator."""
_WHO_EVALUATED = (
    "The runs do not say who made them: source_organization_name is 'unknown' and evaluator_relationship 'other'; "
    "fill both in before you publish"
)


def write_every_eval_ever(subject: Subject, folder: Path) -> ExportedFiles:
    """Write `data/<benchmark>/<developer>/<model>/<uuid>.json` and `<uuid>_samples.jsonl` below `folder`, for every run.

    A group of tasks is one benchmark, and so is a task without a group. The same runs give the same bytes.

    Raises:
        ConfigError: No run has a number, or the schema's own validator is installed and finds a fault.
    """
    paths: list[Path] = []
    notes: list[str] = [note for run in subject.runs for note in run.notes]
    for run in subject.runs:
        run_paths, run_notes = _write_run(run, folder)
        paths += run_paths
        notes += run_notes
    if not paths:
        raise ConfigError(f"{subject.path} has no results file with a number in it, and so nothing to export")
    if reason := why_not_validated():
        notes.append(reason)
    else:
        _validate(folder, paths)
    return ExportedFiles(tuple(paths), tuple(dict.fromkeys([*notes, _WHO_EVALUATED])))


def why_not_validated() -> str | None:
    """Return why files are not validated here; None if the schema's validator is installed."""
    if importlib.util.find_spec(_VALIDATOR):
        return None
    return "not validated: pip install every-eval-ever, which needs Python 3.12"


def _validate(folder: Path, paths: Sequence[Path]) -> None:
    """Validate files below `folder`, which holds `data/`. Raises `ConfigError` with the first fault."""
    validator = importlib.import_module(f"{_VALIDATOR}.validator")
    names = {path.relative_to(folder).as_posix(): path for path in paths}
    for name, path in names.items():
        report = validator.validate_file(
            path,
            repo_path=name,
            available_files=names,
            read_repo_file=lambda other: names[other].read_text(encoding="utf-8"),
            run_semantic_checks=True,
        )
        if not report.valid:
            fault = report.errors[0]
            raise ConfigError(
                f"{path} does not pass the validator of {_VALIDATOR} ({printable(str(fault['loc']))}: "
                f"{printable(str(fault['msg']))}); do not publish it, and report this as a fault of fusion_eval"
            )


def _write_run(run: Run, folder: Path) -> tuple[list[Path], list[str]]:
    origin = read_provenance(run)
    source = Source(run, origin, system_of(origin), task_setups(run), run_totals(origin))
    benchmarks, members = _benchmarks(run)
    usages = _usages(run)
    paths: list[Path] = []
    scored: dict[str, list[Metric]] = {}
    for benchmark, numbers in benchmarks.items():
        metrics = _metrics(run, numbers)
        scored |= metrics
        aggregate = _aggregate(source, benchmark, numbers, members)
        paths += _write_benchmark(source, benchmark, aggregate, _rows(run, metrics, usages), folder)
    notes = [
        f"{run.name}, {task}: {count} samples are left out, because they have no score in any reported number"
        for task, count in _left_out(run, scored).items()
    ]
    if "/" not in source.system.id:
        notes.append(
            f"{run.name}: the developer of {source.system.name or 'the model'} is not known, but the datastore needs it: "
            "model_info.id and the folder should be developer/model"
        )
    return paths, notes


def _benchmarks(run: Run) -> tuple[dict[str, list[ReportedScore]], dict[str, list[str]]]:
    """Return the numbers of each benchmark, and the tasks of each group."""
    outermost = outermost_groups(run)
    benchmarks: dict[str, list[ReportedScore]] = defaultdict(list)
    for number in reported_scores(run):
        if math.isfinite(number.value):  # JSON has only finite numbers
            benchmarks[outermost.get(number.task, number.task)].append(number)
    members = {
        group: [task for task in run.tasks if task in tasks] for group, tasks in group_members(run).items()
    }
    return benchmarks, members


def _metrics(run: Run, numbers: Sequence[ReportedScore]) -> dict[str, list[Metric]]:
    """Return the numbers of each task that has samples, with the scores of its items."""
    tasks = {number.task for number in numbers if not number.group}
    return {
        task: metrics_of(part, numbers) for task, part in run.tasks.items() if task in tasks and part.samples
    }


def _left_out(run: Run, metrics: Mapping[str, Sequence[Metric]]) -> dict[str, int]:
    """Return how many samples of each task have no score in any of its numbers."""
    scores = {task: [metric.scores for metric in of_task] for task, of_task in metrics.items()}
    counts = {
        task: len(part.samples)
        - sum(any(score is not None for score in item) for item in zip(*scores.get(task, ()), strict=True))
        for task, part in run.tasks.items()
    }
    return {task: count for task, count in counts.items() if count}


def _rows(
    run: Run, metrics: Mapping[str, Sequence[Metric]], usages: Mapping[tuple[str, int], ItemUsage]
) -> Iterator[dict[str, Any]]:
    """Yield the rows of a benchmark while its files are read, without the ids of the file and the model."""
    for task, of_task in metrics.items():
        yield from rows(read_answered_task(run, task), of_task, usages, run.tasks[task].language)


def _usages(run: Run) -> dict[tuple[str, int], ItemUsage]:
    usages: dict[tuple[str, int], ItemUsage] = defaultdict(ItemUsage)
    for path in run.traces:
        for trace in read_traces(path):
            if trace.doc_id is not None:
                usages[trace.task, trace.doc_id].add(trace)
    return usages


def _write_benchmark(
    source: Source, benchmark: str, aggregate: dict[str, Any], items: Iterator[dict[str, Any]], folder: Path
) -> list[Path]:
    """Write the numbers and the items of a benchmark. The files are named after a hash of both."""
    ids = {
        "schema_version": SCHEMA_VERSION,
        "evaluation_id": aggregate["evaluation_id"],
        "model_id": source.system.id,
    }
    home = "/".join(["data", safe_file_name(benchmark), *_model_folders(source.system.id)])
    written = write_items(folder / home, ({**ids, **item} for item in items), to_json(aggregate))
    paths = []
    if written.path:
        aggregate["detailed_evaluation_results"] = {
            "format": "jsonl",
            "file_path": f"{home}/{written.path.name}",
            "hash_algorithm": "sha256",
            "checksum": written.checksum,
            "total_rows": written.count,
        }
        paths.append(written.path)
    content = f"{to_json(aggregate, indent=2)}\n"
    return [write_text(folder, f"{home}/{written.name}.json", content), *paths]


def _aggregate(
    source: Source, benchmark: str, numbers: Sequence[ReportedScore], members: Mapping[str, Sequence[str]]
) -> dict[str, Any]:
    origin, system = source.origin, source.system
    entries = results(source, numbers, members)
    # Some releases did not date their results. Then the content makes the id unique.
    moment = repr(origin.date) if origin.date is not None else f"unknown-{_digest(to_json(entries))[:8]}"
    return {
        "schema_version": SCHEMA_VERSION,
        "evaluation_id": f"{printable(benchmark)}/{system.id}/{moment}",
        **({"evaluation_timestamp": moment} if origin.date is not None else {}),
        "retrieved_timestamp": moment if origin.date is not None else "unknown",
        "source_metadata": {
            "source_name": "lm-evaluation-harness",
            "source_type": "evaluation_run",
            "source_organization_name": "unknown",
            "evaluator_relationship": "other",
            "additional_details": {"evaluator": "not named by the run"},
        },
        "eval_library": library(origin),
        "model_info": model_info(source),
        "evaluation_results": entries,
    }


def _model_folders(model_id: str) -> tuple[str, str]:
    """Return folders for the developer and the model. A model name may hold more slashes."""
    developer, slash, model = model_id.partition("/")
    if not slash:
        return "unknown", safe_file_name(model_id)
    return safe_file_name(developer), safe_file_name(model)


def _digest(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()
