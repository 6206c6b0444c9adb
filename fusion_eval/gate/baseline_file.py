"""Read and write baseline files: JSON in gzip, a few KB per 1,000 items, the same bytes for the same run."""

from __future__ import annotations

import contextlib
import gzip
import re
import zlib
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from pathlib import Path

import msgspec

from fusion_eval.errors import ConfigError
from fusion_eval.gate.baseline import Baseline, TaskValues
from fusion_eval.gate.statistics import check_columns
from fusion_eval.runs.plain_file import open_plain
from fusion_eval.runs.writing import write_file
from fusion_eval.text.parse_errors import why_unreadable

SCHEMA_VERSION = 2
"""Version 2 has the item statistics of metrics that are no means. Version 1 is read as well."""
_READABLE = (1, SCHEMA_VERSION)
_GZIP = b"\x1f\x8b"
_BEGINNING = re.compile(rb'\s*\{\s*"schema_version":\s*\d+,\s*"baseline":')
NAMES_OF_RUN_FILES = ("samples_", "results_")
"""How the names of a run's files begin, which may be packed as well."""
_HEAD = 4096
_LARGEST = 1 << 26
"""The most bytes of JSON to read, which is about three million items. A small file of zeros must not fill the memory."""
_LARGEST_SMALL, _LARGEST_RATIO = 1 << 22, 40
"""A larger content than the first may have so many bytes for each byte of the file. Hashes hardly compress."""


@dataclass(frozen=True, slots=True)
class _AnyVersion:
    """The part of a file that every version has."""

    schema_version: int


@dataclass(frozen=True, slots=True)
class _CurrentVersion(_AnyVersion):
    baseline: Baseline


def is_baseline_file(path: Path) -> bool:
    """Tell whether a path is a baseline file by its name or first bytes. It may be unpacked to plain JSON."""
    if not path.is_file():
        return False
    try:
        if path.name.startswith(NAMES_OF_RUN_FILES):
            return _begins_as_baseline(path)
        if path.suffix == ".gz":  # even if its first bytes are damaged
            return True
        with path.open("rb") as file:
            is_packed = file.read(len(_GZIP)) == _GZIP
        return is_packed or _begins_as_baseline(path)
    except OSError as error:
        raise ConfigError(f"Cannot read {path}: {error.strerror}") from error


def write_baseline(baseline: Baseline, path: Path) -> Path:
    """Write a baseline file and return its path. An existing baseline file is replaced in one step.

    Raises:
        ConfigError: The path is a folder or another file, or cannot be written.
    """
    if path.is_dir():
        raise ConfigError(f"The baseline {path} would be a file, and there is a folder; name a file in it")
    if path.exists() and not _replaceable(path):
        raise ConfigError(
            f"{path} is something else than a baseline, and is not replaced; name another file with -o"
        )
    packed = replace(baseline, tasks=tuple(_pack(task) for task in baseline.tasks))
    content = gzip.compress(msgspec.json.encode(_CurrentVersion(SCHEMA_VERSION, packed)), mtime=0)
    write_file(path, content, "name another file with -o")
    return path


def read_baseline(path: Path) -> Baseline:
    """Read a file that `write_baseline` wrote.

    Raises:
        ConfigError: The file is damaged, is no baseline, or has another schema version.
    """
    content = _decompress(path)
    try:
        version = msgspec.json.decode(content, type=_AnyVersion).schema_version
        if version not in _READABLE:
            raise ConfigError(
                f"The baseline {path} has schema_version {version}, and this version reads {' and '.join(map(str, _READABLE))}; "
                "make it again with fusion-eval baseline RUN -o FILE"
            )
        baseline = msgspec.json.decode(content, type=_CurrentVersion).baseline
        for task in baseline.tasks:
            _check_lengths(task)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise ConfigError(
            f"{path} is not a baseline that `fusion-eval baseline` wrote, or is damaged: {why_unreadable(error, content)}"
        ) from error
    return replace(baseline, tasks=tuple(_unpack(task) for task in baseline.tasks))


def _decompress(path: Path) -> bytes:
    try:
        largest = min(_LARGEST, max(_LARGEST_SMALL, _LARGEST_RATIO * path.stat().st_size))
        with open_plain(path) as file:
            content = file.read(largest + 1)
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise ConfigError(
            f"The baseline {path} cannot be read, it is damaged or none: {why_unreadable(error)}"
        ) from error
    if len(content) > largest:
        raise ConfigError(
            f"The baseline {path} is larger than {largest >> 20} MiB, which no baseline of its size is"
        )
    return content


def _check_lengths(task: TaskValues) -> None:
    columns = [column for metric in task.metrics for column in metric.columns]
    lengths = {len(task.hashes()), len(task.clusters), *map(len, columns)}
    if len(lengths) > 1 or not task.metrics or not all(metric.columns for metric in task.metrics):
        raise ValueError(f"{task.task} has columns of different lengths, or none")
    for metric in task.metrics:
        check_columns(metric)


def _replaceable(path: Path) -> bool:
    """Whether a file is empty or begins as a baseline of any version, even if the rest is damaged."""
    return path.is_file() and (not path.stat().st_size or _begins_as_baseline(path))


def _begins_as_baseline(path: Path) -> bool:
    with path.open("rb") as file, contextlib.suppress(zlib.error):
        head = file.read(_HEAD)
        if head.startswith(_GZIP):
            head = zlib.decompressobj(wbits=31).decompress(head, _HEAD)
        return bool(_BEGINNING.match(head))
    return False


def _pack(task: TaskValues) -> TaskValues:
    """Store clusters as the steps between them. Items that are clusters of their own then compress to almost nothing."""
    return replace(task, clusters=tuple(after - before for before, after in pairwise((0, *task.clusters))))


def _unpack(task: TaskValues) -> TaskValues:
    return replace(task, clusters=tuple(accumulate(task.clusters)))
