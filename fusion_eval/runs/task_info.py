"""What a results file says of each task: what must agree before two runs can be compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fusion_eval.runs.files import Results, section

_LOWER_IS_BETTER = frozenset({"ter", "wer", "cer", "brier", "loss", "mae", "mse", "rmse"})
"""Directions for files of releases that did not write them."""


@dataclass(frozen=True, slots=True)
class TaskInfo:
    """One task as one run had it. What the results file does not say is None, or absent from a mapping."""

    version: str | None = None
    fewshot: int | None = None
    limit: float | None = None
    language: str | None = None
    filters: tuple[str, ...] = ()
    reported: Mapping[tuple[str, str], float] = field(default_factory=dict)
    """The harness's own aggregate by (metric, filter)."""
    directions: Mapping[str, bool] = field(default_factory=dict)
    """Whether higher is better, by metric."""
    undirected: frozenset[str] = frozenset()
    """Metrics of which the task says that neither high nor low is better, such as a length."""


def higher_is_better(metric: str, infos: Sequence[TaskInfo]) -> bool:
    """As the first of these says that says it, else by the metric's name."""
    for info in infos:
        if metric in info.directions:
            return info.directions[metric]
    name = metric.lower()
    return not (_LOWER_IS_BETTER & set(name.split("_")) or name.endswith(("perplexity", "bits_per_byte")))


def task_info(results: Results | None, task: str) -> TaskInfo:
    """Of the task in a results file; nothing is known where there is none."""
    if results is None:
        return TaskInfo()
    config = _mapping(section(results, "configs").get(task))
    metadata = _mapping(config.get("metadata"))
    version = section(results, "versions").get(task, metadata.get("version"))
    fewshot = section(results, "n-shot").get(task, config.get("num_fewshot"))
    limit = section(results, "config").get("limit")
    said = _directions(results, config, task)
    reported = {
        _metric_and_filter(key): value
        for key, value in _mapping(section(results, "results").get(task)).items()
        if isinstance(value, float) and _is_metric(key)
    }
    return TaskInfo(
        version=None if version is None or version == "N/A" else str(version),
        fewshot=fewshot if isinstance(fewshot, int) else None,
        limit=limit if isinstance(limit, int | float) else None,
        language=str(metadata["language"]) if metadata.get("language") else None,
        filters=_filters(config) or tuple(dict.fromkeys(filtered for _, filtered in reported)),
        reported=reported,
        directions={m: better for m, better in said.items() if isinstance(better, bool)},
        undirected=frozenset(metric for metric, better in said.items() if better is None),
    )


def _filters(config: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(str(entry.get("name")) for entry in _entries(config, "filter_list"))


def _entries(config: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    listed = config.get(name)
    return [entry for entry in listed if isinstance(entry, Mapping)] if isinstance(listed, list) else []


def _directions(results: Results, config: Mapping[str, Any], task: str) -> dict[str, Any]:
    """What is said of each metric: true, false, or null where it has no better end."""
    listed = {
        entry["metric"]: entry["higher_is_better"]
        for entry in _entries(config, "metric_list")
        if isinstance(entry.get("metric"), str) and "higher_is_better" in entry
    }
    return listed | dict(_mapping(section(results, "higher_is_better").get(task)))


def _is_metric(key: str) -> bool:
    metric, comma, _ = key.partition(",")
    return bool(comma) and not metric.endswith("_stderr")


def _metric_and_filter(key: str) -> tuple[str, str]:
    metric, _, filtered = key.partition(",")
    return metric, filtered


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
