"""The files of a source, wherever they are: a file, a folder, or a data set of the Hugging Face hub."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from fusion_eval.errors import ConfigError, nearest_beside
from fusion_eval.models.hub.names import HUB, HubName, hub_hint, read_hub_name
from fusion_eval.runs.records import read_records
from fusion_eval.types import without_surrogates

_DATA = (".json", ".jsonl", ".jsonl.gz", ".eval")
_MOST_FILES = 10_000
_TYPES = {str: "a text", int: "a whole number", float: "a number", dict: "an object"}
_LOG_HEAD = 4096
"""Bytes at the beginning of a log of inspect_ai that tell it from other JSON."""


@dataclass(frozen=True, slots=True)
class DataFile:
    """One file of records. `rows` are there already for a split of a data set on the hub."""

    path: Path
    rows: Any = None

    @property
    def name(self) -> str:
        """The file's name."""
        return self.path.name

    def records(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield the place of each record, as messages name it, and the record.

        Raises:
            ConfigError: A record is no JSON object; the message names the file and the line.
        """
        if self.rows is not None:
            for number, row in enumerate(self.rows, start=1):
                yield f"{self.path}, row {number}", _printable(dict(row))
            return
        for where, record in read_records(self.path):
            if not isinstance(record, dict):
                raise ConfigError(f"{self.path}, {where} is not a JSON object, or is cut off")
            yield f"{self.path}, {where}", _printable(record)

    def first(self) -> Mapping[str, Any]:
        """Return the first record; empty if there is none that can be read."""
        try:
            return next((record for _, record in self.records()), {})
        except ConfigError:
            return {}


@dataclass(frozen=True, slots=True)
class Source:
    """What the user named, and its files in the order of their names.

    Args:
        name: The source as the user wrote it.
        files: The files with data.
        columns: For the reader `jsonl`: which column holds what.
        allow_partial: Whether the user takes what can be read of files that are not whole.
    """

    name: str
    files: tuple[DataFile, ...]
    columns: Mapping[str, str] = field(default_factory=dict)
    allow_partial: bool = False

    @property
    def stem(self) -> str:
        """A short name for tasks: the file's, folder's or data set's, without endings."""
        last = re.split(r"[/\\]", self.name.rstrip("/\\"))[-1]
        if self.name.startswith(HUB):
            hub = read_hub_name(self.name)
            last = "_".join(filter(None, (hub.path.rstrip("/").rpartition("/")[2], hub.config, hub.split)))
        stem = re.sub(r"[^\w+-]+", "_", re.sub(r"(\.jsonl?|\.gz|\.eval)+$", "", last)).strip("_")
        return stem or "imported"

    @property
    def date(self) -> float:
        """When the newest file was written, in seconds since 1970; 0 for the hub."""
        times = [file.path.stat().st_mtime for file in self.files if file.rows is None]
        return max(times, default=0.0)


def open_source(
    name: str, columns: Mapping[str, str] | None = None, *, allow_partial: bool = False
) -> Source:
    """Find the files of a source.

    Args:
        name: The source as the user wrote it.
        columns: For the reader `jsonl`: which column holds what.
        allow_partial: Whether the user takes what can be read of files that are not whole.

    Raises:
        ConfigError: There is no such file, folder or data set, or it has no data.
    """
    if name.startswith(HUB):
        return Source(name, _hub_files(read_hub_name(name)), columns or {}, allow_partial)
    path = Path(name)
    if not path.exists():
        raise ConfigError(f"There is no file or folder {name}.{nearest_beside(path) or hub_hint(name)}")
    files = tuple(map(DataFile, [path] if path.is_file() else _data_files(path)))
    if not files:
        raise ConfigError(f"{name} has no files {', '.join('*' + ending for ending in _DATA)}")
    return Source(name, files, columns or {}, allow_partial)


def _data_files(folder: Path) -> list[Path]:
    """Return the files with data in a folder and in those below it, sorted.

    Raises:
        ConfigError: There are too many.
    """
    found = (file for file in folder.rglob("*") if file.name.endswith(_DATA) and file.is_file())
    files = list(islice(found, _MOST_FILES + 1))
    if len(files) > _MOST_FILES:
        raise ConfigError(
            f"{folder} has more than {_MOST_FILES:,} files of data, the most that are read; name a folder with fewer, or join "
            "JSON lines into one file"
        )
    return sorted(files)


def _hub_files(name: HubName) -> tuple[DataFile, ...]:
    """Load the split that a name gives, or all splits."""
    from fusion_eval.models.hub.data_sets import load_named

    loaded = load_named(name)
    splits = {name.split: loaded} if name.split else loaded
    return tuple(DataFile(Path(f"{name.path}:{split}"), rows) for split, rows in splits.items())


def _printable(value: Any) -> Any:
    """Return a value of JSON without halves of surrogate pairs, which can be neither sent nor written."""
    if isinstance(value, str):
        return without_surrogates(value)
    if isinstance(value, dict):
        return {without_surrogates(str(name)): _printable(part) for name, part in value.items()}
    return [_printable(part) for part in value] if isinstance(value, list) else value


def required(record: Mapping[str, Any], name: str, kind: type | tuple[type, ...], where: str) -> Any:
    """Return a field of a record.

    Raises:
        ConfigError: It is missing or of another type; the message names the file, the line and the field.
    """
    value = record.get(name)
    if not isinstance(value, kind):
        expected = " or ".join(_TYPES[one] for one in (kind if isinstance(kind, tuple) else (kind,)))
        state = "is missing" if value is None else f"is {str(value)[:60]!r}, and should be {expected}"
        raise ConfigError(f"{where}: the field '{name}' {state}")
    return value


def is_inspect_log(path: Path) -> bool:
    """Return whether a file is a log of inspect_ai, by its name or its beginning."""
    if path.suffix == ".eval":
        return path.is_file()
    if path.suffix != ".json" or not path.is_file():
        return False
    with path.open("rb") as file:
        head = file.read(_LOG_HEAD)
    return b'"eval"' in head and b'"status"' in head and b'"version"' in head
