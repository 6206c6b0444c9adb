"""`fusion-eval tasks`: the tasks that come with the package, read from their files alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from fusion_eval.harness.tasks.folder import folder

Config = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Listed:
    """A group of tasks of one kind, a language each."""

    group: str
    tasks: int
    languages: tuple[str, ...]
    items: str
    """Of one task, as the group's metadata have it."""
    metrics: tuple[str, ...]
    licence: str
    needs: str

    @property
    def line(self) -> list[str]:
        """Under `HEAD`."""
        languages, metrics = " ".join(self.languages), " ".join(self.metrics)
        return [self.group, str(self.tasks), languages, self.items, metrics, self.licence, self.needs]


HEAD = ["group", "tasks", "languages", "items each", "metrics", "licence", "needs"]


@dataclass(frozen=True, slots=True)
class Index:
    """All tasks and groups of a folder by name, with what they include; `above` are groups of the groups' folders."""

    tasks: Mapping[str, Config]
    groups: Mapping[str, Config]
    above: tuple[str, ...]

    def members(self, name: str) -> list[Config]:
        """The tasks of a group, those of groups within it included; of a task's name, that task."""
        if name in self.tasks:
            return [self.tasks[name]]
        return [task for member in self.groups[name]["task"] for task in self.members(member)]


def index(root: Path | None = None) -> Index:
    """Reads every file, which takes a moment; nothing in them is executed."""
    root = root or folder()
    tasks, groups, above = {}, {}, []
    for path in sorted(root.rglob("[!_]*.yaml")):
        config = _merged(path)
        if isinstance(config.get("task"), str):
            tasks[config["task"]] = config
        elif "group" in config:
            groups[config["group"]] = config
            if path.parent == root:
                above.append(config["group"])
    return Index(tasks, groups, tuple(above))


def listed_tasks(root: Path | None = None) -> list[Listed]:
    """One entry for each group that is not part of another one of its kind, by name."""
    found = index(root)
    parts = {
        member
        for name, config in found.groups.items()
        if name not in found.above
        for member in config["task"]
    }
    return [_listed(name, found) for name in found.groups if name not in parts and name not in found.above]


def group_of_groups(root: Path | None = None) -> list[str]:
    """A sentence for each group that stands above these."""
    found = index(root)
    return [f"{name} is all of {', '.join(found.groups[name]['task'])}" for name in found.above]


def _listed(name: str, found: Index) -> Listed:
    group, tasks = found.groups[name], found.members(name)
    about = group.get("metadata", {})
    return Listed(
        group=name,
        tasks=len(tasks),
        languages=tuple(dict.fromkeys(str(task["metadata"]["language"]) for task in tasks)),
        items=str(about.get("items", "-")),
        metrics=tuple(entry["metric"] for entry in group["aggregate_metric_list"]),
        licence=str(about.get("licence", "-")),
        needs=str(about.get("needs", "-")),
    )


def _merged(path: Path) -> dict[str, Any]:
    """A task or a group with what it includes; what stands in itself wins."""
    own = _read(path)
    included = own.pop("include", [])
    merged: dict[str, Any] = {}
    for name in [included] if isinstance(included, str) else included:
        merged |= _merged((path.parent / name).resolve())
    return merged | own


class _Plain(yaml.SafeLoader):
    """Reads `!function name` as the name: nothing is executed to list it."""


_Plain.add_constructor("!function", lambda loader, node: str(node.value))


def _read(path: Path) -> dict[str, Any]:
    return dict(yaml.load(path.read_text(encoding="utf-8"), Loader=_Plain))  # noqa: S506 - a safe loader with one more tag
