"""Cells: the numbers of one metric of one task in all runs, as the arrays that the statistics work on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from fusion_eval.comparison.aggregations import Aggregation, parts_of
from fusion_eval.comparison.items import FilteredMetric, Item
from fusion_eval.comparison.matching import MatchedTask
from fusion_eval.comparison.metrics import corpus_name
from fusion_eval.comparison.task_families import Family
from fusion_eval.runs.values import Segment
from fusion_eval.stats.paired import Score, mean_score

if TYPE_CHECKING:
    from fusion_eval.stats.corpus import CorpusMetric

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Cell:
    """One metric of one task. `statistics` has the shape (runs, items, k).

    `score` maps the sum of a run's statistics over items to the run's value. `item_score` does so for single items.
    """

    task: str
    family: str
    language: str | None
    metric: str
    filter: str
    statistics: Floats
    clusters: npt.NDArray[np.object_]
    score: Score
    item_score: Score
    higher_is_better: bool
    missing: int = 0
    """How many items were left out because some run has no value for them."""
    binary: bool = False
    """Whether all values are 0 or 1."""
    signature: str | None = None
    """sacrebleu's signature of a corpus metric."""

    @property
    def per_item(self) -> Floats:
        """The score of each item alone, (runs, items). It is 0 if the item holds nothing to score."""
        return np.nan_to_num(self.item_score(self.statistics))


def cells_of(
    matched: MatchedTask,
    metrics: Mapping[FilteredMetric, bool],
    family: Family,
    clusters: Mapping[Item, str],
    aggregations: Mapping[FilteredMetric, Aggregation | None] = MappingProxyType({}),
) -> tuple[list[Cell], list[str]]:
    """Build the cells of one task.

    Args:
        matched: The task in all runs.
        metrics: Whether higher is better, for each metric that gets a cell.
        family: The family of the task.
        clusters: The cluster label of each item.
        aggregations: How metrics are aggregated that are neither means nor corpus metrics.

    Returns:
        A cell for each metric that can be computed, and notes on the others.
    """
    cells, notes = [], []
    for (metric, filtered), higher_is_better in metrics.items():
        aggregation = aggregations.get((metric, filtered))
        values: list[list[Any]] = [
            [
                parts_of(entries[item.key], (metric, filtered))
                if aggregation
                else entries[item.key].values.get((metric, filtered))
                for item in matched.items
            ]
            for entries in matched.entries
        ]
        kept = [place for place, row in enumerate(zip(*values, strict=True)) if None not in row]
        if not kept:
            notes.append(f"{matched.task}: {metric},{filtered} is left out: on no item have all runs a value")
            continue
        labels = np.array([clusters[matched.items[place]] for place in kept], dtype=object)
        try:
            cells.append(
                _cell(
                    (matched.task, metric, filtered),
                    family,
                    [[run[place] for place in kept] for run in values],
                    labels,
                    higher_is_better,
                    missing=len(matched.items) - len(kept),
                    aggregation=aggregation,
                )
            )
        except ImportError as error:  # a language's tokenizer is not installed
            notes.append(f"{matched.task}: {metric},{filtered} is left out: {error}")
    return cells, notes


def _cell(
    names: tuple[str, str, str],
    family: Family,
    values: Sequence[Sequence[Any]],
    clusters: npt.NDArray[np.object_],
    higher_is_better: bool,
    missing: int,
    aggregation: Aggregation | None,
) -> Cell:
    segments = [[value for value in run if isinstance(value, Segment)] for run in values]
    corpus = _corpus_metric(names[1], family.language) if segments[0] else None
    if aggregation:
        statistics = np.stack([aggregation.statistics(run) for run in values])
    elif corpus:
        statistics = np.stack([segment_statistics(corpus, run) for run in segments])
        higher_is_better = corpus.higher_is_better
    else:
        # Ten digits: the same score computed in two ways must be equal.
        statistics = mean_statistics(np.array([[float(f"{value:.10g}") for value in run] for run in values]))
    return build_cell(
        names,
        family,
        statistics,
        clusters,
        aggregation or corpus,
        higher_is_better,
        missing=missing,
        signature=corpus.signature if corpus else None,
    )


def mean_statistics(values: Floats) -> Floats:
    """Return the statistics (..., 2) of a mean of values (...): the value, and a count of 1."""
    return np.stack([values, np.ones_like(values)], axis=-1)


def build_cell(
    names: tuple[str, str, str],
    family: Family,
    statistics: Floats,
    clusters: npt.NDArray[np.object_],
    scoring: Aggregation | CorpusMetric | None,
    higher_is_better: bool,
    *,
    missing: int = 0,
    signature: str | None = None,
) -> Cell:
    """Build a cell from statistics.

    Args:
        names: The task, the metric and the filter.
        family: The family of the task.
        statistics: The statistics of each run and item (runs, items, k).
        clusters: The cluster label of each item.
        scoring: How statistics become values. None for a mean.
        higher_is_better: The direction of the metric.
        missing: How many items were left out.
        signature: sacrebleu's signature of a corpus metric.
    """
    score: Score = scoring.score if scoring else mean_score
    item_score: Score = mean_score
    if scoring:
        item_score = scoring.item_score if isinstance(scoring, Aggregation) else scoring.segment_score
    task, metric, filtered = names
    return Cell(
        task=task,
        family=family.name,
        language=family.language,
        metric=metric,
        filter=filtered,
        statistics=statistics,
        clusters=clusters,
        score=score,
        item_score=item_score,
        higher_is_better=higher_is_better,
        missing=missing,
        binary=score is mean_score
        and bool(np.isin(statistics[..., 0], (0.0, 1.0)).all() and (statistics[..., 1] == 1).all()),
        signature=signature,
    )


def _corpus_metric(metric: str, language: str | None) -> CorpusMetric:
    from fusion_eval.stats.corpus import corpus_metric  # imports sacrebleu

    return corpus_metric(corpus_name(metric) or metric, language)


def segment_statistics(corpus: CorpusMetric, segments: Sequence[Segment]) -> Floats:
    """Return the statistics of each segment, (segments, k), as the mean over its hypotheses.

    Raises:
        ValueError: There are no segments.
    """
    counts = [len(segment.hypotheses) for segment in segments]
    statistics = corpus.statistics(
        [hypothesis for segment in segments for hypothesis in segment.hypotheses],
        [list(segment.references) for segment in segments for _ in segment.hypotheses],
    )
    starts = np.cumsum([0, *counts[:-1]])
    return np.asarray(np.add.reduceat(statistics, starts, axis=0) / np.array(counts)[:, None])
