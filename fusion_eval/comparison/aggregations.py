"""Metrics that are no mean of their items: ratios of sums, perplexities, F1 and MCC, by the statistics of each item."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from fusion_eval.comparison.items import Entry, FilteredMetric
from fusion_eval.comparison.label_scores import ConfusionMatrix, LabelF1, item_f1, micro_f1
from fusion_eval.comparison.matching import MatchedTask
from fusion_eval.comparison.metrics import why_not_comparable
from fusion_eval.runs.reading import Run
from fusion_eval.runs.values import Part, Parts, Segment, Value
from fusion_eval.stats.paired import Floats, Score, mean_score

_TOLERANCE = 1e-6
"""Relative. Rounding in JSON causes far smaller differences."""
_LARGEST_EXPONENT = 700.0
"""exp() of more overflows."""


@dataclass(frozen=True, slots=True)
class Aggregation:
    """How a metric is computed from statistics (items, k) that add up over items."""

    name: str
    score: Score
    item_score: Score
    statistics: Callable[[Sequence[Parts]], Floats]
    """Maps the values of items to their statistics."""
    has_labels: bool = False
    """Whether each value is a pair of true and predicted labels."""


def choose_aggregation(
    runs: Sequence[Run], part: MatchedTask, metric: FilteredMetric
) -> tuple[Aggregation | None, str | None]:
    """Decide how a metric is aggregated.

    Returns:
        The aggregation, None for means and corpus metrics; and the reason why the metric cannot be compared, or None.
    """
    reason = why_not_comparable(runs, part, metric)
    if reason is None and not metric[0].lower().endswith("perplexity"):
        return None, None
    aggregation = aggregation_of(runs, part, metric)
    return aggregation, None if aggregation else reason


def aggregation_named(name: str, values: Sequence[Parts]) -> Aggregation:
    """Return the aggregation that has this name. `values` tell the labels that occur.

    Raises:
        ValueError: There is no such aggregation.
    """
    if name in _WITH_OCCURRING_LABELS:
        return _WITH_OCCURRING_LABELS[name](values)
    if name not in _OTHERS:
        raise ValueError(f"{name} is no known aggregation")
    return _OTHERS[name]


def aggregation_of(runs: Sequence[Run], part: MatchedTask, metric: FilteredMetric) -> Aggregation | None:
    """Return how a metric is aggregated, if it is none of a mean and a corpus metric.

    The name and the form of the values tell the candidates. Each candidate must give the number that the results file
    of each run reports, where there is one.

    Returns:
        None if no candidate fits, or if the values are plain numbers or texts of a corpus metric.
    """
    known = [value for run in runs for value in _values_of(run, part.task, metric) if value is not None]
    if not known:
        return None
    for aggregation in _candidates(metric[0], known):
        if all(_agrees(aggregation, run, part.task, metric) for run in runs):
            return aggregation
    return None


def parts_of(entry: Entry, metric: FilteredMetric) -> Parts | None:
    """Return the parts of an entry's value; a plain number is one part."""
    return _parts(entry.parts.get(metric), entry.values.get(metric))


def _parts(parts: Parts | None, value: Value) -> Parts | None:
    if parts is not None:
        return parts
    if isinstance(value, float):
        return (value,)
    if isinstance(value, Segment):
        return (value.references, value.hypotheses)
    return None


def _candidates(name: str, values: Sequence[Parts]) -> list[Aggregation]:
    """Return the aggregations that the name and the values admit, the likeliest first."""
    lower = name.lower()
    numbers = all(isinstance(part, float) for value in values for part in value)
    sizes = {len(value) for value in values}
    if numbers and sizes == {1}:
        return [_MEAN_PERPLEXITY] if lower.endswith("perplexity") else []
    if numbers and sizes == {2} and lower.endswith("perplexity"):
        return [_RATIO_PERPLEXITY]
    if numbers and sizes == {2} and "bits_per_byte" in lower:
        return [_BITS]
    words = lower.split("_")
    if sizes == {2} and "mcc" in words:
        return [_confusion(values)]
    if sizes == {2} and "f1" in words:
        own = [_label_f1(values), _MICRO_F1] if "micro" not in words else [_MICRO_F1]
        binary = numbers and {part for value in values for part in value} <= {0.0, 1.0}
        return [_BINARY_F1, *own] if binary and not {"micro", "macro"} & set(words) else own
    if numbers:
        return [_SHARE, _WEIGHTED] if sizes == {2} else [_SHARE]
    return []


