"""Make baselines out of pools: the expected single sample and the best candidate, by the task's own metric."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from fusion_eval.comparison.metrics import corpus_name
from fusion_eval.errors import ConfigError
from fusion_eval.harness import host, host_tasks
from fusion_eval.harness.choices import load_run_tasks
from fusion_eval.runs.reading import Run, TaskRun
from fusion_eval.runs.samples import Sample
from fusion_eval.runs.task_info import higher_is_better
from fusion_eval.runs.traces import read_traces
from fusion_eval.runs.values import Segment, Value, metric_value
from fusion_eval.stats.corpus import corpus_metric

Kind = Literal["expected", "oracle"]
_NOTES = {
    "expected": (
        "expected is the mean over the candidates of each pool: what a single sample scores on average",
    ),
    "oracle": ("oracle takes the best candidate by the metric itself: a bound on choosing, not a system",),
}
Candidates = Mapping[int, Sequence[str]]
"""The texts of the usable candidates by document."""


def pool_run(runs: Sequence[Run], kind: Kind, include_path: Path | None) -> Run:
    """Make a baseline run out of the pools of the first run that has traces.

    Args:
        runs: Runs on the same pools.
        kind: `expected` gives each item the mean over its candidates, so the baseline does not depend on which one was
            drawn first. `oracle` gives each item its best candidate by the metric: a bound on every choice.
        include_path: A folder with the tasks of the runs, if they are not ours.

    Raises:
        ConfigError: No run has traces, or the task scores the run's own answers differently today.
    """
    run = next((run for run in runs if run.traces), None)
    if run is None:
        names = ", ".join(str(run.path) for run in runs)
        raise ConfigError(
            f"--baseline {kind} needs the candidates, and there is no traces.jsonl with {names}"
        )
    if "adaptive:true" in (run.signature or "").split("|"):
        raise ConfigError(
            f"--baseline {kind} needs pools of one size, and {run.path} stopped sampling early (adaptive=true), which "
            "favors the leading answer; run it without adaptive=true"
        )
    texts, finals = _texts(run)
    host.silence()
    for name in run.tasks:
        if not re.fullmatch(r"[\w.+ -]+", name):  # the harness would read it as a pattern
            raise ConfigError(f"{run.path} names a task '{name}', which is no task's name")
    tasks = load_run_tasks(list(run.tasks), include_path)
    baseline = {
        name: _task_run(part, tasks[name], texts.get(name, {}), finals.get(name, {}), kind)
        for name, part in run.tasks.items()
    }
    return dataclasses.replace(run, name=kind, tasks=baseline, signature=None, notes=_NOTES[kind])


def _texts(run: Run) -> tuple[dict[str, dict[int, list[str]]], dict[str, dict[int, str]]]:
    """Return the usable candidates' texts and the final answers, each by task and document."""
    texts: dict[str, dict[int, list[str]]] = {}
    finals: dict[str, dict[int, str]] = {}
    for path in run.traces:
        for trace in read_traces(path):
            if trace.copy or trace.doc_id is None:
                raise ConfigError(
                    f"{path}: {trace.task} repeats its documents, which has no single expected sample"
                )
            texts.setdefault(trace.task, {})[trace.doc_id] = [c.text for c in trace.pool.usable]
            finals.setdefault(trace.task, {})[trace.doc_id] = trace.final
    return texts, finals


def _task_run(part: TaskRun, task: Any, texts: Candidates, finals: Mapping[int, str], kind: Kind) -> TaskRun:
    info = dataclasses.replace(part.info, reported={})
    answers = [sample for sample in part.samples if sample.doc_id not in texts]
    if answers:
        raise ConfigError(f"The traces have no pool for document {answers[0].doc_id} of {part.task}")
    samples = []
    for sample in part.samples:
        if _scored(task, sample, finals[sample.doc_id]) != dict(sample.values):
            raise ConfigError(
                f"{part.task}, as it is installed, scores document {sample.doc_id} otherwise than the run did, or the "
                "traces are not of this run; install the version that the run had"
            )
        scored = [_scored(task, sample, text) for text in texts[sample.doc_id]]
        values = {name: _joined([each[name] for each in scored], kind, name, part) for name in sample.values}
        samples.append(dataclasses.replace(sample, values=values))
    return TaskRun(part.task, info, tuple(samples))


def _scored(task: Any, sample: Sample, text: str) -> dict[str, Value]:
    """Score an answer with the task's own filter and metrics."""
    scores = host_tasks.score_response(task, sample.doc, sample.doc_id, sample.filter, text)
    return {name: metric_value(_as_json(value)) for name, value in scores.items() if name in sample.values}


def _as_json(value: object) -> object:
    """Return a metric's value as it is read back from a samples file."""
    if isinstance(value, list | tuple):
        return [_as_json(part) for part in value]
    return value.item() if isinstance(value, np.generic) else value


def _joined(values: Sequence[Value], kind: Kind, metric: str, part: TaskRun) -> Value:
    """Return one value for the values of all candidates; None if any of them has no value."""
    pairs = [value for value in values if isinstance(value, Segment)]
    numbers = [value for value in values if isinstance(value, int | float)]
    if pairs and len(pairs) == len(values):
        if kind == "expected":
            return Segment(pairs[0].references, tuple(text for pair in pairs for text in pair.hypotheses))
        return _best_pair(pairs, metric, part.language)
    if not numbers or len(numbers) < len(values):
        return None
    if kind == "expected":
        return math.fsum(numbers) / len(numbers)
    return max(numbers) if higher_is_better(metric, [part.info]) else min(numbers)


def _best_pair(pairs: Sequence[Segment], metric: str, language: str | None) -> Segment:
    """Return the candidate that scores best by itself, since a corpus metric defines no best candidate of an item."""
    corpus = corpus_metric(corpus_name(metric) or metric, language)
    statistics = corpus.statistics(
        [pair.hypotheses[0] for pair in pairs], [list(pair.references) for pair in pairs]
    )
    scores = corpus.segment_score(statistics)
    return pairs[int(scores.argmax() if corpus.higher_is_better else scores.argmin())]
