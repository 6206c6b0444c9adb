"""Find the comparison that an export shows: the one beside the runs if it is of these runs, else a new one."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from fusion_eval.comparison.compare import compare
from fusion_eval.comparison.task_families import families
from fusion_eval.comparison.units import ALL
from fusion_eval.errors import ConfigError
from fusion_eval.exports.subject import Subject
from fusion_eval.runs.comparison import Comparison, Row
from fusion_eval.runs.reported_tasks import only_sampled

JUDGE = "judge:"
"""The prefix of the metrics that a judge's verdicts make."""
POOL_RUNS = ("expected", "oracle")
"""Baselines that are computed from another run's pools. They have no files of their own."""


@dataclass(frozen=True, slots=True)
class Comparisons:
    """The comparisons that an export shows."""

    metrics: Comparison | None
    """The comparison by metrics; None for a single run, or if the runs cannot be compared."""
    judged: Comparison | None = None
    """The comparison with a judge's rows. It may be the same one."""
    why_not_comparable: str | None = None
    """Why several runs were not compared by metrics."""

    @property
    def distinct(self) -> tuple[Comparison, ...]:
        """The comparisons that exist, each once."""
        judged = None if self.judged is self.metrics else self.judged
        return tuple(comparison for comparison in (self.metrics, judged) if comparison is not None)


def find_comparisons(subject: Subject) -> Comparisons:
    """Return the comparisons to show for a subject.

    Runs that cannot be compared are no error, because their values can be shown side by side.
    """
    beside = subject.comparison if _is_current(subject) else None
    judged = beside if beside and any(map(is_judged, beside.rows)) else None
    if len(subject.runs) < 2:
        return Comparisons(None, judged)
    if beside and not all(map(is_judged, beside.rows)):
        return Comparisons(beside, judged)
    sampled = only_sampled(subject.runs)
    if len(sampled) < len(subject.runs):
        return Comparisons(None, judged, "some runs have results and no samples")
    try:
        return Comparisons(compare(sampled), judged)
    except ConfigError as error:
        return Comparisons(None, judged, str(error))


def is_judged(row: Row) -> bool:
    """Return whether a row is about a judge's verdicts."""
    return row.metric.startswith(JUDGE)


def runs_outside(comparison: Comparison, names: Collection[str]) -> list[str]:
    """Return the compared runs that are not among `names` but should be.

    A baseline of pools and the opponent of a judging have no files, so they may be missing.
    """
    first = next((run.name for run in comparison.runs), "")
    without_files = {first} if first in POOL_RUNS else set()
    if comparison.judging:
        # If a single run was judged, its opponent is the baseline.
        baseline = {first} if len(names) == 1 else set()
        without_files |= {comparison.judging.opponent or "", *baseline}
    return [run.name for run in comparison.runs if run.name not in names and run.name not in without_files]


def _is_current(subject: Subject) -> bool:
    """Return whether the comparison is of these runs and tasks. A run that was repeated since has another date."""
    comparison = subject.comparison
    if comparison is None or not comparison.runs:
        return False
    dates = {run.name: run.date for run in comparison.runs}
    if any(dates.get(run.name, "") != (run.date or None) for run in subject.runs):
        return False
    languages = {task: part.language for run in subject.runs for task, part in run.tasks.items()}
    aggregates = {ALL, *(family.name for family in families(languages).values())}
    return all(row.task in (aggregates if row.language == ALL else languages) for row in comparison.rows)
