"""Copy data sets of the hub to a folder, where tasks find them without a network."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from fusion_eval.errors import ConfigError, nearest
from fusion_eval.harness.tasks.hub_data import Part, load_from_hub
from fusion_eval.harness.tasks.listing import Config, Index, index


def parts_of(names: Sequence[str], root: Path | None = None) -> list[Part]:
    """Return the parts of data sets that groups or tasks load from the hub, each part once.

    Args:
        names: Groups or tasks; all groups if it is empty.
        root: The folder with the task files; by default ours.

    Raises:
        ConfigError: A name is neither a group nor a task.
    """
    known = index(root)
    for name in names:
        if name not in known.groups and name not in known.tasks:
            names_here = [*known.groups, *known.tasks]
            raise ConfigError(
                f"There is no group or task '{name}' here.{nearest(name, names_here)} `fusion-eval tasks` lists the groups"
            )
    copies = {task["task"]: group["metadata"]["copies"] for group, task in _tasks_with_copies(known)}
    parts = [
        part
        for name in names or known.groups
        for task in known.members(name)
        for part in _parts(task, copies.get(task["task"], {}))
    ]
    return list(dict.fromkeys(parts))


def _tasks_with_copies(known: Index) -> list[tuple[Config, Config]]:
    """Return (group, task) for groups whose metadata list parts that their loaders read but their tasks do not name."""
    return [
        (group, task)
        for name, group in known.groups.items()
        if "copies" in group.get("metadata", {})
        for task in known.members(name)
    ]


def _parts(task: Config, copies: Config) -> list[Part]:
    named = {**task.get("metadata", {}), **(task.get("dataset_kwargs") or {})}
    if "repository" not in named:
        return []
    configurations = copies.get("configurations", [named.get("configuration") or named["language"]])
    splits = copies.get("splits", [named.get("split", "test")])
    repository = str(named["repository"])
    return [Part(repository, str(name), str(split)) for name in configurations for split in splits]


def copy_from_hub(parts: Sequence[Part], root: Path, report: Callable[[str], None]) -> None:
    """Write the parts that are not at `root` yet. Files get their name once they are complete.

    Raises:
        ConfigError: A part cannot be loaded or written.
    """
    for part in parts:
        path = part.file_in(root)
        if path.exists():
            report(f"{path}: already there")
            continue
        try:
            rows = load_from_hub(part)
        except OSError as error:
            raise ConfigError(
                f"{part} cannot be loaded from the hub: {error}. "
                "What was copied is kept; the same command goes on"
            ) from error
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            partial = path.with_name(f"{path.name}.partial")
            with partial.open("w", encoding="utf-8") as file:
                for row in rows:
                    file.write(json.dumps(row, ensure_ascii=False, default=str) + "\n")
            partial.replace(path)
        except OSError as error:
            raise ConfigError(
                f"Cannot write {path}: {error.strerror}; name another folder with --copy_to"
            ) from error
        report(f"{path}: {len(rows):,} rows")
