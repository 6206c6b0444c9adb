"""Weight the tasks of a row over several tasks as the harness weights them in its group."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from fusion_eval.comparison.units import Unit
from fusion_eval.runs.provenance import reported_scores
from fusion_eval.runs.reading import Run
from fusion_eval.runs.task_setup import group_members
from fusion_eval.stats.paired import mean_score

_TOLERANCE = 1e-6
"""Relative. Rounding in JSON causes far smaller differences."""


def weight_units(units: Sequence[Unit], runs: Sequence[Run]) -> tuple[list[Unit], list[str]]:
    """Weight the items of all tasks equally where the harness does so in a group of exactly these tasks.

    Results files hold the numbers of groups, and not how tasks were weighted. So the number tells: a group is weighted
    by size if all runs report the mean over items, and not the mean over tasks. Other units weight tasks equally.

    Returns:
        The units, and a note on each whose tasks differ in size.
    """
    weighted, notes = [], []
    for unit in units:
        if unit.several and len({len(cell.clusters) for cell in unit.cells}) > 1:
            group = _group_weighted_by_size(unit, runs)
            name = f"{unit.task}, {unit.language}: {unit.cells[0].metric}"
            if group:
                unit = replace(unit, groups=None)
                notes.append(f"{name} weights tasks by their size, as the harness does in its group {group}")
            else:
                notes.append(f"{name} weights tasks of different sizes equally")
        weighted.append(unit)
    return weighted, notes


def _group_weighted_by_size(unit: Unit, runs: Sequence[Run]) -> str | None:
    """Return the group of these tasks whose number is the mean over items in every run; None if there is none."""
    first = unit.cells[0]
    if first.score is not mean_score:
        return None
    tasks = frozenset(cell.task for cell in unit.cells)
    common: set[str] = set()
    for place, run in enumerate(runs):
        over_items = float(mean_score(unit.statistics[place].sum(axis=0)))
        values = [float(cell.score(cell.statistics[place].sum(axis=0))) for cell in unit.cells]
        if math.isclose(over_items, sum(values) / len(values), rel_tol=_TOLERANCE):
            return None  # the two weightings cannot be told apart
        members = group_members(run)
        groups = {
            score.task
            for score in reported_scores(run)
            if score.group
            and (score.metric, score.filter) == (first.metric, first.filter)
            and members.get(score.task) == tasks
            and math.isclose(score.value, over_items, rel_tol=_TOLERANCE)
        }
        common = common & groups if place else groups
    return min(common, default=None)
