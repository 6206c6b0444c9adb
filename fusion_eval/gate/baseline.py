"""A run as the gate sees it: hashes of the items and the values of each metric, but no text of any document or answer."""

from __future__ import annotations

import base64
from dataclasses import dataclass

from fusion_eval.runs.values import Part

Column = tuple[float | None, ...]
"""A number for each item, in the order of the items. None for a missing value."""


@dataclass(frozen=True, slots=True)
class MetricValues:
    """One metric under one filter. A mean has one column; other metrics have one for each sufficient statistic."""

    metric: str
    filter: str
    higher_is_better: bool
    columns: tuple[Column, ...]
    corpus: str | None = None
    """`bleu`, `chrf`, `chrf++` or `ter`, if the columns are the statistics of a corpus metric."""
    signature: str | None = None
    """sacrebleu's signature of a corpus metric."""
    aggregation: str | None = None
    """How a metric is computed that is neither a mean nor a corpus metric, such as `macro_f1`."""
    labels: tuple[Part, ...] = ()
    """The labels that the columns of such a metric point to. Texts are hashed."""

    @property
    def key(self) -> tuple[str, str]:
        """Metric and filter."""
        return self.metric, self.filter


@dataclass(frozen=True, slots=True)
class TaskValues:
    """One task: its items, their clusters and its metrics."""

    task: str
    family: str
    language: str | None
    version: str | None
    fewshot: int | None
    limit: float | None
    prompts: str
    """One hash of all prompts, as the model got them."""
    hash_bytes: int
    items: str
    """The hashes of all items, of `hash_bytes` bytes each, joined and in base64."""
    clusters: tuple[int, ...]
    """The cluster of each item."""
    metrics: tuple[MetricValues, ...]

    def hashes(self) -> list[bytes]:
        """Return the hash of each item.

        Raises:
            ValueError: `items` is not base64 of whole hashes.
        """
        joined = base64.b64decode(self.items, validate=True)
        if self.hash_bytes < 1 or len(joined) % self.hash_bytes:
            raise ValueError(f"{len(joined)} bytes are no hashes of {self.hash_bytes}")
        return [joined[start : start + self.hash_bytes] for start in range(0, len(joined), self.hash_bytes)]


@dataclass(frozen=True, slots=True)
class ReportedMetric:
    """A metric as a results file states it: the harness's own aggregate, None if the file has none."""

    task: str
    metric: str
    filter: str
    higher_is_better: bool
    value: float | None

    @property
    def key(self) -> tuple[str, str, str]:
        """Task, metric and filter."""
        return self.task, self.metric, self.filter


@dataclass(frozen=True, slots=True)
class Baseline:
    """One side of a check. It comes from a baseline file or from a run. `signature` says how one of our runs was made."""

    name: str
    date: str
    tasks: tuple[TaskValues, ...]
    model: str | None = None
    signature: str | None = None
    notes: tuple[str, ...] = ()
    reported: tuple[ReportedMetric, ...] = ()
    """Every metric of the results files that has a better direction, whether it can be tested or not."""

    def filtered_metrics(self) -> set[tuple[str, str]]:
        """Return every metric with each of its filters, whether it can be tested or not."""
        tested = {(values.metric, values.filter) for task in self.tasks for values in task.metrics}
        return tested | {(one.metric, one.filter) for one in self.reported}
