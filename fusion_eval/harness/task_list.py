"""`fusion-eval tasks`: the tasks that come with the package, read from their files alone."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from fusion_eval.harness.task_folder import folder


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
        languages = " ".join(self.languages)
        return [
            self.group,
            str(self.tasks),
            languages,
            self.items,
            " ".join(self.metrics),
            self.licence,
            self.needs,
        ]


HEAD = ["group", "tasks", "languages", "items each", "metrics", "licence", "needs"]


def listed_tasks(root: Path | None = None) -> list[Listed]:
    """One entry for each folder of tasks, by name."""
    return [_listed(home) for home in task_groups(root or folder())]


def group_of_groups(root: Path | None = None) -> list[str]:
    """A sentence for each group that stands above these."""
    found = [_read(path) for path in sorted((root or folder()).glob("[!_]*.yaml"))]
    return [f"{group['group']} is all of {', '.join(group['task'])}" for group in found]


def task_groups(root: Path) -> list[Path]:
    """The folders that hold a group of their own name."""
    return [home for home in sorted(root.iterdir()) if (home / f"{home.name}.yaml").is_file()]


def about(home: Path) -> dict[str, Any]:
    """The metadata of a folder's group."""
    return dict(_merged(home / f"{home.name}.yaml").get("metadata", {}))


def members(home: Path) -> list[dict[str, Any]]:
    """The tasks of a group's folder, each with what it includes."""
    return [
        _merged(path) for path in sorted(home.rglob("*.yaml")) if isinstance(_read(path).get("task"), str)
    ]


def _listed(home: Path) -> Listed:
    said, tasks = about(home), members(home)
    languages = dict.fromkeys(str(task["metadata"]["language"]) for task in tasks)
    metrics = dict.fromkeys(entry["metric"] for task in tasks for entry in task.get("metric_list", ()))
    return Listed(
        group=home.name,
        tasks=len(tasks),
        languages=tuple(languages),
        items=str(said.get("items", "-")),
        metrics=tuple(metrics),
        licence=str(said.get("licence", "-")),
        needs=str(said.get("needs", "-")),
    )


def _merged(path: Path) -> dict[str, Any]:
    """A task with what it includes; what stands in the task itself wins."""
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
