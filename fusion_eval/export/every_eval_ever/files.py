"""Runs in the schema that the community shares (Every Eval Ever 0.3.0): a file of numbers and one of items per benchmark."""

from __future__ import annotations

import hashlib
import json
import math
import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from fusion_eval.errors import ConfigError
from fusion_eval.export.every_eval_ever.items import Spent, metrics_of, rows
from fusion_eval.export.every_eval_ever.model import model_info, run_totals
from fusion_eval.export.every_eval_ever.results import Source, as_texts, results
from fusion_eval.export.every_eval_ever.validation import unvalidated, validate
from fusion_eval.export.subject import Subject, Written, file_name, written
from fusion_eval.export.system import system_of
from fusion_eval.runs.answered import read_answered
from fusion_eval.runs.provenance import Provenance, ReportedScore, read_provenance, reported_scores
from fusion_eval.runs.reading import Run
from fusion_eval.runs.task_setup import group_members, outermost_groups, task_setups
from fusion_eval.runs.traces import read_traces
from fusion_eval.text.printable import printable
from fusion_eval.types import without_surrogates

SCHEMA_VERSION = "0.3.0"
_NOBODY = (
    "The runs do not say who made them: source_organization_name is 'unknown' and evaluator_relationship 'other'; "
    "fill both in before you publish"
)
_LINE_ENDS = str.maketrans({"\x85": "\\u0085", "\u2028": "\\u2028", "\u2029": "\\u2029"})
"""Python's `splitlines`, by which readers of these files split, ends lines at them as well."""


def write_every_eval_ever(subject: Subject, folder: Path) -> Written:
    """`data/<benchmark>/<developer>/<model>/<uuid>.json` and `<uuid>_samples.jsonl` below `folder`, for every run.

    A group of tasks is one benchmark, and so is a task of no group. The same runs give the same bytes. Raises
    `ConfigError` where no run has a number, and where the schema's own validator, if it is installed, finds a fault.
    """
    paths: list[Path] = []
    notes: list[str] = [note for run in subject.runs for note in run.notes]
    for run in subject.runs:
        of_run, of_reading = _write_run(run, folder)
        paths += of_run
        notes += of_reading
    if not paths:
        raise ConfigError(f"{subject.path} has no results file with a number in it, and so nothing to export")
    if missing := unvalidated():
        notes.append(missing)
    else:
        validate(folder, paths)
    return Written(tuple(paths), tuple(dict.fromkeys([*notes, _NOBODY])))


def _write_run(run: Run, folder: Path) -> tuple[list[Path], list[str]]:
    origin = read_provenance(run)
    source = Source(run, origin, system_of(origin), task_setups(run), run_totals(origin))
    benchmarks, members = _benchmarks(run)
    lines, left_out = _items(source, benchmarks)
    paths: list[Path] = []
    for benchmark, numbers in benchmarks.items():
        paths += _write_benchmark(source, benchmark, numbers, members, lines.get(benchmark, []), folder)
    notes = [
        f"{run.name}, {task}: {count} samples have no score of their own in a number that is reported, and are left out"
        for task, count in left_out.items()
    ]
    if "/" not in source.system.id:
        notes.append(
            f"{run.name}: the developer of {source.system.name or 'the model'} is not known, and the datastore asks for it: "
            "model_info.id and the folder should be developer/model"
        )
    return paths, notes


def _benchmarks(run: Run) -> tuple[dict[str, list[ReportedScore]], dict[str, list[str]]]:
    """(The numbers of each benchmark, the tasks of each group)."""
    outermost = outermost_groups(run)
    benchmarks: dict[str, list[ReportedScore]] = defaultdict(list)
    for number in reported_scores(run):
        if math.isfinite(number.value):  # JSON has no other numbers
            benchmarks[outermost.get(number.task, number.task)].append(number)
    members = {
        group: [task for task in run.tasks if task in tasks] for group, tasks in group_members(run).items()
    }
    return benchmarks, members


