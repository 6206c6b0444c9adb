"""A table as papers print them, before it is Markdown or LaTeX."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fusion_eval.compare.task_families import Family
from fusion_eval.compare.units import ALL


@dataclass(frozen=True, slots=True)
class Entry:
    """One cell, its numbers already as they are shown."""

    value: str
    spread: str = ""
    """`± 1.2`, or an interval."""
    best: bool = False
    alike: bool = False
    """Whether it cannot be told apart from the best of its column, of which the best itself is one."""
    sign: str = ""
    """`*+` or `*-`: significantly better or worse than the baseline."""


@dataclass(frozen=True, slots=True)
class Grid:
    """Systems as lines; None is a cell of which nothing is known. `words` are the sentences of the caption."""

    title: str
    columns: tuple[str, ...]
    lines: tuple[tuple[str, tuple[Entry | None, ...]], ...]
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Column:
    """A task, or the mean over several, whose names are `parts`; `task` is what a comparison calls it."""

    label: str
    task: str
    parts: tuple[str, ...]
    mean: bool = False


@dataclass(frozen=True, slots=True)
class Layout:
    """The columns of one table."""

    name: str
    columns: tuple[Column, ...]


def layouts(tasks: Sequence[str], sisters: Mapping[str, Family]) -> list[Layout]:
    """The tables that these tasks make for one metric; `sisters` has the family of each.

    One for each family, a column per language; before them one of all tasks, where there are several families.
    """
    members: dict[str, list[str]] = {}
    for task in tasks:
        members.setdefault(sisters[task].name, []).append(task)
    found = [_by_language(name, tasks, sisters) for name, tasks in members.items() if len(tasks) > 1]
    if len(members) == 1:
        return found or [Layout(task, (Column(task, task, (task,)),)) for task in tasks]
    columns = [_of_family(name, tasks) for name, tasks in members.items()]
    return [Layout("all tasks", (*columns, _mean("all", ALL, tasks))), *found]


def _by_language(name: str, tasks: Sequence[str], sisters: Mapping[str, Family]) -> Layout:
    labels = [sisters[task].language or task for task in tasks]
    if len(set(labels)) < len(labels):
        labels = list(tasks)
    columns = [Column(label, task, (task,)) for label, task in zip(labels, tasks, strict=True)]
    return Layout(name, (*columns, _mean("all", name, tasks)))


def _of_family(name: str, tasks: Sequence[str]) -> Column:
    return _mean(name, name, tasks) if len(tasks) > 1 else Column(tasks[0], tasks[0], (tasks[0],))


def _mean(label: str, task: str, parts: Sequence[str]) -> Column:
    return Column(label, task, tuple(parts), mean=True)