def _agrees(aggregation: Aggregation, run: Run, task: str, metric: FilteredMetric) -> bool:
    """Return whether the aggregation gives the reported number. True if there is none, or if items are missing."""
    part = run.tasks[task]
    reported = part.info.reported.get(metric)
    values = _values_of(run, task, metric)
    known = [value for value in values if value is not None]
    if reported is None or len(known) < len(values) or not part.complete:
        return True
    computed = float(aggregation.score(aggregation.statistics(known).sum(axis=0)))
    return math.isclose(computed, reported, rel_tol=_TOLERANCE, abs_tol=1e-9)


def _values_of(run: Run, task: str, metric: FilteredMetric) -> list[Parts | None]:
    """Return the value of every sample of the run."""
    name, filtered = metric
    return [
        _parts(sample.parts.get(name), sample.values.get(name))
        for sample in run.tasks[task].samples
        if sample.filter == filtered
    ]


def _sums(values: Sequence[Parts]) -> Floats:
    """Return the sum and the number of each item's parts."""
    return np.array([[sum(map(_number, value)), len(value)] for value in values], dtype=np.float64)


def _pairs(values: Sequence[Parts]) -> Floats:
    return np.array([[_number(part) for part in value] for value in values], dtype=np.float64)


def _number(part: Part) -> float:
    return part if isinstance(part, float) else math.nan


def _exponential(totals: Floats) -> Floats:
    return np.asarray(np.exp(np.minimum(-mean_score(totals), _LARGEST_EXPONENT)))


def _bits(totals: Floats) -> Floats:
    return -mean_score(totals) / math.log(2)


def _label_set(part: Part) -> frozenset[str]:
    return frozenset(part) if isinstance(part, tuple) else frozenset((str(part),))


def _label_sets(values: Sequence[Parts]) -> list[tuple[frozenset[str], frozenset[str]]]:
    return [(_label_set(value[0]), _label_set(value[1])) for value in values]


def _micro_statistics(values: Sequence[Parts]) -> Floats:
    """Return true positives, false positives and false negatives of each item."""
    return np.array(
        [[len(gold & own), len(own - gold), len(gold - own)] for gold, own in _label_sets(values)],
        dtype=np.float64,
    )


def _binary_statistics(values: Sequence[Parts]) -> Floats:
    """Return the statistics of micro F1 for the label 1 alone."""
    positive = [["1.0" in labels for labels in pair] for pair in _label_sets(values)]
    gold, own = np.array(positive, dtype=np.float64).reshape(-1, 2).T
    return np.stack([gold * own, (1 - gold) * own, gold * (1 - own)], axis=-1)


def _labels(values: Sequence[Parts]) -> tuple[str, ...]:
    return tuple(sorted({label for sets in _label_sets(values) for one in sets for label in one}))


def _label_f1(values: Sequence[Parts]) -> Aggregation:
    score = LabelF1(_labels(values))
    return Aggregation(
        "macro_f1", score, score.item_score, lambda items: score.statistics(_label_sets(items)), True
    )


def _confusion(values: Sequence[Parts]) -> Aggregation:
    score = ConfusionMatrix(_labels(values))
    return Aggregation(
        "mcc", score, score.item_score, lambda items: score.statistics(_label_sets(items)), True
    )


_MEAN_PERPLEXITY = Aggregation("perplexity", _exponential, _exponential, _sums)
"""`exp(-mean(log-likelihood))`, the harness's `perplexity`."""
_RATIO_PERPLEXITY = Aggregation("weighted_perplexity", _exponential, _exponential, _pairs)
"""`exp(-sum(log-likelihood) / sum(weight))`, the harness's `weighted_perplexity`."""
_BITS = Aggregation("bits_per_byte", _bits, _bits, _pairs)
_WEIGHTED = Aggregation("weighted_mean", mean_score, mean_score, _pairs)
_SHARE = Aggregation("mean_of_parts", mean_score, mean_score, _sums)
"""The mean over all parts of all items, as of the instructions of IFEval."""
_MICRO_F1 = Aggregation("micro_f1", micro_f1, item_f1, _micro_statistics, True)
_BINARY_F1 = Aggregation("binary_f1", micro_f1, item_f1, _binary_statistics, True)
"""F1 of the label 1."""
_OTHERS = {
    one.name: one
    for one in (_MEAN_PERPLEXITY, _RATIO_PERPLEXITY, _BITS, _WEIGHTED, _SHARE, _MICRO_F1, _BINARY_F1)
}
_WITH_OCCURRING_LABELS = {"macro_f1": _label_f1, "mcc": _confusion}
