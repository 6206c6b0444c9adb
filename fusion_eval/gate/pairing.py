"""Pair the values of a baseline and a candidate, item by item."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
import numpy.typing as npt

from fusion_eval.comparison.cells import Cell, build_cell
from fusion_eval.comparison.choice import choose_metrics
from fusion_eval.comparison.matching import format_limit, setup_difference
from fusion_eval.comparison.task_families import Family
from fusion_eval.errors import ConfigError
from fusion_eval.gate.baseline import Baseline, MetricValues, TaskValues
from fusion_eval.gate.statistics import LABEL_AGGREGATIONS, known_items, statistics_of

Places = tuple[list[int], list[int]]
"""The places of the common items: in the baseline, and in the candidate."""


def paired_cells(
    baseline: Baseline,
    candidate: Baseline,
    metrics: Sequence[str],
    allow_partial: bool,
    checked_otherwise: Collection[tuple[str, str, str]] = (),
) -> tuple[list[Cell], list[str]]:
    """Build a cell with two runs for each task, metric and filter of the baseline.

    The candidate has to have all that the baseline has, since a value that disappears is no improvement.

    Args:
        baseline: The baseline.
        candidate: The candidate.
        metrics: The metrics to pair. Empty means all.
        allow_partial: Leave out what the candidate lacks, and add a note, instead of raising an error.
        checked_otherwise: Tasks, metrics and filters that the candidate may lack, as they are checked by the results files.

    Returns:
        The cells, and notes on what is left out or differs.

    Raises:
        ConfigError: The two differ in a task's version, few-shot examples or direction; or, unless `allow_partial`, the
            candidate lacks something.
    """
    notes: list[str] = []
    candidate_tasks = {task.task: task for task in candidate.tasks}
    cells = []
    chosen = choose_metrics(metrics, baseline.filtered_metrics())
    for task in baseline.tasks:
        other = candidate_tasks.get(task.task)
        if other is None:
            why = _why_left_out(task.task, "", candidate)
            _report_missing(f"task {task.task}", baseline, candidate, allow_partial, notes, why)
            continue
        _check_same_setup(task, other, baseline, candidate)
        places = _common_items(task, other, baseline, candidate, allow_partial, notes)
        if task.prompts != other.prompts and len(places[0]) == len(task.clusters) == len(other.clusters):
            notes.append(f"{task.task}: the prompts are not those of the baseline")
        for values in task.metrics:
            if (values.metric, values.filter) in chosen:
                may_lack = allow_partial or (task.task, *values.key) in checked_otherwise
                cell = _cell(
                    task,
                    values,
                    other,
                    places,
                    (baseline, candidate),
                    allow_partial,
                    notes,
                    may_lack=may_lack,
                )
                cells += [cell] if cell else []
    if new := sorted(set(candidate_tasks) - {task.task for task in baseline.tasks}):
        notes.append(f"{', '.join(new)}: not in the baseline, and so not checked")
    return cells, notes


def _report_missing(
    what: str, baseline: Baseline, candidate: Baseline, allow_partial: bool, notes: list[str], why: str = ""
) -> None:
    loss = f"The {what} is in the baseline {baseline.name} and "
    loss += f"cannot be used in {candidate.name} ({why})" if why else f"not in {candidate.name}"
    if not allow_partial:
        raise ConfigError(
            f"{loss}; run it again with what it had, make a new baseline, or leave it out with the option allow_partial"
        )
    notes.append(f"{loss}, and is left out")


def _why_left_out(task: str, metric: str, candidate: Baseline) -> str:
    """Return why reading the candidate left out the metric, or a metric of the task; an empty text if it did not."""
    for note in candidate.notes:
        start, found, reason = note.partition(" is left out: ")
        if found and start.startswith(f"{task}: {metric}"):
            return reason
    return ""


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
                f"{loss}, or their documents or targets have changed; the option allow_partial checks the {len(places)} that both have"
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
    *,
    may_lack: bool,
) -> Cell | None:
    """Build the cell of one metric. None if the candidate lacks the metric, or no item has both values."""
    name = f"{values.metric},{values.filter}"
    match = {one.key: one for one in other.metrics}.get(values.key)
    if match is None or _kind(match) != _kind(values):
        why = _why_left_out(task.task, name, sides[1])
        _report_missing(f"metric {name} of {task.task}", *sides, may_lack, notes, why)
        return None
    if match.higher_is_better != values.higher_is_better:
        better = "higher" if values.higher_is_better else "lower"
        raise ConfigError(
            f"{task.task}: in the baseline {better} is better of {name}, and in {sides[1].name} it is not; "
            "make a new baseline, or run the candidate as the baseline was"
        )
    if match.signature != values.signature:
        notes.append(f"{task.task}: {name} was {values.signature} in the baseline and is {match.signature}")
    both = (values, match)
    known = _known_in_both(both, places, task.task, name, sides, allow_partial, notes, may_lack=may_lack)
    if known is None:
        return None
    kept = [[place for place, has_value in zip(own, known, strict=True) if has_value] for own in places]
    try:
        statistics, scoring = statistics_of(both, kept, task.language)
    except ConfigError as error:
        raise ConfigError(f"{task.task}: {error}") from error
    return build_cell(
        (task.task, *values.key),
        Family(task.family, task.language),
        statistics,
        np.array(task.clusters, dtype=object)[kept[0]],
        scoring,
        values.higher_is_better,
        missing=int((~known).sum()),
        signature=values.signature,
    )


def _kind(values: MetricValues) -> tuple[object, ...]:
    """Return what has to agree between two sides. All aggregations of labels keep the same."""
    aggregation = "labels" if values.aggregation in LABEL_AGGREGATIONS else values.aggregation
    return values.corpus, aggregation, len(values.columns)


def _known_in_both(
    both: tuple[MetricValues, MetricValues],
    places: Places,
    task: str,
    metric: str,
    sides: tuple[Baseline, Baseline],
    allow_partial: bool,
    notes: list[str],
    *,
    may_lack: bool,
) -> npt.NDArray[np.bool_] | None:
    """Return which items have a value on both sides. None if there is no such item."""
    in_baseline, in_candidate = (known_items(values, own) for values, own in zip(both, places, strict=True))
    known = in_baseline & in_candidate
    if not known.any():
        loss = f"{task}: on no item do both {sides[0].name} and {sides[1].name} have a value of {metric}"
        if not may_lack:
            raise ConfigError(
                f"{loss}; run the candidate again, or leave it out with the option allow_partial"
            )
        notes.append(f"{loss}, and it is left out")
        return None
    if gone := int((in_baseline & ~in_candidate).sum()):
        loss = f"{task}: {gone} items with a value of {metric} in the baseline have none in {sides[1].name}"
        if not allow_partial:
            raise ConfigError(
                f"{loss}; the option allow_partial checks the {int(known.sum())} that both have"
            )
        notes.append(f"{loss}; {int(known.sum())} are checked")
    return known
