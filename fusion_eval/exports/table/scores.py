"""Look up the values of each system in each column: in the comparison, else in the results files."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from fusion_eval.comparison.units import ALL
from fusion_eval.exports.table.grid import Column
from fusion_eval.runs.comparison import Comparison, RankedRun, Row
from fusion_eval.runs.provenance import ReportedScore, reported_scores
from fusion_eval.runs.reading import Run

T = TypeVar("T")
Measure = tuple[str, str]
"""A metric and its filter."""
Key = tuple[str, bool, str, str, str]
"""Task, whether it is a mean over tasks, metric, filter, system."""


@dataclass(frozen=True, slots=True)
class Scores:
    """All values of the systems, by what they are about."""

    systems: tuple[str, ...]
    baseline: str | None
    reported: Mapping[Key, ReportedScore]
    rows: Mapping[Key, Row]
    """The rows of candidates against the baseline, by the candidate."""
    ranks: Mapping[Key, RankedRun]

    def row(self, system: str, column: Column, measure: Measure) -> Row | None:
        """Return the row of a candidate; None if there is none, or if it is over other tasks than the column."""
        row = self.rows.get(_key(system, column.task, column.mean, measure))
        if row is None or not column.mean:
            return row
        parts = [self.rows.get(_key(system, task, False, measure)) for task in column.parts]
        return row if row.n == sum(part.n for part in parts if part) and all(parts) else None

    def value(self, system: str, column: Column, measure: Measure) -> float | None:
        """Return the compared value, else the reported one. A mean is over the tasks of the column."""
        if system == self.baseline:
            others = [self.row(other, column, measure) for other in self.systems]
            if row := next(filter(None, others), None):
                return row.baseline_value
        elif row := self.row(system, column, measure):
            return row.candidate_value
        scores = self._reported_parts(system, column, measure)
        return math.fsum(score.value for score in scores) / len(scores) if scores else None

    def error(self, system: str, column: Column, measure: Measure) -> float | None:
        """Return the harness's standard error; None if the value is not the harness's own."""
        score = self.reported.get(_key(system, column.task, column.mean, measure))
        value = self.value(system, column, measure)
        if score is None or value is None:
            return None
        return score.stderr if math.isclose(score.value, value, rel_tol=1e-6, abs_tol=1e-9) else None

    def items(self, column: Column, measure: Measure) -> int | None:
        """Return the number of items of the first system for which it is known."""
        for system in self.systems:
            if row := self.row(system, column, measure):
                return row.n
        for system in self.systems:
            scores = self._reported_parts(system, column, measure)
            if scores and all(score.n for score in scores):
                return sum(score.n or 0 for score in scores)
        return None

    def higher_is_better(self, measure: Measure) -> bool | None:
        """Return the direction in the comparison, else in the results files; None if neither says it."""
        directions = [(key, row.higher_is_better) for key, row in self.rows.items()]
        directions += [(key, score.higher_is_better) for key, score in self.reported.items()]
        return next((better for key, better in directions if key[2:4] == measure), None)

    def measures(self) -> dict[Measure, list[str]]:
        """Return every metric and filter, with its tasks."""
        tasks: dict[Measure, dict[str, None]] = {}
        for task, mean, metric, filtered, _ in [*self.reported, *self.rows]:
            if not mean:
                tasks.setdefault((metric, filtered), {})[task] = None
        return {measure: list(named) for measure, named in tasks.items()}

    def rank(self, system: str, column: Column, measure: Measure) -> RankedRun | None:
        """Return the rank of a system; None unless all pairs of systems were tested in this column."""
        return self.ranks.get(_key(system, column.task, column.mean, measure))

    def _reported_parts(self, system: str, column: Column, measure: Measure) -> list[ReportedScore]:
        """Return the reported scores of the column's tasks; empty if one is missing."""
        scores = [self.reported.get(_key(system, task, False, measure)) for task in column.parts]
        known = [score for score in scores if score is not None]
        return known if len(known) == len(scores) else []


def scores_of(runs: Sequence[Run], comparison: Comparison | None) -> Scores:
    """Collect the scores of the runs, and of a baseline without files, such as the mean of all candidates."""
    reported = {
        _key(run.name, score.task, score.group, (score.metric, score.filter)): score
        for run in runs
        for score in reported_scores(run)
    }
    names = [run.name for run in runs]
    if comparison is None:
        return Scores(tuple(names), None, reported, {}, {})
    baseline = comparison.baseline
    rows = [
        (_key(row.candidate, row.task, row.language == ALL, (row.metric, row.filter)), row)
        for row in comparison.rows
        if row.baseline == baseline
    ]
    ranks = [
        (_key(rank.run, rank.task, rank.language == ALL, (rank.metric, rank.filter)), rank)
        for rank in comparison.ranks
    ]
    systems = (baseline, *(name for name in names if name != baseline))
    return Scores(systems, baseline, reported, _unambiguous(rows), _unambiguous(ranks))


def _key(system: str, task: str, mean: bool, measure: Measure) -> Key:
    return task, mean, *measure, system


def _unambiguous(parts: Sequence[tuple[Key, T]]) -> dict[Key, T]:
    """Return the parts whose key is unique. One name can stand for metrics of several kinds, with a row for each."""
    counts = Counter(key for key, _ in parts)
    return {key: part for key, part in parts if counts[key] == 1}
