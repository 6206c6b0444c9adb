"""Decide which metrics can be compared: those that are a mean of their values, and known corpus metrics."""

from __future__ import annotations

import math
from collections.abc import Sequence

from fusion_eval.comparison.items import FilteredMetric
from fusion_eval.comparison.matching import MatchedTask
from fusion_eval.runs.reading import Run, TaskRun
from fusion_eval.runs.values import Segment

_TOLERANCE = 1e-6
"""Relative. Rounding in JSON causes far smaller differences."""


def corpus_name(metric: str) -> str | None:
    """Return the corpus metric that a metric's name stands for (`bleu`, `chrf`, `chrf++`, `ter`), or None."""
    name = metric.lower().replace("_", "")
    if "chrf" in name:
        return "chrf++" if any(mark in name for mark in ("++", "plusplus", "pp")) else "chrf"
    if "bleu" in name:
        return "bleu"
    return "ter" if name in {"ter", "tercorpus", "corpuster"} else None


def why_not_comparable(runs: Sequence[Run], matched: MatchedTask, metric: FilteredMetric) -> str | None:
    """Return the reason why a metric of a task cannot be compared, or None if it can."""
    entries = [entry[item.key] for entry in matched.entries for item in matched.items]
    if all(metric[0] in run.tasks[matched.task].info.undirected for run in runs):
        return "the task says that neither more nor less of it is better"
    if any(metric in entry.unusable for entry in entries):
        return _first_unusable(runs, matched.task, metric)
    kinds = {type(value) for entry in entries if (value := entry.values.get(metric)) is not None}
    if not kinds:
        return "it has no value anywhere"
    if len(kinds) > 1:
        return "it is a number on some items and a pair of texts on others"
    if kinds == {Segment}:
        known = corpus_name(metric[0])
        return None if known else "it is no corpus metric that is known here (BLEU, chrF, TER)"
    return next((reason for run in runs if (reason := _why_not_a_mean(run, matched.task, metric))), None)


def _first_unusable(runs: Sequence[Run], task: str, metric: FilteredMetric) -> str:
    """Say where the first value stands that cannot be used, and what it is."""
    name, filtered = metric
    run, sample = next(
        (run, sample)
        for run in runs
        for sample in run.tasks[task].samples
        if sample.filter == filtered and name in sample.unusable
    )
    file = next((file.path.name for file in run.files.samples if file.task == task), run.name)
    return (
        f"some of its values are neither finite numbers nor pairs of reference and hypothesis: {sample.unusable[name]} "
        f"in {run.name}, {file}, {sample.where}"
    )


def _why_not_a_mean(run: Run, task: str, metric: FilteredMetric) -> str | None:
    """Compare the mean of the values with the harness's own aggregate."""
    mean, reported = _mean(run.tasks[task], metric), run.tasks[task].info.reported.get(metric)
    if mean is None or reported is None:
        return None
    if math.isclose(mean, reported, rel_tol=_TOLERANCE, abs_tol=1e-9):
        return None
    results = next((file.results for file in run.files.samples if file.task == task), None)
    file = f" {results.name}" if results else ""
    return (
        f"its mean over the samples of {run.name} is {mean:.6g}, and the results file{file} says {reported:.6g}, "
        "so it is not a mean of these values"
    )


def _mean(task: TaskRun, metric: FilteredMetric) -> float | None:
    """Return None if a value or a line is missing: the harness's aggregate is then of other values."""
    values = [sample.values.get(metric[0]) for sample in task.samples if sample.filter == metric[1]]
    numbers = [value for value in values if isinstance(value, float)]
    complete = numbers and len(numbers) == len(values) and task.complete
    return math.fsum(numbers) / len(numbers) if complete else None
