"""Pair the values of a baseline and a candidate, item by item."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from fusion_eval.comparison.cells import Cell, Floats
from fusion_eval.comparison.matching import format_limit, setup_difference
from fusion_eval.errors import ConfigError
from fusion_eval.gate.baseline import Baseline, MetricValues, TaskValues
from fusion_eval.stats.corpus import MissingTokenizerError, corpus_metric
from fusion_eval.stats.paired import mean_score

Places = tuple[list[int], list[int]]
"""The places of the common items: in the baseline, and in the candidate."""


def paired_cells(
    baseline: Baseline, candidate: Baseline, metrics: Sequence[str], allow_partial: bool
) -> tuple[list[Cell], list[str]]:
    """Build a cell with two runs for each task, metric and filter of the baseline.

    The candidate has to have all that the baseline has, since a value that disappears is no improvement.

    Args:
        baseline: The baseline.
        candidate: The candidate.
        metrics: The metrics to pair. Empty means all.
        allow_partial: Leave out what the candidate lacks, and add a note, instead of raising an error.

    Returns:
        The cells, and notes on what is left out or differs.

    Raises:
        ConfigError: The two differ in a task's version, few-shot examples or direction; or, unless `allow_partial`, the
            candidate lacks something.
    """
    notes: list[str] = []
    candidate_tasks = {task.task: task for task in candidate.tasks}
    cells = []
    for task in baseline.tasks:
        other = candidate_tasks.get(task.task)
        if other is None:
            _report_missing(f"task {task.task}", baseline, candidate, allow_partial, notes)
            continue
        _check_same_setup(task, other, baseline, candidate)
        places = _common_items(task, other, baseline, candidate, allow_partial, notes)
        if task.prompts != other.prompts and len(places[0]) == len(task.clusters) == len(other.clusters):
            notes.append(f"{task.task}: the prompts are not those of the baseline")
        for values in task.metrics:
            if not metrics or values.metric in metrics:
                cell = _cell(task, values, other, places, (baseline, candidate), allow_partial, notes)
                cells += [cell] if cell else []
    if new := sorted(set(candidate_tasks) - {task.task for task in baseline.tasks}):
        notes.append(f"{', '.join(new)}: not in the baseline, and so not checked")
    return cells, notes


def _report_missing(
    what: str, baseline: Baseline, candidate: Baseline, allow_partial: bool, notes: list[str]
) -> None:
    loss = f"The {what} is in the baseline {baseline.name} and not in {candidate.name}"
    if not allow_partial:
        raise ConfigError(
            f"{loss}; run it again with what it had, or make a new baseline, or add --allow_partial to leave it out"
        )
    notes.append(f"{loss}, and is left out")


def _check_same_setup(task: TaskValues, other: TaskValues, baseline: Baseline, candidate: Baseline) -> None:
    if difference := setup_difference(task, other, (f"the baseline {baseline.name}", candidate.name)):
        raise ConfigError(
            f"{task.task} is not the same task in both: {difference}; make a new baseline with fusion-eval baseline, or run "
            "the candidate as the baseline was"
        )


def _common_items(
    task: TaskValues,
    other: TaskValues,
    baseline: Baseline,
    candidate: Baseline,
    allow_partial: bool,
    notes: list[str],
) -> Places:
    """Return the places of the items that both have."""
    keys, other_keys = _keys(task, other)
    other_places = {key: place for place, key in enumerate(other_keys)}
    places = [place for place, key in enumerate(keys) if key in other_places]
    gone, new = len(keys) - len(places), len(other_keys) - len(places)
    if not places:
        raise ConfigError(
            f"{task.task}: {baseline.name} and {candidate.name} have no item in common; they ran on different data"
        )
    if gone or new:
        loss = f"{task.task}: {gone} items are in the baseline alone and {new} in {candidate.name} alone"
        if task.limit != other.limit:
            loss += f" (--limit {format_limit(task.limit)} and {format_limit(other.limit)})"
        if not allow_partial:
            raise ConfigError(
                f"{loss}, or their documents or targets have changed; --allow_partial checks the {len(places)} that both have"
            )
        notes.append(f"{loss}; {len(places)} are checked")
    return places, [other_places[keys[place]] for place in places]


def _keys(task: TaskValues, other: TaskValues) -> tuple[list[bytes], list[bytes]]:
    """Return the item hashes of both, cut to the length of the shorter ones."""
    length = min(task.hash_bytes, other.hash_bytes)
    return [key[:length] for key in task.hashes()], [key[:length] for key in other.hashes()]


def _cell(
    task: TaskValues,
    values: MetricValues,
    other: TaskValues,
    places: Places,
    sides: tuple[Baseline, Baseline],
    allow_partial: bool,
    notes: list[str],
) -> Cell | None:
    """Build the cell of one metric. None if the candidate lacks the metric, or no item has both values."""
    other_metrics: Mapping[tuple[str, str], MetricValues] = {(m.metric, m.filter): m for m in other.metrics}
    name = f"{values.metric},{values.filter}"
    match = other_metrics.get((values.metric, values.filter))
    if match is None or (match.corpus, len(match.columns)) != (values.corpus, len(values.columns)):
        _report_missing(f"metric {name} of {task.task}", *sides, allow_partial, notes)
        return None
    if match.higher_is_better != values.higher_is_better:
        better = "higher" if values.higher_is_better else "lower"
        raise ConfigError(
            f"{task.task}: in the baseline {better} is better of {name}, and in {sides[1].name} it is not; "
            "make a new baseline, or run the candidate as the baseline was"
        )
    if match.signature != values.signature:
        notes.append(f"{task.task}: {name} was {values.signature} in the baseline and is {match.signature}")
    arrays = [
        np.array(side.columns, dtype=np.float64).T[own]
        for side, own in zip((values, match), places, strict=True)
    ]
    known = _known_in_both(arrays, task.task, name, sides, allow_partial, notes)
    if known is None:
        return None
    labels = np.array(task.clusters, dtype=object)[places[0]]
    return _build_cell(task, values, np.stack(arrays)[:, known], labels[known], int((~known).sum()))


def _known_in_both(
    arrays: Sequence[Floats],
    task: str,
    metric: str,
    sides: tuple[Baseline, Baseline],
    allow_partial: bool,
    notes: list[str],
) -> npt.NDArray[np.bool_] | None:
    """Return which items have a value on both sides. None if there is no such item."""
    without_baseline, without_candidate = (np.atleast_1d(np.isnan(array).any(axis=1)) for array in arrays)
    known = ~(without_baseline | without_candidate)
    if not known.any():
        loss = f"{task}: on no item do both {sides[0].name} and {sides[1].name} have a value of {metric}"
        if not allow_partial:
            raise ConfigError(f"{loss}; run the candidate again, or add --allow_partial to leave it out")
        notes.append(f"{loss}, and it is left out")
        return None
    if gone := int((without_candidate & ~without_baseline).sum()):
        loss = f"{task}: {gone} items with a value of {metric} in the baseline have none in {sides[1].name}"
        if not allow_partial:
            raise ConfigError(f"{loss}; --allow_partial checks the {int(known.sum())} that both have")
        notes.append(f"{loss}; {int(known.sum())} are checked")
    return known


def _build_cell(
    task: TaskValues,
    values: MetricValues,
    statistics: Floats,
    clusters: npt.NDArray[np.object_],
    missing: int,
) -> Cell:
    if values.corpus is None:
        corpus = None
        statistics = np.concatenate([statistics, np.ones_like(statistics)], axis=-1)
    else:
        try:
            corpus = corpus_metric(values.corpus, task.language)
        except (MissingTokenizerError, ValueError) as error:
            raise ConfigError(f"{task.task}: {values.metric} cannot be scored here: {error}") from error
        if statistics.shape[-1] != corpus.n_statistics:
            raise ConfigError(
                f"{task.task}: {values.metric} has {statistics.shape[-1]} statistics per item and should have "
                f"{corpus.n_statistics}; the baseline is damaged, make it again"
            )
    return Cell(
        task=task.task,
        family=task.family,
        language=task.language,
        metric=values.metric,
        filter=values.filter,
        statistics=statistics,
        clusters=clusters,
        score=corpus.score if corpus else mean_score,
        item_score=corpus.segment_score if corpus else mean_score,
        higher_is_better=values.higher_is_better,
        missing=missing,
        binary=corpus is None and bool(np.isin(statistics[..., 0], (0.0, 1.0)).all()),
        signature=values.signature,
    )
