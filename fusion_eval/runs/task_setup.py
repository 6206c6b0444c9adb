"""Read from a results file how tasks were set up: the data, the generation options, the groups."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from fusion_eval.errors import ConfigError
from fusion_eval.runs.reading import Run
from fusion_eval.runs.results_file import Results, mappings, section
from fusion_eval.text.printable import printable

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*", re.ASCII)
_MOST_GROUPS = 10_000
_FILES = (".py", ".json", ".jsonl", ".csv", ".parquet")


@dataclass(frozen=True, slots=True)
class TaskSetup:
    """The configuration of one task. What the results file does not say is None, or empty."""

    hub_dataset: str | None = None
    """`owner/name` of a dataset on the hub; None for a loader, a folder, or data that the task makes itself."""
    dataset_config: str | None = None
    split: str | None = None
    """The split that is evaluated."""
    revision: str | None = None
    generation: Mapping[str, Any] = field(default_factory=dict)
    """The harness's generation options, with those of the command line."""
    output_type: str | None = None
    aggregations: Mapping[str, str] = field(default_factory=dict)
    """How the values of a metric are aggregated: a name of the harness, or the source of a function."""


def task_setups(run: Run) -> dict[str, TaskSetup]:
    """Return the setup of each task, in the order of the run."""
    return {
        task: _task_setup(section(section(run.files.results(task), "configs"), task)) for task in run.tasks
    }


def outermost_groups(run: Run) -> dict[str, str]:
    """Return the outermost group that holds each task or group; those in no group are absent.

    Results files of releases before 0.4.3 do not name the tasks of a group.
    """
    parents: dict[str, str] = {}
    for group, members in _members(run).items():
        for member in members:
            parents.setdefault(member, group)
    outermost: dict[str, str] = {}
    for name in parents:
        path = {name: None}
        while name in parents and name not in outermost and parents[name] not in path:
            name = parents[name]
            path[name] = None
        outermost |= dict.fromkeys(path, outermost.get(name, name))
    return {name: outermost[name] for name in parents}


def group_members(run: Run) -> dict[str, frozenset[str]]:
    """Return the tasks in each group and in the groups inside it; empty for releases before 0.4.3."""
    members = _members(run)
    if len(members) > _MOST_GROUPS:
        raise ConfigError(f"{run.path}: {len(members):,} groups are more than {_MOST_GROUPS:,}")
    parents: dict[str, dict[str, None]] = {}
    for group, names in members.items():
        for name in names:
            parents.setdefault(name, {})[group] = None
    tasks: dict[str, set[str]] = {group: set() for group in members}
    for task in dict.fromkeys([*parents, *members]):
        if not members.get(task):
            for group in _above(task, parents) & tasks.keys():
                tasks[group].add(task)
    return {group: frozenset(names) for group, names in tasks.items()}


def _members(run: Run) -> dict[str, tuple[str, ...]]:
    return {
        str(group): tuple(str(member) for member in members) if isinstance(members, list) else ()
        for group, members in section(run.files.newest_results(), "group_subtasks").items()
    }


def _above(task: str, parents: Mapping[str, Iterable[str]]) -> set[str]:
    """Return a task and the groups above it. Each is visited once: a file may hold a circle or many paths."""
    visited, waiting = {task}, [task]
    while waiting:
        for group in parents.get(waiting.pop(), ()):
            if group not in visited:
                visited.add(group)
                waiting.append(group)
    return visited


def _task_setup(config: Results) -> TaskSetup:
    loading = section(config, "dataset_kwargs")
    return TaskSetup(
        hub_dataset=_hub_dataset(config, loading),
        dataset_config=_name(config.get("dataset_name")),
        split=_name(config.get("test_split")) or _name(config.get("validation_split")),
        revision=_name(loading.get("revision")),
        generation=section(config, "generation_kwargs"),
        output_type=_name(config.get("output_type")),
        aggregations={
            entry["metric"]: entry["aggregation"]
            for entry in mappings(config, "metric_list")
            if isinstance(entry.get("metric"), str) and isinstance(entry.get("aggregation"), str)
        },
    )


def _hub_dataset(config: Results, loading: Results) -> str | None:
    path = _name(config.get("dataset_path"))
    if not path or config.get("custom_dataset") or loading.get("load_from_disk"):
        return None
    return path if _HUB_ID.fullmatch(path) and not path.endswith(_FILES) else None


def _name(value: object) -> str | None:
    """Return a name without control codes, which are part of no name; None for anything else."""
    return printable(value) or None if isinstance(value, str) else None
