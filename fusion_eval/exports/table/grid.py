"""The data of a table before it is Markdown or LaTeX: cells, columns, and which tables a set of tasks makes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fusion_eval.comparison.task_families import Family
from fusion_eval.comparison.units import ALL


@dataclass(frozen=True, slots=True)
class TableCell:
    """One cell. Its numbers are formatted."""

    value: str
    spread: str = ""
    """`± 1.2`, or an interval."""
    best: bool = False
    in_best_group: bool = False
    """Whether it is the best of its column, or cannot be told apart from the best."""
    sign: str = ""
    """`*+` if significantly better than the baseline, `*-` if worse."""


@dataclass(frozen=True, slots=True)
class Grid:
    """A table. Each line is a system, and a cell is None if nothing is known."""

    title: str
    columns: tuple[str, ...]
    lines: tuple[tuple[str, tuple[TableCell | None, ...]], ...]
    caption: tuple[str, ...]
    """Sentences."""


@dataclass(frozen=True, slots=True)
class Column:
    """A task, or the mean over several tasks."""

    label: str
    task: str
    """The name in a comparison."""
    parts: tuple[str, ...]
    """The tasks whose mean it is."""
    mean: bool = False


@dataclass(frozen=True, slots=True)
class Layout:
    """The name and the columns of one table."""

    name: str
    columns: tuple[Column, ...]


def layouts(tasks: Sequence[str], sibling_tasks: Mapping[str, Family]) -> list[Layout]:
    """Return the tables that these tasks make for one metric.

    There is one table for each family, with a column for each language. If there are several families, a table of all
    tasks comes first.

    Args:
        tasks: The tasks that have the metric.
        sibling_tasks: The family of each task.
    """
    members: dict[str, list[str]] = {}
    for task in tasks:
        members.setdefault(sibling_tasks[task].name, []).append(task)
    by_language = [
        _language_layout(name, own, sibling_tasks) for name, own in members.items() if len(own) > 1
    ]
    if len(members) == 1:
        return by_language or [Layout(task, (Column(task, task, (task,)),)) for task in tasks]
    columns = [_family_column(name, own) for name, own in members.items()]
    return [Layout("all tasks", (*columns, _mean_column("all", ALL, tasks))), *by_language]


def _language_layout(name: str, tasks: Sequence[str], sibling_tasks: Mapping[str, Family]) -> Layout:
    labels = [sibling_tasks[task].language or task for task in tasks]
    if len(set(labels)) < len(labels):
        labels = list(tasks)
    columns = [Column(label, task, (task,)) for label, task in zip(labels, tasks, strict=True)]
    return Layout(name, (*columns, _mean_column("all", name, tasks)))


def _family_column(name: str, tasks: Sequence[str]) -> Column:
    return _mean_column(name, name, tasks) if len(tasks) > 1 else Column(tasks[0], tasks[0], (tasks[0],))


def _mean_column(label: str, task: str, parts: Sequence[str]) -> Column:
    return Column(label, task, tuple(parts), mean=True)
