"""Which metrics of a task can be compared: those whose meaning is known from their values and the harness's own aggregate."""

from __future__ import annotations

import math
from collections.abc import Sequence

from fusion_eval.compare.items import Metric
from fusion_eval.compare.matching import Matched
from fusion_eval.runs.reading import Run, TaskRun
from fusion_eval.runs.samples import Pair

_TOLERANCE = 1e-6
"""Relative; what is left of a number that was written and read again is far closer."""


def corpus_name(metric: str) -> str | None:
    """The corpus metric that a metric's name stands for, None for any other name."""
    name = metric.lower().replace("_", "")
    if "chrf" in name:
        return "chrf++" if any(mark in name for mark in ("++", "plusplus", "pp")) else "chrf"
    if "bleu" in name:
        return "bleu"
    return "ter" if name in {"ter", "tercorpus", "corpuster"} else None


def objection(runs: Sequence[Run], matched: Matched, metric: Metric) -> str | None:
    """Why a metric of a task cannot be compared; None where it can."""
    entries = [entry[item.key] for entry in matched.entries for item in matched.items]
    if all(metric[0] in run.tasks[matched.task].info.undirected for run in runs):
        return "the task says that neither more nor less of it is better"
    if any(metric in entry.odd for entry in entries):
        return "some of its values are neither finite numbers nor pairs of reference and hypothesis"
    kinds = {type(value) for entry in entries if (value := entry.values.get(metric)) is not None}
    if not kinds:
        return "it has no value anywhere"
    if len(kinds) > 1:
        return "it is a number on some items and a pair of texts on others"
    if kinds == {Pair}:
        return (
            None if corpus_name(metric[0]) else "it is no corpus metric that is known here (BLEU, chrF, TER)"
        )
    for run in runs:
        task = run.tasks[matched.task]
        mean, reported = _mean(task, metric), task.info.reported.get(metric)
        if (
            mean is not None
            and reported is not None
            and not math.isclose(mean, reported, rel_tol=_TOLERANCE, abs_tol=1e-9)
        ):
            return (
                f"its mean over the samples of {run.name} is {mean:.6g}, and the results file says {reported:.6g}, "
                "so it is not a mean of these values"
            )
    return None


def _mean(task: TaskRun, metric: Metric) -> float | None:
    """None where a value or a line is missing: the harness's aggregate is then of something else."""
    values = [sample.values.get(metric[0]) for sample in task.samples if sample.filter == metric[1]]
    numbers = [value for value in values if isinstance(value, float)]
    return (
        math.fsum(numbers) / len(numbers)
        if numbers and len(numbers) == len(values) and not task.broken
        else None
    )
