"""The comparison that an export speaks of: the one beside the runs where it is of these runs, else one made now."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from fusion_eval.compare.task_families import families
from fusion_eval.compare.units import ALL
from fusion_eval.errors import ConfigError
from fusion_eval.export.subject import Subject
from fusion_eval.runs.comparison import Comparison, Row

JUDGE = "judge:"
"""How a metric begins that is of a judge's verdicts."""
POOL_RUNS = ("expected", "oracle")
"""Baselines that are made of another run's pools, and are no run that has files."""


@dataclass(frozen=True, slots=True)
class Compared:
    """The comparison of the metrics, None of a single run; `judged` is the one that has a judge's rows."""

    metrics: Comparison | None
    judged: Comparison | None = None
    why_not: str | None = None
    """Why several runs were not compared."""

    @property
    def comparisons(self) -> tuple[Comparison, ...]:
        """Those that there are, each once."""
        judged = () if self.judged is None or self.judged is self.metrics else (self.judged,)
        return (*(() if self.metrics is None else (self.metrics,)), *judged)


def compared(subject: Subject) -> Compared:
    """As above. Runs that cannot be compared are no error: their values can be told side by side."""
    beside = subject.comparison if _covers(subject) else None
    judged = beside if beside and any(map(is_judged, beside.rows)) else None
    if len(subject.runs) < 2:
        return Compared(None, judged)
    if beside and not all(map(is_judged, beside.rows)):
        return Compared(beside, judged)
    from fusion_eval.compare.compare import compare

    try:
        return Compared(compare(subject.runs), judged)
    except ConfigError as error:
        return Compared(None, judged, str(error))


def is_judged(row: Row) -> bool:
    """Whether a row is of a judge's verdicts."""
    return row.metric.startswith(JUDGE)


def runs_outside(comparison: Comparison, names: Collection[str]) -> list[str]:
    """Its runs that are not among `names`, and that it cannot have beside them: a baseline of pools, a judge's opponent."""
    first = next((run.name for run in comparison.runs), "")
    beside = {first} if first in POOL_RUNS else set()
    if comparison.judging:
        alone = {first} if len(names) == 1 else set()  # who is judged alone has the opponent as the baseline
        beside |= {comparison.judging.opponent or "", *alone}
    return [run.name for run in comparison.runs if run.name not in names and run.name not in beside]


def _covers(subject: Subject) -> bool:
    """Whether the comparison is of these very runs and their tasks: one that ran again since has another date."""
    comparison = subject.comparison
    if comparison is None or not comparison.runs:
        return False
    dates = {run.name: run.date for run in comparison.runs}
    if any(dates.get(run.name, "") != (run.date or None) for run in subject.runs):
        return False
    languages = {task: part.language for run in subject.runs for task, part in run.tasks.items()}
    together = {ALL, *(family.name for family in families(languages).values())}
    return all(row.task in (together if row.language == ALL else languages) for row in comparison.rows)