def _items(
    source: Source, benchmarks: Mapping[str, Sequence[ReportedScore]]
) -> tuple[dict[str, list[dict[str, Any]]], dict[str, int]]:
    """(The rows of each benchmark, without the ids that tell whose they are; the samples of each task that have none)."""
    spent = _spent(source.run)
    of_task = {number.task: (name, numbers) for name, numbers in benchmarks.items() for number in numbers}
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    left_out: dict[str, int] = {}
    for task, items in groupby(read_answered(source.run), key=lambda item: item.task):
        answered, part = list(items), source.run.tasks[task]
        benchmark, numbers = of_task.get(task, (task, ()))
        metrics = metrics_of(part, numbers)
        found[benchmark] += rows(answered, metrics, spent, part.language)
        scored = sum(
            any(metric.scores[place] is not None for metric in metrics) for place in range(len(answered))
        )
        if scored < len(answered):
            left_out[task] = len(answered) - scored
    return found, left_out


def _spent(run: Run) -> dict[tuple[str, int], Spent]:
    spent: dict[tuple[str, int], Spent] = defaultdict(Spent)
    for path in run.traces:
        for trace in read_traces(path):
            if trace.doc_id is not None:
                spent[trace.task, trace.doc_id].add(trace)
    return spent


def _write_benchmark(
    source: Source,
    benchmark: str,
    numbers: Sequence[ReportedScore],
    members: Mapping[str, Sequence[str]],
    items: Sequence[Mapping[str, Any]],
    folder: Path,
) -> list[Path]:
    aggregate = _aggregate(source, benchmark, numbers, members)
    ids = {
        "schema_version": SCHEMA_VERSION,
        "evaluation_id": aggregate["evaluation_id"],
        "model_id": source.system.id,
    }
    lines = "".join(f"{_json({**ids, **item})}\n" for item in items)
    name = _uuid(_json(aggregate) + lines)
    home = "/".join(["data", file_name(benchmark), *_model_folders(source.system.id)])
    if not items:
        return [written(folder, f"{home}/{name}.json", f"{_json(aggregate, indent=2)}\n")]
    samples = f"{home}/{name}_samples.jsonl"
    aggregate["detailed_evaluation_results"] = {
        "format": "jsonl",
        "file_path": samples,
        "hash_algorithm": "sha256",
        "checksum": hashlib.sha256(lines.encode()).hexdigest(),
        "total_rows": len(items),
    }
    return [
        written(folder, f"{home}/{name}.json", f"{_json(aggregate, indent=2)}\n"),
        written(folder, samples, lines),
    ]


def _aggregate(
    source: Source, benchmark: str, numbers: Sequence[ReportedScore], members: Mapping[str, Sequence[str]]
) -> dict[str, Any]:
    origin, system = source.origin, source.system
    found = results(source, numbers, members)
    # A file of a release that did not date its results is told from others by what it says.
    moment = repr(origin.date) if origin.date is not None else f"unknown-{_digest(_json(found))[:8]}"
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
            "additional_details": {"evaluator": "not told by the run"},
        },
        "eval_library": _library(origin),
        "model_info": model_info(source),
        "evaluation_results": found,
    }


def _library(origin: Provenance) -> dict[str, Any]:
    others = {name: version for name, version in origin.versions.items() if name != "lm_eval"}
    version = printable(origin.versions.get("lm_eval", "unknown"))
    return {"name": "lm_eval", "version": version, "additional_details": as_texts(others)}


def _model_folders(model_id: str) -> tuple[str, str]:
    """The developer and the model; a name of more parts keeps them, joined."""
    developer, slash, model = model_id.partition("/")
    if not slash:
        return "unknown", file_name(model_id)
    return file_name(developer), file_name(model)


def _uuid(content: str) -> str:
    """Of the form of version 4, which is random elsewhere: the same content has the same name here."""
    return str(uuid.UUID(bytes=hashlib.sha256(content.encode()).digest()[:16], version=4))


def _digest(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()


def _json(content: object, indent: int | None = None) -> str:
    text = json.dumps(content, ensure_ascii=False, allow_nan=False, indent=indent)
    return without_surrogates(text).translate(_LINE_ENDS)
