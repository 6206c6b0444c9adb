"""Infer the range of each metric from the baseline's values. A name never widens a range."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from fusion_eval.comparison.aggregations import aggregation_named
from fusion_eval.gate.baseline import Baseline, MetricValues
from fusion_eval.gate.statistics import LABEL_AGGREGATIONS
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
    for one in (one for task in baseline.tasks for one in task.metrics):
        values[one.metric] += _values(one)
    return {metric: scale_of(metric, known) for metric, known in values.items()}


def _values(metric: MetricValues) -> list[float]:
    """Return the scores of the items, or the ends of the range if the kind of the metric tells them."""
    if metric.corpus:
        return [0.0, 100.0]
    if metric.aggregation in LABEL_AGGREGATIONS:
        return [0.0, 1.0]
    if not metric.aggregation:
        return [value for value in metric.columns[0] if value is not None]
    statistics = np.array(metric.columns, dtype=np.float64).T
    known = statistics[~np.isnan(statistics).any(axis=1)]
    return [
        float(score) for score in np.nan_to_num(aggregation_named(metric.aggregation, ()).item_score(known))
    ]


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
