"""The baseline's values and the candidate's, item by item."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from fusion_eval.compare.cells import Cell, Floats
from fusion_eval.compare.matching import format_limit, setup_difference
from fusion_eval.errors import ConfigError
from fusion_eval.gate.baseline import Baseline, MetricValues, TaskValues
from fusion_eval.stats.corpus import MissingTokenizerError, corpus_metric
from fusion_eval.stats.paired import mean_score

Places = tuple[list[int], list[int]]
"""Where the items that both have stand: in the baseline, in the candidate."""


def paired_cells(
    baseline: Baseline, candidate: Baseline, metrics: Sequence[str], allow_partial: bool
) -> tuple[list[Cell], list[str]]:
    """A cell per task, metric and filter of the baseline, of two runs each; and notes.

    All that the baseline has, the candidate must have: what disappears is no improvement. Raises `ConfigError` where it
    has not, unless `allow_partial`, and where the two are not of the same task.
    """
    notes: list[str] = []
    theirs = {task.task: task for task in candidate.tasks}
    made = []
    for task in baseline.tasks:
        other = theirs.get(task.task)
        if other is None:
            _lacking(f"task {task.task}", baseline, candidate, allow_partial, notes)
            continue
        _same_setup(task, other, baseline, candidate)
        places = _places(task, other, baseline, candidate, allow_partial, notes)
        if task.prompts != other.prompts and len(places[0]) == len(task.clusters) == len(other.clusters):
            notes.append(f"{task.task}: the prompts are not those of the baseline")
        for values in task.metrics:
            if not metrics or values.metric in metrics:
                cell = _cell(task, values, other, places, (baseline, candidate), allow_partial, notes)
                made += [cell] if cell else []
    if new := sorted(set(theirs) - {task.task for task in baseline.tasks}):
        notes.append(f"{', '.join(new)}: not in the baseline, and so not checked")
    return made, notes


def _lacking(what: str, has: Baseline, lacks: Baseline, allow_partial: bool, notes: list[str]) -> None:
    said = f"The {what} is in the baseline {has.name} and not in {lacks.name}"
    if not allow_partial:
        raise ConfigError(
            f"{said}; run it again with what it had, or make a new baseline, or add --allow_partial to leave it out"
        )
    notes.append(f"{said}, and is left out")


def _same_setup(task: TaskValues, other: TaskValues, baseline: Baseline, candidate: Baseline) -> None:
    if said := setup_difference(task, other, (f"the baseline {baseline.name}", candidate.name)):
        raise ConfigError(
            f"{task.task} is not the same task in both: {said}; make a new baseline with fusion-eval baseline, or run the "
            "candidate as the baseline was"
        )


def _places(
    task: TaskValues,
    other: TaskValues,
    baseline: Baseline,
    candidate: Baseline,
    allow_partial: bool,
    notes: list[str],
) -> Places:
    keys, theirs = _keys(task, other)
    where = {key: place for place, key in enumerate(theirs)}
    mine = [place for place, key in enumerate(keys) if key in where]
    gone, new = len(keys) - len(mine), len(theirs) - len(mine)
    if not mine:
        raise ConfigError(
            f"{task.task}: {baseline.name} and {candidate.name} have no item in common; they ran on different data"
        )
    if gone or new:
        said = f"{task.task}: {gone} items are in the baseline alone and {new} in {candidate.name} alone"
        if task.limit != other.limit:
            said += f" (--limit {format_limit(task.limit)} and {format_limit(other.limit)})"
        if not allow_partial:
            raise ConfigError(
                f"{said}, or their documents or targets have changed; --allow_partial checks the {len(mine)} that both have"
            )
        notes.append(f"{said}; {len(mine)} are checked")
    return mine, [where[keys[place]] for place in mine]


def _keys(task: TaskValues, other: TaskValues) -> tuple[list[bytes], list[bytes]]:
    """Both as long as the shorter of their hashes."""
    shorter = min(task.hash_bytes, other.hash_bytes)
    return [key[:shorter] for key in task.hashes()], [key[:shorter] for key in other.hashes()]


def _cell(
    task: TaskValues,
    values: MetricValues,
    other: TaskValues,
    places: Places,
    runs: tuple[Baseline, Baseline],
    allow_partial: bool,
    notes: list[str],
) -> Cell | None:
    found: Mapping[tuple[str, str], MetricValues] = {(m.metric, m.filter): m for m in other.metrics}
    name = f"{values.metric},{values.filter}"
    match = found.get((values.metric, values.filter))
    if match is None or (match.corpus, len(match.columns)) != (values.corpus, len(values.columns)):
        _lacking(f"metric {name} of {task.task}", *runs, allow_partial, notes)
        return None
    if match.higher_is_better != values.higher_is_better:
        better = "higher" if values.higher_is_better else "lower"
        raise ConfigError(
            f"{task.task}: in the baseline {better} is better of {name}, and in {runs[1].name} it is not; "
            "make a new baseline, or run the candidate as the baseline was"
        )
    if match.signature != values.signature:
        notes.append(f"{task.task}: {name} was {values.signature} in the baseline and is {match.signature}")
    sides = [
        np.array(side.columns, dtype=np.float64).T[at]
        for side, at in zip((values, match), places, strict=True)
    ]
    known = ~(np.isnan(sides[0]).any(axis=1) | np.isnan(sides[1]).any(axis=1))
    if not known.any():
        said = f"{task.task}: on no item do both {runs[0].name} and {runs[1].name} have a value of {name}"
        if not allow_partial:
            raise ConfigError(f"{said}; run the candidate again, or add --allow_partial to leave it out")
        notes.append(f"{said}, and it is left out")
        return None
    if gone := int((np.isnan(sides[1]).any(axis=1) & ~np.isnan(sides[0]).any(axis=1)).sum()):
        said = f"{task.task}: {gone} items with a value of {name} in the baseline have none in {runs[1].name}"
        if not allow_partial:
            raise ConfigError(f"{said}; --allow_partial checks the {int(known.sum())} that both have")
        notes.append(f"{said}; {int(known.sum())} are checked")
    labels = np.array(task.clusters, dtype=object)[places[0]]
    return _of(task, values, np.stack(sides)[:, known], labels[known], int((~known).sum()))


def _of(
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
