"""`fusion-eval tasks`: list the tasks that come with the package, from their YAML files alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from fusion_eval.harness.tasks.folder import folder

Config = Mapping[str, Any]
HEAD = ["group", "tasks", "languages", "items each", "metrics", "licence", "needs"]


@dataclass(frozen=True, slots=True)
class TaskGroup:
    """A group of tasks of one kind, one task for each language."""

    group: str
    tasks: int
    languages: tuple[str, ...]
    items: str
    """The number of items of each task, as the group's metadata say it."""
    metrics: tuple[str, ...]
    licence: str
    needs: str

    @property
    def line(self) -> list[str]:
        """Return the cells of the group's line in a table with the headings `HEAD`."""
        languages, metrics = " ".join(self.languages), " ".join(self.metrics)
        return [self.group, str(self.tasks), languages, self.items, metrics, self.licence, self.needs]


@dataclass(frozen=True, slots=True)
class Index:
    """All tasks and groups of a folder by name, each merged with the files that it includes."""

    tasks: Mapping[str, Config]
    groups: Mapping[str, Config]
    collections: tuple[str, ...]
    """The groups whose files are in the folder itself. They consist of other groups."""

    def members(self, name: str) -> list[Config]:
        """Return the tasks of a group, including those of groups within it. A task's name returns that task."""
        if name in self.tasks:
            return [self.tasks[name]]
        return [task for member in self.groups[name]["task"] for task in self.members(member)]


def index(root: Path | None = None) -> Index:
    """Read all task files of a folder, by default ours, without executing anything in them."""
    root = root or folder()
    tasks, groups, collections = {}, {}, []
    for path in sorted(root.rglob("[!_]*.yaml")):
        config = _merged(path)
        if isinstance(config.get("task"), str):
            tasks[config["task"]] = config
        elif "group" in config:
            groups[config["group"]] = config
            if path.parent == root:
                collections.append(config["group"])
    return Index(tasks, groups, tuple(collections))


def list_groups(root: Path | None = None) -> list[TaskGroup]:
    """Return the groups that are not part of another group of their kind, by name."""
    found = index(root)
    families = {name: group for name, group in found.groups.items() if name not in found.collections}
    parts = {member for group in families.values() for member in group["task"]}
    return [_task_group(name, found) for name in families if name not in parts]


def describe_collections(root: Path | None = None) -> list[str]:
    """Return a sentence for each group that consists of other groups."""
    found = index(root)
    return [f"{name} is all of {', '.join(found.groups[name]['task'])}" for name in found.collections]


def _task_group(name: str, found: Index) -> TaskGroup:
    group, tasks = found.groups[name], found.members(name)
    metadata = group.get("metadata", {})
    return TaskGroup(
        group=name,
        tasks=len(tasks),
        languages=tuple(dict.fromkeys(str(task["metadata"]["language"]) for task in tasks)),
        items=str(metadata.get("items", "-")),
        metrics=tuple(entry["metric"] for entry in group["aggregate_metric_list"]),
        licence=str(metadata.get("licence", "-")),
        needs=str(metadata.get("needs", "-")),
    )


def _merged(path: Path) -> dict[str, Any]:
    """Read a task or a group with the files that it includes; its own values win."""
    own = _read(path)
    included = own.pop("include", [])
    merged: dict[str, Any] = {}
    for name in [included] if isinstance(included, str) else included:
        merged |= _merged((path.parent / name).resolve())
    return merged | own


_PlainLoader: Any = type("_PlainLoader", (getattr(yaml, "CSafeLoader", yaml.SafeLoader),), {})
"""Reads `!function name` as the name, so that nothing is executed. It is the loader in C, where yaml has one."""
_PlainLoader.add_constructor("!function", lambda loader, node: str(node.value))


def _read(path: Path) -> dict[str, Any]:
    return dict(yaml.load(path.read_text(encoding="utf-8"), Loader=_PlainLoader))  # noqa: S506 - a safe loader with one more tag
