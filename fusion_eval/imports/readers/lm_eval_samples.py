"""Runs of lm-evaluation-harness with `repeats`: the responses to each document are its pool.

A line of `samples_<task>_<date>.jsonl` has `resps: [["…", "…"]]`. The samples and the results are kept as they are, and the traces
with the pools are added, so that the harness's own tasks can score every candidate.
"""

from __future__ import annotations

from pathlib import Path

from fusion_eval.errors import ConfigError
from fusion_eval.imports.finding import Reader
from fusion_eval.imports.pools import Imported, ImportedItem, ImportedTask, SystemAnswer, pool_of
from fusion_eval.imports.source import Source
from fusion_eval.runs.answered import AnsweredSample, parse_messages, read_answered_task
from fusion_eval.runs.files import find_run_files
from fusion_eval.runs.reading import Run, read_runs


def matches(source: Source) -> bool:
    """Return whether a file holds samples of the harness."""
    return any({"doc_id", "resps"} <= file.first().keys() for file in source.files if file.rows is None)


def read(source: Source) -> Imported:
    """Read one run."""
    run = read_runs([Path(source.name)], source.allow_partial)[0]
    if run.traces:
        raise ConfigError(f"{source.name} has traces.jsonl already; use it as it is")
    results = find_run_files(Path(source.name)).newest_results() or None
    imported = Imported(notes=list(run.notes), results=results)
    for name in run.tasks:
        task = _task(run, name)
        imported.tasks[name] = task
    if all(len(task.pool(0, run.name)[0]) == 1 for task in imported.tasks.values()):
        imported.notes.append("each document has one response; a pool needs the task's repeats: K")
    return imported


def _task(run: Run, name: str) -> ImportedTask:
    path = next(file.path for file in run.files.samples if file.task == name)
    task = ImportedTask(name, run.tasks[name].language, samples=path)
    seen: set[int] = set()
    for answered in read_answered_task(run, name):
        if answered.sample.doc_id not in seen:  # a line for each filter
            seen.add(answered.sample.doc_id)
            task.add(_item(path, answered, len(seen)), {run.name: _answer(run, answered)})
    if not task.items:
        raise ConfigError(
            f"{path} has no samples; run lm_eval again with --log_samples, or leave the file out"
        )
    return task


def _item(path: Path, answered: AnsweredSample, number: int) -> ImportedItem:
    doc_id = answered.sample.doc_id
    where, prompt = f"{path}, document {number}", parse_messages(answered.prompt)
    return ImportedItem(str(doc_id), prompt, where, target=answered.target, doc_id=doc_id)


def _answer(run: Run, answered: AnsweredSample) -> SystemAnswer:
    pool = pool_of(answered.answers, run.model or run.name)
    return SystemAnswer(
        answered.answers[0] if answered.answers else "", chosen=0 if pool else None, pool=pool
    )


reader = Reader(matches, read)
