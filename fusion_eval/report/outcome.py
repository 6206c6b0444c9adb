"""Collect the results of `fusion-eval run`: the harness's scores, with the tokens and time of their generations."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fusion_eval.report.score_table import MeanScore, TaskScores
from fusion_eval.runs.results_file import Results
from fusion_eval.runs.totals import RunTotals, Totals


@dataclass(frozen=True, slots=True)
class Outcome:
    """The rows of the score table, the name of its metric, and the totals of each strategy."""

    rows: tuple[TaskScores, ...]
    metric: str
    totals: Mapping[str, Totals]
    files: Mapping[str, Path] = field(default_factory=dict)
    """The results file of each strategy."""


def outcome_of(results: Mapping[str, Results], totals: Mapping[str, RunTotals]) -> Outcome:
    """Collect the outcome of a run.

    Args:
        results: The results file of each strategy, as the harness holds it in memory.
        totals: The totals of each strategy, in the same order.
    """
    per_task = _per_task(totals)
    first = next(iter(results.values()))
    labels = _labels(first["configs"])
    rows, metrics = [], set()
    for name in first["configs"]:
        if metric := _first_metric(first["results"][name]):
            metrics.add(metric.split(",")[0])
            rows.append(_row(labels[name], name, metric, results, [per_task[name]]))
    groups: Mapping[str, Any] = first.get("groups") or {}
    for name, values in groups.items():
        if metric := _first_metric(values):
            tasks = [per_task[task] for task in _tasks_of(name, first.get("group_subtasks") or {})]
            rows.append(_row("all" if len(groups) == 1 else name, name, metric, results, tasks))
    overall = {strategy: total.overall for strategy, total in totals.items()}
    return Outcome(tuple(rows), metrics.pop() if len(metrics) == 1 else "metric", overall)


def _labels(configs: Mapping[str, Any]) -> dict[str, str]:
    """Return the language of each task if every task has another one, else the names of the tasks."""
    languages = {
        name: str((config.get("metadata") or {}).get("language", "")) for name, config in configs.items()
    }
    distinct = all(languages.values()) and len(set(languages.values())) == len(languages)
    return languages if distinct else {name: name for name in configs}


def _first_metric(values: Mapping[str, Any]) -> str | None:
    """Return the key of the first metric that is a number: `chrf,none`."""
    return next(
        (
            key
            for key, value in values.items()
            if "," in key and "_stderr," not in key and isinstance(value, int | float)
        ),
        None,
    )


def _row(
    label: str, name: str, key: str, results: Mapping[str, Results], totals: Sequence[Totals]
) -> TaskScores:
    scores = {}
    for strategy, result in results.items():
        values = result["results"].get(name) or result["groups"][name]
        if isinstance(values.get(key), int | float):
            metric, _, filtered = key.partition(",")
            error = values.get(f"{metric}_stderr,{filtered}")
            scores[strategy] = MeanScore(values[key], error if isinstance(error, int | float) else None)
    tokens = sum(total.prompt_tokens + total.completion_tokens for total in totals)
    return TaskScores(label, scores, tokens, sum(total.seconds for total in totals))


def _per_task(totals: Mapping[str, RunTotals]) -> dict[str, Totals]:
    """Add up the strategies by task. The pool that all strategies share counts once."""
    per_task: dict[str, Totals] = defaultdict(Totals)
    first, *others = totals.values()
    for task, total in [*first.tasks.items(), *(pair for other in others for pair in other.calls.items())]:
        per_task[task].merge(total)
    return per_task


def _tasks_of(name: str, members: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the tasks in a group, or `name` itself if it is a task."""
    tasks, visited, waiting = [], {name}, [name]
    while waiting:
        group = waiting.pop(0)
        tasks += [] if members.get(group) else [group]
        new = [child for child in dict.fromkeys(members.get(group) or ()) if child not in visited]
        visited.update(new)
        waiting += new
    return tasks
