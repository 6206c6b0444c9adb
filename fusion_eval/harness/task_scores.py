"""Say each strategy's score as a task ends: to whoever can show a table, else as one line."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable


@dataclass(frozen=True, slots=True)
class TaskEnd:
    """The scores of a task whose last question was answered.

    Attributes:
        task: The task.
        metric: The name of its first metric; empty if it has none that is known for single items.
        scores: The value of each strategy.
        ended: How many tasks have ended, with this one.
        tasks: How many tasks there are.
        seconds: The time since the first question.
    """

    task: str
    metric: str
    scores: Mapping[str, float]
    ended: int
    tasks: int
    seconds: float


@runtime_checkable
class ScoreListener(Protocol):
    """Something that shows scores as tasks end. A run's `report` may be one; otherwise it is called with lines."""

    def tasks_start(self, prompts: int, tasks: Sequence[str], strategies: Sequence[str]) -> None:
        """Take the number of prompts, and the names that scores will come for."""

    def task_runs(self, task: str, answered: int, questions: int) -> None:
        """Take how many of a task's questions are answered: none, when the first is begun."""

    def task_ends(self, end: TaskEnd) -> None:
        """Take the scores of a task."""

    def tasks_stop(self) -> None:
        """Take notice that no more scores follow: every task has ended, or the run has."""


@dataclass(frozen=True, slots=True)
class ScoreLines:
    """Calls `report` with one line for each task that ends."""

    report: Callable[[str], None]

    def tasks_start(self, prompts: int, tasks: Sequence[str], strategies: Sequence[str]) -> None:
        """Announce the lines."""
        self.report(f"{prompts_in(prompts, len(tasks))}; a line follows as each task ends")

    def task_runs(self, task: str, answered: int, questions: int) -> None:
        """Write nothing: a line is for a task that has ended."""

    def tasks_stop(self) -> None:
        """Write nothing: the last task's line is the last."""

    def task_ends(self, end: TaskEnd) -> None:
        """Write the line of a task."""
        digits = 1 if any(abs(value) > 1 for value in end.scores.values()) else 3
        values = [f"{strategy} {value:.{digits}f}" for strategy, value in end.scores.items()]
        elapsed = f"({end.ended} of {_tasks(end.tasks)}, {end.seconds:.0f} s)"
        self.report("  ".join(filter(None, (end.task, end.metric, *values, elapsed))))


def listener_of(report: Callable[[str], None]) -> ScoreListener:
    """Return what shows the scores of a run: its `report` itself if it can, else lines to it."""
    return report if isinstance(report, ScoreListener) else ScoreLines(report)


def prompts_in(prompts: int, tasks: int) -> str:
    """Return how many prompts there are in how many tasks: `154 prompts in 11 tasks`."""
    return f"{prompts:,} {'prompt' if prompts == 1 else 'prompts'} in {_tasks(tasks)}"


def _tasks(count: int) -> str:
    return f"{count} task" if count == 1 else f"{count} tasks"
