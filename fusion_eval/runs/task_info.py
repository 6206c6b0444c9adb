"""Read from a results file what must agree before two runs of a task can be compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fusion_eval.runs.metric_facts import lower_is_better
from fusion_eval.runs.results_file import NO_SCORE, Results, mappings, number_or_none, section, split_metric


@dataclass(frozen=True, slots=True)
class TaskInfo:
    """What a results file says of one task. Unknown values are None, or absent from a mapping."""

    version: str | None = None
    fewshot: int | None = None
    limit: float | None = None
    language: str | None = None
    n_samples: int | None = None
    """The number of items that the harness evaluated."""
    filters: tuple[str, ...] = ()
    reported: Mapping[tuple[str, str], float] = field(default_factory=dict)
    """The harness's own aggregate, by metric and filter."""
    directions: Mapping[str, bool] = field(default_factory=dict)
    """Whether higher is better, by metric."""
    undirected: frozenset[str] = frozenset()
    """Metrics that have no better direction, such as a length."""


def higher_is_better(metric: str, infos: Sequence[TaskInfo]) -> bool:
    """Return the direction of a metric as the first of `infos` that knows it says, else by the metric's name."""
    for info in infos:
        if metric in info.directions:
            return info.directions[metric]
    return not lower_is_better(metric)


def task_info(results: Results, task: str) -> TaskInfo:
    """Return what a results file says of a task."""
    config = section(section(results, "configs"), task)
    metadata = section(config, "metadata")
    version = section(results, "versions").get(task, metadata.get("version"))
    fewshot = section(results, "n-shot").get(task, config.get("num_fewshot"))
    limit = section(results, "config").get("limit")
    directions = _directions(results, config, task)
    reported = {
        metric: value
        for key, value in section(section(results, "results"), task).items()
        if isinstance(value, float) and (metric := split_metric(key)) and metric[0] != NO_SCORE
    }
    filters = tuple(str(entry.get("name")) for entry in mappings(config, "filter_list"))
    return TaskInfo(
        version=None if version is None or version == "N/A" else str(version),
        fewshot=fewshot if isinstance(fewshot, int) else None,
        limit=None if isinstance(limit, str) or number_or_none(limit) is None else limit,
        language=str(metadata["language"]) if metadata.get("language") else None,
        n_samples=effective if type(effective := _samples(results, task).get("effective")) is int else None,
        filters=filters or tuple(dict.fromkeys(filtered for _, filtered in reported)),
        reported=reported,
        directions={metric: better for metric, better in directions.items() if isinstance(better, bool)},
        undirected=frozenset(metric for metric, better in directions.items() if better is None),
    )


def _samples(results: Results, task: str) -> Results:
    return section(section(results, "n-samples"), task)


def _directions(results: Results, config: Results, task: str) -> dict[str, Any]:
    """Return `higher_is_better` of each metric: true, false, or null if it has no better direction."""
    listed = {
        entry["metric"]: entry["higher_is_better"]
        for entry in mappings(config, "metric_list")
        if isinstance(entry.get("metric"), str) and "higher_is_better" in entry
    }
    return listed | dict(section(section(results, "higher_is_better"), task))
