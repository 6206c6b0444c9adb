"""What a run came to: the harness's scores and the traces' costs, row by row."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fusion_eval.report.score_table import Row, Score
from fusion_eval.runs.traces import Totals, read_traces

Results = Mapping[str, Any]
"""One results file of the harness, as it holds it in memory."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Rows of the table, the name of its metric, and totals per strategy."""

    rows: tuple[Row, ...]
    metric: str
    totals: Mapping[str, Totals]


def outcome_of(results: Mapping[str, Results], output: Path) -> Outcome:
    """`results` by strategy; each strategy's traces are read from its folder in `output`."""
    per_task, per_strategy = _totals(list(results), output)
    some = next(iter(results.values()))
    labels = _labels(some["configs"])
    rows, metrics = [], set()
    for name in some["configs"]:
        if metric := _first_metric(some["results"][name]):
            metrics.add(metric.split(",")[0])
            rows.append(_row(labels[name], name, metric, results, [per_task[name]]))
    groups: Mapping[str, Any] = some.get("groups") or {}
    for name, values in groups.items():
        if metric := _first_metric(values):
            leaves = [per_task[leaf] for leaf in _leaves(name, some.get("group_subtasks") or {})]
            rows.append(_row("all" if len(groups) == 1 else name, name, metric, results, leaves))
    return Outcome(tuple(rows), metrics.pop() if len(metrics) == 1 else "metric", per_strategy)


def _labels(configs: Mapping[str, Any]) -> dict[str, str]:
    """The language of each task where these tell the tasks apart, else their names."""
    languages = {
        name: str((config.get("metadata") or {}).get("language", "")) for name, config in configs.items()
    }
    distinct = all(languages.values()) and len(set(languages.values())) == len(languages)
    return languages if distinct else {name: name for name in configs}


def _first_metric(values: Mapping[str, Any]) -> str | None:
    """Key of the first metric that is a number: `chrf,none`."""
    return next(
        (
            key
            for key, value in values.items()
            if "," in key and "_stderr," not in key and isinstance(value, int | float)
        ),
        None,
    )


def _row(label: str, name: str, metric: str, results: Mapping[str, Results], totals: Sequence[Totals]) -> Row:
    scores = {}
    for strategy, result in results.items():
        values = result["results"].get(name) or result["groups"][name]
        if isinstance(values.get(metric), int | float):
            measure, _, filtered = metric.partition(",")
            error = values.get(f"{measure}_stderr,{filtered}")
            scores[strategy] = Score(values[metric], error if isinstance(error, int | float) else None)
    tokens = sum(total.prompt_tokens + total.completion_tokens for total in totals)
    return Row(label, scores, tokens, sum(total.seconds for total in totals))


def _totals(strategies: Sequence[str], output: Path) -> tuple[dict[str, Totals], dict[str, Totals]]:
    """Totals per task, in which the pool that all strategies share is counted once, and per strategy."""
    per_task: dict[str, Totals] = defaultdict(Totals)
    per_strategy = {strategy: Totals() for strategy in strategies}
    for strategy, total in per_strategy.items():
        for path in sorted((output / strategy).glob("traces*.jsonl")):  # one per rank of a parallel run
            for trace in read_traces(path):
                total.add(trace)
                if strategy == strategies[0]:
                    per_task[trace.task].add(trace)
                else:
                    per_task[trace.task].add_calls(trace)
    return per_task, per_strategy


def _leaves(name: str, members: Mapping[str, Sequence[str]]) -> list[str]:
    children = members.get(name)
    return [leaf for child in children for leaf in _leaves(child, members)] if children else [name]
