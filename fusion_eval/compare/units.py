"""What gets a row of its own: a task; a task's languages together; everything that one metric scores."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fusion_eval.compare.cells import Cell, Floats

ALL = "all"


@dataclass(frozen=True, slots=True)
class Unit:
    """Cells that are one row. Where they are several, the row's value is the mean of theirs (macro average)."""

    task: str
    language: str | None
    cells: tuple[Cell, ...]
    statistics: Floats
    """(runs, items, k), of all cells one after the other; so are the next three."""
    items: Floats
    """(runs, items): each item scored by itself."""
    clusters: npt.NDArray[np.object_]
    groups: npt.NDArray[np.int64] | None
    """Which cell an item is of; None where there is one."""

    @property
    def several(self) -> bool:
        """Whether it is a mean over cells."""
        return len(self.cells) > 1


def units(cells: Sequence[Cell]) -> tuple[list[Unit], list[str]]:
    """Metric by metric: each task, then each family of several languages, then all tasks where these are more.

    And notes on names that are metrics of several kinds, which have no common row.
    """
    kinds: dict[tuple[str, str], dict[object, list[Cell]]] = defaultdict(lambda: defaultdict(list))
    for cell in cells:
        kinds[cell.metric, cell.filter][cell.score, cell.higher_is_better].append(cell)
    notes = [
        f"{metric} is scored in several ways, or is better high in one task and low in another: no common row"
        for (metric, _), same in kinds.items()
        if len(same) > 1
    ]
    return [unit for same in kinds.values() for alike in same.values() for unit in _units(alike)], notes


def _units(cells: Sequence[Cell]) -> list[Unit]:
    families: dict[str, list[Cell]] = defaultdict(list)
    for cell in cells:
        families[cell.family].append(cell)
    made = [_unit(cell.task, cell.language, [cell]) for cell in cells]
    made += [_unit(name, ALL, members) for name, members in families.items() if len(members) > 1]
    if len(families) > 1:
        made.append(_unit(ALL, ALL, cells))
    return made


def _unit(task: str, language: str | None, cells: Sequence[Cell]) -> Unit:
    sizes = [len(cell.clusters) for cell in cells]
    return Unit(
        task,
        language,
        tuple(cells),
        np.concatenate([cell.statistics for cell in cells], axis=1),
        np.concatenate([cell.per_item for cell in cells], axis=1),
        np.concatenate([cell.clusters for cell in cells]),
        np.repeat(np.arange(len(sizes)), sizes) if len(sizes) > 1 else None,
    )
