"""`fusion-eval tasks --copy_to DIR`: the hub's data, written where tasks find them on a machine without a network."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fusion_eval.errors import ConfigError, nearest
from fusion_eval.harness.task_folder import folder
from fusion_eval.harness.task_list import about, members, task_groups
from fusion_eval.models.openai_errors import clean


@dataclass(frozen=True, slots=True)
class Part:
    """One split of one configuration of a data set on the hub."""

    repository: str
    configuration: str
    split: str

    def place(self, root: Path) -> Path:
        """Its file in a copy at `root`."""
        return root / self.repository / self.configuration / f"{self.split}.jsonl"


def parts_of(groups: Sequence[str], root: Path | None = None) -> list[Part]:
    """What the tasks of these groups load from the hub, each part once; all groups where none is named."""
    known = {home.name: home for home in task_groups(root or folder())}
    for group in groups:
        if group not in known:
            raise ConfigError(
                f"There is no group of tasks '{group}' here.{nearest(group, known)} `fusion-eval tasks` lists them"
            )
    found = [part for name in groups or known for part in _parts(known[name])]
    return list(dict.fromkeys(found))


def _parts(home: Path) -> list[Part]:
    """What a group's tasks name, and beyond that what the group's `copies` do: loaders may need more than one split."""
    copies = about(home).get("copies", {})
    found = []
    for task in members(home):
        named = {**task.get("metadata", {}), **(task.get("dataset_kwargs") or {})}
        if "repository" in named:
            own = str(named.get("configuration") or named["language"])
            for configuration in copies.get("configurations", [own]):
                for split in copies.get("splits", [named.get("split", "test")]):
                    found.append(Part(str(named["repository"]), str(configuration), str(split)))
    return found


def copy_from_hub(parts: Sequence[Part], root: Path, say: Callable[[str], None]) -> None:
    """Write what is not there yet; a file that is there is whole."""
    for part in parts:
        path = part.place(root)
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

    try:
        return datasets.load_dataset(part.repository, part.configuration, split=part.split)
    except Exception as error:  # the data sets library raises anything
        reason = clean(str(error)) or type(error).__name__
        raise ConfigError(
            f"{part.repository} ({part.configuration}, {part.split}) cannot be loaded from the hub: {reason}. "
            "What was copied is kept; the same command goes on"
        ) from error
