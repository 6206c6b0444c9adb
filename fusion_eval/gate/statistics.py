"""The statistics of a metric's items: as columns in a baseline, and as arrays that tests work on."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from fusion_eval.comparison.aggregations import Aggregation, aggregation_named
from fusion_eval.comparison.cells import Floats, mean_statistics, segment_statistics
from fusion_eval.errors import ConfigError
from fusion_eval.gate.baseline import Column, MetricValues
from fusion_eval.runs.values import Part, Parts, Segment, Value
from fusion_eval.stats.corpus import CorpusMetric, MissingTokenizerError, corpus_metric

Scoring = Aggregation | CorpusMetric | None
"""How statistics become values. None for a mean."""
_DIGITS = 5
"""Significant digits of a value: far below any difference that matters, and few bytes."""
_LABEL_BYTES = 6
LABEL_AGGREGATIONS = ("binary_f1", "macro_f1", "micro_f1", "mcc")
"""Aggregations of pairs of labels. Their two columns are the places of the labels in `MetricValues.labels`."""


def mean_columns(values: Sequence[Value]) -> tuple[Column, ...]:
    """Return the column of a metric that is a mean of numbers."""
    return (_column([value if isinstance(value, float) else None for value in values]),)


def corpus_columns(values: Sequence[Value], corpus: CorpusMetric) -> tuple[Column, ...]:
    """Return a column for each statistic of a corpus metric."""
    segments = {place: value for place, value in enumerate(values) if isinstance(value, Segment)}
    return _columns(segment_statistics(corpus, list(segments.values())), list(segments), len(values))


def part_columns(values: Sequence[Parts | None], aggregation: Aggregation) -> tuple[Column, ...]:
    """Return a column for each statistic of a metric whose values are lists."""
    known = {place: value for place, value in enumerate(values) if value is not None}
    return _columns(aggregation.statistics(list(known.values())), list(known), len(values))


def label_columns(values: Sequence[Parts | None]) -> tuple[tuple[Column, ...], tuple[Part, ...]]:
    """Return the columns of true and of predicted labels, and the labels that they point to.

    Labels that are texts are hashed, as they can be answers.
    """
    pairs = [None if value is None else tuple(map(_hashed, value)) for value in values]
    places = {
        label: place for place, label in enumerate(dict.fromkeys(x for pair in pairs if pair for x in pair))
    }
    columns = tuple(tuple(None if pair is None else places[pair[side]] for pair in pairs) for side in (0, 1))
    return columns, tuple(places)


def rounded(value: float) -> float:
    """Return a number with the digits that a baseline keeps."""
    return float(f"{value:.{_DIGITS}g}")


def statistics_of(
    sides: Sequence[MetricValues], places: Sequence[Sequence[int]], language: str | None
) -> tuple[Floats, Scoring]:
    """Return the statistics (sides, items, k) of a metric, and how they become values.

    Args:
        sides: The metric on each side. The first says how it is scored.
        places: The items of each side. All of them have values.
        language: The language of the task.

    Raises:
        ConfigError: The statistics are not those of the metric, or it cannot be scored here.
    """
    first = sides[0]
    arrays = [
        np.array(side.columns, dtype=np.float64).T[list(own)] for side, own in zip(sides, places, strict=True)
    ]
    try:
        if first.aggregation in LABEL_AGGREGATIONS:
            return _label_statistics(sides, arrays, first.aggregation)
        if first.aggregation:
            return _expect(np.stack(arrays), 2, first), aggregation_named(first.aggregation, ())
        if first.corpus:
            corpus = corpus_metric(first.corpus, language)
            return _expect(np.stack(arrays), corpus.n_statistics, first), corpus
    except (MissingTokenizerError, ValueError) as error:
        raise ConfigError(f"{first.metric} cannot be scored here: {error}") from error
    return mean_statistics(_expect(np.stack(arrays), 1, first)[..., 0]), None


def check_columns(values: MetricValues) -> None:
    """Check the columns of a metric that a file holds.

    Raises:
        ValueError: The aggregation is not known, its columns are not two, or they point to no label.
    """
    if values.aggregation is None:
        return
    with_labels = values.aggregation in LABEL_AGGREGATIONS
    if not with_labels:
        aggregation_named(values.aggregation, ())
    places = {place for column in values.columns for place in column if place is not None}
    if len(values.columns) != 2 or (with_labels and not places <= set(range(len(values.labels)))):
        raise ValueError(f"the statistics of {values.metric} are not those of {values.aggregation}")


def known_items(values: MetricValues, places: Sequence[int]) -> npt.NDArray[np.bool_]:
    """Return which of the items at these places have a value."""
    array = np.array(values.columns, dtype=np.float64).T[list(places)]
    return np.atleast_1d(~np.isnan(array).any(axis=1))


def _label_statistics(
    sides: Sequence[MetricValues], arrays: Sequence[Floats], aggregation: str
) -> tuple[Floats, Scoring]:
    pairs = [
        [tuple(side.labels[int(place)] for place in item) for item in array]
        for side, array in zip(sides, arrays, strict=True)
    ]
    scoring = aggregation_named(aggregation, [pair for side in pairs for pair in side])
    return np.stack([scoring.statistics(side) for side in pairs]), scoring


def _expect(statistics: Floats, size: int, values: MetricValues) -> Floats:
    if statistics.shape[-1] != size:
        raise ConfigError(
            f"{values.metric} has {statistics.shape[-1]} statistics per item and should have {size}; "
            "the baseline is damaged, make it again"
        )
    return statistics


def _columns(statistics: Floats, places: list[int], items: int) -> tuple[Column, ...]:
    """Return the columns of all items, where only those at `places` have statistics."""
    every = np.full((items, statistics.shape[1]), np.nan)
    every[places] = statistics
    return tuple(_column([None if np.isnan(one) else float(one) for one in column]) for column in every.T)


def _column(values: Iterable[float | None]) -> Column:
    short = (None if value is None else rounded(value) for value in values)
    return tuple(int(value) if value is not None and value.is_integer() else value for value in short)


def _hashed(label: Part) -> Part:
    if isinstance(label, float):
        return label
    if isinstance(label, tuple):
        return tuple(sorted(_hash(text) for text in label))
    return _hash(label)


def _hash(text: str) -> str:
    return "#" + hashlib.sha256(text.encode(errors="replace")).hexdigest()[: 2 * _LABEL_BYTES]
