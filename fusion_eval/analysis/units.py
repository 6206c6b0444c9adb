"""Units: what gets rows of its own. A unit is a task, a task in all its languages, or all tasks of a metric."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from fusion_eval.analysis.pools import Floats, Integers, ScoredPools

ALL = "all"
"""The language of rows over several tasks, and the task of rows over several families of tasks."""


@dataclass(frozen=True, eq=False, slots=True)
class Unit:
    """Scored pools that share rows. With several parts, a value is the mean of the parts' values (macro average)."""

    task: str
    language: str | None
    parts: tuple[ScoredPools, ...]
    cluster: Integers
    """(items,): the number of each item's cluster, one part after the other."""
    n_clusters: int
    group: Integers
    """(items,): the number of each item's part."""

    @property
    def metric(self) -> str:
        """The metric's name."""
        return self.parts[0].metric

    @property
    def filter(self) -> str:
        """The filter's name."""
        return self.parts[0].filter

    @property
    def n_items(self) -> int:
        """The number of items of all parts."""
        return len(self.cluster)

    @property
    def weights(self) -> Floats:
        """The weight (items,) of each item in the unit's value: the parts weigh the same. The sum is 1."""
        sizes = np.array([part.n_items for part in self.parts], dtype=np.float64)
        return 1.0 / (sizes[self.group] * len(self.parts))

    @property
    def binary(self) -> bool:
        """Whether all values of all parts are 0 or 1."""
        return all(part.binary for part in self.parts)

    @property
    def sign(self) -> float:
        """1 if higher is better, else -1."""
        return self.parts[0].sign

    @property
    def strategies(self) -> tuple[str, ...]:
        """The strategies that answered every part."""
        first = [one.name for one in self.parts[0].strategies]
        return tuple(
            name
            for name in first
            if all(name in [one.name for one in part.strategies] for part in self.parts)
        )


def units(pools: Sequence[ScoredPools]) -> list[Unit]:
    """Return a unit for each task; then one for each family of several tasks, and one for several families.

    Pools of different metrics, filters, directions or sizes share no unit.
    """
    kinds: dict[tuple[object, ...], list[ScoredPools]] = defaultdict(list)
    for one in pools:
        kinds[one.metric, one.filter, one.higher_is_better, one.n_candidates].append(one)
    return [unit for kind in kinds.values() for unit in _units(kind)]


def _units(pools: Sequence[ScoredPools]) -> Iterator[Unit]:
    families: dict[str, list[ScoredPools]] = defaultdict(list)
    for one in pools:
        families[one.family].append(one)
        yield _unit(one.task, one.language, [one])
    for family, members in families.items():
        if len(members) > 1:
            yield _unit(family, ALL, members)
    if len(families) > 1:
        yield _unit(ALL, ALL, pools)


def _unit(task: str, language: str | None, parts: Sequence[ScoredPools]) -> Unit:
    labels = np.concatenate([part.clusters for part in parts]).astype(str)
    known, cluster = np.unique(labels, return_inverse=True)
    group = np.repeat(np.arange(len(parts)), [part.n_items for part in parts])
    return Unit(task, language, tuple(parts), cluster.astype(np.int64), len(known), group)
