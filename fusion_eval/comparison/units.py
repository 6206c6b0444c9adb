"""Units: what gets a row of its own. A unit is a task, a task in all its languages, or all tasks of a metric."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fusion_eval.comparison.cells import Cell, Floats

ALL = "all"
"""The language of a row over several languages or tasks, and the task of a row over several tasks."""


@dataclass(frozen=True, slots=True)
class Unit:
    """One row's cells. If there are several, the row's value is the mean of their values (macro average).

    The arrays hold the items of all cells, one cell after the other.
    """

    task: str
    language: str | None
    cells: tuple[Cell, ...]
    statistics: Floats
    """(runs, items, k)."""
    items: Floats
    """(runs, items): the score of each item alone."""
    clusters: npt.NDArray[np.object_]
    """(items,): the cluster label of each item."""
    groups: npt.NDArray[np.int64] | None
    """(items,): the number of each item's cell; None if there is one cell."""

    @property
    def several(self) -> bool:
        """Whether the value is a mean over several cells."""
        return len(self.cells) > 1


def units(cells: Sequence[Cell]) -> tuple[list[Unit], list[str]]:
    """Group cells into units, metric by metric.

    Each metric has a unit for each task, then one for each family with several languages. If there are several families,
    a unit over all tasks follows.

    Returns:
        The units, and notes on names that stand for several metrics, which have no common row.
    """
    kinds: dict[tuple[str, str], dict[object, list[Cell]]] = defaultdict(lambda: defaultdict(list))
    for cell in cells:
        kinds[cell.metric, cell.filter][cell.score, cell.higher_is_better].append(cell)
    notes = [
        f"{metric} has no common row: it is scored in several ways, or higher is better in some tasks only"
        for (metric, _), kind in kinds.items()
        if len(kind) > 1
    ]
    return [unit for kind in kinds.values() for alike in kind.values() for unit in _units(alike)], notes


def _units(cells: Sequence[Cell]) -> list[Unit]:
    families: dict[str, list[Cell]] = defaultdict(list)
    for cell in cells:
        families[cell.family].append(cell)
    grouped = [_unit(cell.task, cell.language, [cell]) for cell in cells]
    grouped += [_unit(name, ALL, members) for name, members in families.items() if len(members) > 1]
    if len(families) > 1:
        grouped.append(_unit(ALL, ALL, cells))
    return grouped


def _unit(task: str, language: str | None, cells: Sequence[Cell]) -> Unit:
    sizes = [len(cell.clusters) for cell in cells]
    return Unit(
        task,
        language,
        tuple(cells),
        statistics=np.concatenate([cell.statistics for cell in cells], axis=1),
        items=np.concatenate([cell.per_item for cell in cells], axis=1),
        clusters=np.concatenate([cell.clusters for cell in cells]),
        groups=np.repeat(np.arange(len(sizes)), sizes) if len(sizes) > 1 else None,
    )
