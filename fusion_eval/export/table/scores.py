"""What is known of each system in each column: from the comparison where it says something, else from the results files."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from fusion_eval.compare.units import ALL
from fusion_eval.export.table.grid import Column
from fusion_eval.runs.comparison import Comparison, RankedRun, Row
from fusion_eval.runs.provenance import ReportedScore, reported_scores
from fusion_eval.runs.reading import Run

T = TypeVar("T")
Measure = tuple[str, str]
"""A metric and its filter."""
Place = tuple[str, bool, str, str, str]
"""Task, whether it is a mean over tasks, metric, filter, system."""


@dataclass(frozen=True, slots=True)
class Scores:
    """`rows` are those of candidates against `baseline`, by the candidate's place; means are found by their task's name."""

    systems: tuple[str, ...]
    baseline: str | None
    told: Mapping[Place, ReportedScore]
    rows: Mapping[Place, Row]
    ranks: Mapping[Place, RankedRun]

    def row(self, system: str, column: Column, measure: Measure) -> Row | None:
        """A candidate's; None where it would be of other tasks than the column."""
        found = self.rows.get(_place(system, column.task, column.mean, measure))
        if found is None or not column.mean:
            return found
        parts = [self.rows.get(_place(system, task, False, measure)) for task in column.parts]
        return found if found.n == sum(part.n for part in parts if part) and all(parts) else None

    def value(self, system: str, column: Column, measure: Measure) -> float | None:
        """As compared, else as reported; a mean is that of the column's tasks."""
        if system == self.baseline:
            others = [self.row(other, column, measure) for other in self.systems]
            if row := next(filter(None, others), None):
                return row.baseline_value
        elif row := self.row(system, column, measure):
            return row.candidate_value
        told = [self.told.get(_place(system, task, False, measure)) for task in column.parts]
        values = [one.value for one in told if one]
        return math.fsum(values) / len(values) if values and len(values) == len(told) else None

    def error(self, system: str, column: Column, measure: Measure) -> float | None:
        """The harness's standard error, which belongs to the harness's own value and to no other."""
        told = self.told.get(_place(system, column.task, column.mean, measure))
        value = self.value(system, column, measure)
        if told is None or value is None:
            return None
        return told.stderr if math.isclose(told.value, value, rel_tol=1e-6, abs_tol=1e-9) else None

    def items(self, column: Column, measure: Measure) -> int | None:
        """Of the first system of which that is known."""
        for system in self.systems:
            if row := self.row(system, column, measure):
                return row.n
        for system in self.systems:
            told = [self.told.get(_place(system, task, False, measure)) for task in column.parts]
            counts = [one.n for one in told if one and one.n]
            if len(counts) == len(told):
                return sum(counts)
        return None

    def higher_is_better(self, measure: Measure) -> bool | None:
        """As the comparison has it, else as the results files have it."""
        ends = [(place, row.higher_is_better) for place, row in self.rows.items()]
        ends += [(place, one.higher_is_better) for place, one in self.told.items()]
        return next((better for place, better in ends if place[2:4] == measure), None)

    def measures(self) -> dict[Measure, list[str]]:
        """Every metric and filter with its tasks."""
        tasks: dict[Measure, dict[str, None]] = {}
        for task, mean, metric, filtered, _ in [*self.told, *self.rows]:
            if not mean:
                tasks.setdefault((metric, filtered), {})[task] = None
        return {measure: list(named) for measure, named in tasks.items()}

    def rank(self, system: str, column: Column, measure: Measure) -> RankedRun | None:
        """Among all systems, where every two were tested in this column."""
        return self.ranks.get(_place(system, column.task, column.mean, measure))


def scores_of(runs: Sequence[Run], comparison: Comparison | None) -> Scores:
    """Of the runs, and of a baseline that is no run, such as the mean of all candidates."""
    told = {
        _place(run.name, one.task, one.group, (one.metric, one.filter)): one
        for run in runs
        for one in reported_scores(run)
    }
    names = [run.name for run in runs]
    if comparison is None:
        return Scores(tuple(names), None, told, {}, {})
    baseline = comparison.baseline
    rows = [
        (_place(row.candidate, row.task, row.language == ALL, (row.metric, row.filter)), row)
        for row in comparison.rows
        if row.baseline == baseline
    ]
    ranks = [
        (_place(rank.run, rank.task, rank.language == ALL, (rank.metric, rank.filter)), rank)
        for rank in comparison.ranks
    ]
    systems = (baseline, *(name for name in names if name != baseline))
    return Scores(systems, baseline, told, _certain(rows), _certain(ranks))


def _place(system: str, task: str, mean: bool, measure: Measure) -> Place:
    return task, mean, *measure, system


def _certain(found: Sequence[tuple[Place, T]]) -> dict[Place, T]:
    """One name can be a metric of several kinds, with a row each: which of them a column shows is not known then."""
    times = Counter(place for place, _ in found)
    return {place: one for place, one in found if times[place] == 1}
