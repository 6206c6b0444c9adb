"""What gets a row of its own: a task; a task's languages together; everything that one metric scores."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fusion_eval.compare.cells import Cell
from fusion_eval.compare.clusters import family_of

ALL = "all"


@dataclass(frozen=True, slots=True)
class Unit:
    """Cells that are one row. Where they are several, the row's value is the mean of theirs (macro average)."""

    task: str
    language: str | None
    cells: tuple[Cell, ...]

    @property
    def clusters(self) -> npt.NDArray[np.object_]:
        """A label per item of all cells, one after the other."""
        return np.concatenate([cell.clusters for cell in self.cells])

    @property
    def groups(self) -> npt.NDArray[np.int64] | None:
        """Which cell an item is of; None where there is one."""
        sizes = [len(cell.clusters) for cell in self.cells]
        return np.repeat(np.arange(len(sizes)), sizes) if len(sizes) > 1 else None


def units(cells: Sequence[Cell]) -> list[Unit]:
    """Metric by metric: each task, then each family of several languages, then all tasks where these are more."""
    by_metric: dict[tuple[str, str], list[Cell]] = defaultdict(list)
    for cell in cells:
        by_metric[cell.metric, cell.filter].append(cell)
    return [unit for same in by_metric.values() for unit in _units(same)]


def _units(cells: Sequence[Cell]) -> list[Unit]:
    families: dict[str, list[Cell]] = defaultdict(list)
    for cell in cells:
        families[family_of(cell.task, cell.language)].append(cell)
    made = [Unit(cell.task, cell.language, (cell,)) for cell in cells]
    made += [Unit(name, ALL, tuple(members)) for name, members in families.items() if len(members) > 1]
    if len(families) > 1:
        made.append(Unit(ALL, ALL, tuple(cells)))
    return made
