"""What a metric's name tells of it, for metrics that the harness itself defines: its scale, its name elsewhere, its error."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MetricFacts:
    """`id` is the metric's in the registry of evaluation cards; None where it is not there."""

    low: float
    high: float
    id: str | None = None
    unit: str | None = None


_FACTS = {
    "acc": MetricFacts(0, 1, "accuracy", "proportion"),
    "acc_norm": MetricFacts(0, 1, None, "proportion"),
    "exact_match": MetricFacts(0, 1, "exact-match", "proportion"),
    "mc1": MetricFacts(0, 1, None, "proportion"),
    "mc2": MetricFacts(0, 1, None, "proportion"),
    "mcc": MetricFacts(-1, 1),
    "brier_score": MetricFacts(0, 2),
    "perplexity": MetricFacts(1, math.inf, "perplexity"),
    "word_perplexity": MetricFacts(1, math.inf),
    "byte_perplexity": MetricFacts(1, math.inf),
    "bits_per_byte": MetricFacts(0, math.inf, None, "bits_per_byte"),
    "bleu": MetricFacts(0, 100, "bleu", "percent"),
    "chrf": MetricFacts(0, 100, None, "percent"),
    "chrf++": MetricFacts(0, 100, None, "percent"),
    "ter": MetricFacts(0, math.inf, None, "percent"),
}
_ERRORS = dict.fromkeys(("mean", "acc_all"), "analytic") | dict.fromkeys(
    ("bleu", "chrf", "f1_score", "matthews_corrcoef", "median", "nanmean", "perplexity", "ter"), "bootstrap"
)


def facts_of(metric: str, values: Collection[float]) -> MetricFacts | None:
    """None for a metric that is not known, or that a task has by the same name on another scale, as `values` show."""
    known = _FACTS.get(metric)
    return known if known and all(known.low <= value <= known.high for value in values) else None


def full_marks(metric: str, values: Collection[float], higher_is_better: bool) -> float | None:
    """The best that an item can have; values from 0 to 1 say it themselves. None where the scale is not known."""
    facts = facts_of(metric, values)
    if facts is None and all(0 <= value <= 1 for value in values):
        facts = MetricFacts(0, 1)
    if facts is None:
        return None
    best = facts.high if higher_is_better else facts.low
    return best if math.isfinite(best) else None


def error_method(aggregation: str | None) -> str | None:
    """How the harness computes the standard error of values that are aggregated so; None where that is not known."""
    return _ERRORS.get(aggregation or "")
