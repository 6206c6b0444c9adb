"""What the name of a metric says about it: its range, its direction, and its name in other registries."""

from __future__ import annotations

import math
import re
from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MetricFacts:
    """The range of a metric that the harness defines."""

    low: float
    high: float
    id: str | None = None
    """The metric in the registry of Every Eval Ever; None if it is not there."""
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
_PERPLEXITIES = ("perplexity", "bits_per_byte")
_LOSSES = ("loss", "mae", "mse", "rmse", "error", "errors")
_GRADED = (
    "bleu",
    "bleurt",
    "chrf",
    "ter",
    "wer",
    "cer",
    "rouge",
    "meteor",
    "bertscore",
    "comet",
    "xcomet",
    "f1",
    "mc2",
)
"""First words of the names of metrics that give an item more than right or wrong."""
_ERROR_RATES = ("ter", "wer", "cer", "brier")


_SUCCESSES = frozenset({"acc", "accuracy", "correct", "match", "precision", "recall", "f1", "auc"})
"""Last words of names of metrics of which more is better, whatever stands before them."""


def facts_of(metric: str, values: Collection[float]) -> MetricFacts | None:
    """Return the facts of a metric.

    Returns:
        None if the metric is not known, or if `values` show that the task uses the name for another range.
    """
    facts = _FACTS.get(metric)
    return facts if facts and all(facts.low <= value <= facts.high for value in values) else None


def best_value(metric: str, values: Collection[float], higher_is_better: bool) -> float | None:
    """Return the best value that an item can have.

    An unknown metric whose values are all from 0 to 1 is taken to have that range.

    Returns:
        None if the range is not known, or has no end on that side.
    """
    facts = facts_of(metric, values)
    if facts is None and all(0 <= value <= 1 for value in values):
        facts = MetricFacts(0, 1)
    if facts is None:
        return None
    best = facts.high if higher_is_better else facts.low
    return best if math.isfinite(best) else None


def lower_is_better(metric: str) -> bool:
    """Return whether the name says that lower is better, for results files that do not say it."""
    name = metric.lower()
    if name.rpartition("_")[2] in _SUCCESSES:  # `ter_acc` is the share of items with the right TER
        return False
    return name.endswith(_PERPLEXITIES) or not {*_LOSSES, *_ERROR_RATES}.isdisjoint(name.split("_"))


def is_graded(metric: str) -> bool:
    """Return whether the name says that an item's value is more than right (1) or wrong (0), whatever the values at hand."""
    facts = _FACTS.get(metric.lower())
    word = re.split(r"[^a-z]+", metric.lower(), maxsplit=1)[0]
    return metric.lower() in _GRADED or word in _GRADED or bool(facts and (facts.low, facts.high) != (0, 1))


def is_unbounded(metric: str) -> bool:
    """Return whether the name says that values have no upper bound, however small the values at hand are."""
    return metric.lower().endswith((*_PERPLEXITIES, *_LOSSES))


def is_logarithmic(metric: str) -> bool:
    """Return whether the name says that the metric comes from log-likelihoods, so that a share of it has a meaning."""
    return metric.lower().endswith(_PERPLEXITIES)
