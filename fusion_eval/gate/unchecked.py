"""Find the metrics that no test can check, and whether the results files show that they got worse."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from fusion_eval.comparison.cells import Cell
from fusion_eval.comparison.choice import choose_metrics
from fusion_eval.gate.baseline import Baseline, ReportedMetric
from fusion_eval.gate.checked_rows import UncheckedMetric
from fusion_eval.gate.margins import Margins
from fusion_eval.gate.scales import scale_of


def reported_metrics(baseline: Baseline, candidate: Baseline, *, lost: bool) -> set[tuple[str, str, str]]:
    """Return the metrics that the results files of both sides state, so that no items are needed.

    Args:
        baseline: The baseline.
        candidate: The candidate.
        lost: Whether to add those that the baseline alone states.
    """
    stated = [{one.key for one in side.reported if one.value is not None} for side in (baseline, candidate)]
    return {one.key for one in baseline.reported} if lost else stated[0] & stated[1]


def unchecked_metrics(
    baseline: Baseline,
    candidate: Baseline,
    cells: Sequence[Cell],
    metrics: Sequence[str],
    margins: Margins,
    allow_partial: bool = False,
) -> tuple[UncheckedMetric, ...]:
    """Return the metrics of the baseline's tasks that have no cell.

    Args:
        baseline: The baseline.
        candidate: The candidate.
        cells: What is tested.
        metrics: The metrics to check. Empty means all.
        margins: The margin of each metric. A metric without a known range tolerates a share of the baseline's value.
        allow_partial: Whether the candidate may lack the value of a metric that the baseline has items of.
    """
    had_items = {(task.task, *values.key) for task in baseline.tasks for values in task.metrics}
    tested = {(cell.task, cell.metric, cell.filter) for cell in cells}
    tasks = {task.task for task in baseline.tasks} | {one.task for one in baseline.reported}
    before = {one.key: one for one in baseline.reported}
    after = {one.key: one for one in candidate.reported if one.task in tasks}
    chosen = choose_metrics(metrics, baseline.filtered_metrics() | candidate.filtered_metrics())
    found = []
    for key, one in {**after, **before}.items():
        if key not in tested and (one.metric, one.filter) in chosen:
            found.append(_unchecked(one, before.get(key), after.get(key), margins))
            if key in had_items and found[-1].candidate_value is None and not allow_partial:
                found[-1] = replace(found[-1], worse=True)
    return tuple(found)


def _unchecked(
    named: ReportedMetric, before: ReportedMetric | None, after: ReportedMetric | None, margins: Margins
) -> UncheckedMetric:
    old = before.value if before else None
    new = after.value if after else None
    margin = None if old is None else margins.relative(named.metric, old, scale_of(named.metric, [old]))
    worse = False
    if old is not None and new is not None and margin is not None:
        loss = old - new if named.higher_is_better else new - old
        worse = loss > 0 and loss >= margin
    return UncheckedMetric(
        named.task, named.metric, named.filter, named.higher_is_better, old, new, margin, worse
    )
