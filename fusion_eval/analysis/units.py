"""Units: what gets rows of its own. A unit is a task, a task in all its languages, or all tasks of a metric."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fusion_eval.analysis.pools import Floats, Integers, ScoredPools
from fusion_eval.runs.metric_facts import is_graded

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
    binary: bool
    """Whether the metric says right (1) or wrong (0). All languages of a task have the same answer."""
    tests: str
    """The family of tests that its rows belong to, within one table: see `adjust_p_values`."""

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
    def head(self) -> dict[str, Any]:
        """The fields that every row of the unit begins with."""
        return {
            "task": self.task,
            "language": self.language,
            "metric": self.metric,
            "filter": self.filter,
        }

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
    binary = _right_or_wrong(pools)
    first = {one.family: (one.metric, one.filter) for one in reversed(pools)}
    return [unit for kind in kinds.values() for unit in _units(kind, binary, first)]


def _right_or_wrong(pools: Sequence[ScoredPools]) -> dict[tuple[str, str, str], bool]:
    """Return for each family of tasks, metric and filter whether values mean right or wrong.

    They do unless the metric's name says otherwise, or some value of some language is neither 0 nor 1.
    """
    families: dict[tuple[str, str, str], list[ScoredPools]] = defaultdict(list)
    for one in pools:
        families[one.family, one.metric, one.filter].append(one)
    return {
        key: not is_graded(key[1]) and all(one.zeros_and_ones for one in members)
        for key, members in families.items()
    }


def _units(
    pools: Sequence[ScoredPools],
    binary: Mapping[tuple[str, str, str], bool],
    first: Mapping[str, tuple[str, str]],
) -> Iterator[Unit]:
    """Yield the units of one metric.

    Args:
        pools: The pools.
        binary: For each family of tasks, metric and filter, whether values mean right or wrong.
        first: For each family of tasks, its first metric and filter.
    """
    families: dict[str, list[ScoredPools]] = defaultdict(list)
    for one in pools:
        families[one.family].append(one)
    metric = pools[0].metric, pools[0].filter
    of_family = {family: binary[family, *metric] for family in families}
    overall = {family: "primary" if first[family] == metric else "secondary" for family in families}
    for one in pools:
        several = len(families[one.family]) > 1
        tests = f"languages of {one.family} by {','.join(metric)}" if several else overall[one.family]
        yield _unit(one.task, one.language, [one], of_family[one.family], tests)
    for family, members in families.items():
        if len(members) > 1:
            yield _unit(family, ALL, members, of_family[family], overall[family])
    if len(families) > 1:
        yield _unit(ALL, ALL, pools, all(of_family.values()), min(overall.values()))


def _unit(task: str, language: str | None, parts: Sequence[ScoredPools], binary: bool, tests: str) -> Unit:
    labels = np.concatenate([part.clusters for part in parts]).astype(str)
    known, cluster = np.unique(labels, return_inverse=True)
    group = np.repeat(np.arange(len(parts)), [part.n_items for part in parts])
    return Unit(task, language, tuple(parts), cluster.astype(np.int64), len(known), group, binary, tests)
