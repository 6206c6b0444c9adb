"""Infer the range of each metric from the baseline's values. A name never widens a range."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from fusion_eval.gate.baseline import Baseline
from fusion_eval.runs.metric_facts import is_unbounded

_TO_100 = ("bleu", "chrf", "chrf++", "ter")
"""Sentence metrics on a scale to 100. The name alone is not enough: values up to 1 are on a scale to 1."""
_SURELY_PERCENT = 50
"""No rating scale goes further than this, so a larger value is on a scale to 100."""


def scales_of(baseline: Baseline) -> Mapping[str, float | None]:
    """Return the range of each metric, 1 or 100, or None if it is not clear.

    Only the baseline's values count, over all its tasks. So a candidate cannot widen its own margin.
    """
    values: dict[str, list[float]] = defaultdict(list)
    for found in (found for task in baseline.tasks for found in task.metrics):
        column = [0.0, 100.0] if found.corpus else [value for value in found.columns[0] if value is not None]
        values[found.metric] += column
    return {metric: scale_of(metric, found) for metric, found in values.items()}


def scale_of(metric: str, values: Sequence[float]) -> float | None:
    """Return the range of a metric with these values, 1 or 100, or None if it is not clear.

    Values up to 1 are on a scale to 1, even if the metric's name holds `bleu`. So no name can widen a margin. A name
    can only say that the metric has no largest value.
    """
    lowest, highest = min(values, default=0.0), max(values, default=0.0)
    if values and set(values) <= {0.0, 1.0}:
        return 1.0
    if lowest < 0 or highest > 100 or is_unbounded(metric):
        return None
    if highest > _SURELY_PERCENT or (highest > 1 and metric.lower() in _TO_100):
        return 100.0
    return 1.0 if highest <= 1 else None  # Ratings go to 5 or to 10.
