"""`fusion-eval tasks --copy_to DIR`: copy data sets of the hub to where tasks find them without a network."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fusion_eval.errors import ConfigError, nearest
from fusion_eval.harness.tasks.listing import Config, Index, index
from fusion_eval.models.openai.errors import clean


@dataclass(frozen=True, slots=True)
class Part:
    """One split of one configuration of a data set on the hub."""

    repository: str
    configuration: str
    split: str

    def file_in(self, root: Path) -> Path:
        """Return the path of this part's file in a copy at `root`."""
        return root / self.repository / self.configuration / f"{self.split}.jsonl"


def parts_of(names: Sequence[str], root: Path | None = None) -> list[Part]:
    """Return what groups or tasks load from the hub, each part once.

    Args:
        names: Groups or tasks; all groups if it is empty.
        root: The folder with the task files; by default ours.

    Raises:
        ConfigError: A name is neither a group nor a task.
    """
    found = index(root)
    for name in names:
        if name not in found.groups and name not in found.tasks:
            known = [*found.groups, *found.tasks]
            raise ConfigError(
                f"There is no group or task '{name}' here.{nearest(name, known)} `fusion-eval tasks` lists the groups"
            )
    copies = {task["task"]: group["metadata"]["copies"] for group, task in _tasks_with_copies(found)}
    parts = [
        part
        for name in names or found.groups
        for task in found.members(name)
        for part in _parts(task, copies.get(task["task"], {}))
    ]
    return list(dict.fromkeys(parts))


def _tasks_with_copies(found: Index) -> list[tuple[Config, Config]]:
    """Return (group, task) where the group's metadata list what its loaders read beyond what the tasks name."""
    return [
        (group, task)
        for name, group in found.groups.items()
        if "copies" in group.get("metadata", {})
        for task in found.members(name)
    ]


def _parts(task: Config, copies: Config) -> list[Part]:
    named = {**task.get("metadata", {}), **(task.get("dataset_kwargs") or {})}
    if "repository" not in named:
        return []
    configurations = copies.get("configurations", [named.get("configuration") or named["language"]])
    splits = copies.get("splits", [named.get("split", "test")])
    repository = str(named["repository"])
    return [Part(repository, str(name), str(split)) for name in configurations for split in splits]


def copy_from_hub(parts: Sequence[Part], root: Path, say: Callable[[str], None]) -> None:
    """Write the parts that are not at `root` yet. A file that exists is complete, since files are renamed when done.

    Raises:
        ConfigError: A part cannot be loaded or written.
    """
    for part in parts:
        path = part.file_in(root)
        if path.exists():
            say(f"{path}: already there")
            continue
        rows = _rows(part)
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
        say(f"{path}: {len(rows):,} rows")


def _rows(part: Part) -> Any:
    import datasets

    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)  # it logs each of its tries
    try:
        return datasets.load_dataset(part.repository, part.configuration, split=part.split)
    except Exception as error:  # the data sets library raises anything
        reason = clean(str(error)) or type(error).__name__
        raise ConfigError(
            f"{part.repository} ({part.configuration}, {part.split}) cannot be loaded from the hub: {reason}. "
            "What was copied is kept; the same command goes on"
        ) from error
