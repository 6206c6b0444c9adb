"""A baseline on disk: JSON in gzip, a few KB per 1,000 items, the same bytes for the same run."""

from __future__ import annotations

import contextlib
import gzip
import zlib
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from pathlib import Path

import msgspec

from fusion_eval.errors import ConfigError
from fusion_eval.gate.baseline import Baseline, TaskValues

SCHEMA_VERSION = 1
_GZIP = b"\x1f\x8b"
_BEGINS = b'{"schema_version":'
_HEAD = 4096
_LARGEST = 1 << 28
"""Bytes of JSON: some ten million items. A small file of zeros must not fill the memory."""


@dataclass(frozen=True, slots=True)
class _File:
    """A file of theirs may hold anything else after `schema_version`."""

    schema_version: int


@dataclass(frozen=True, slots=True)
class _Current(_File):
    baseline: Baseline


def is_baseline_file(path: Path) -> bool:
    """By its first bytes, or its name where these are damaged; a run is a folder, or a file of text."""
    if not path.is_file():
        return False
    if path.suffix == ".gz":
        return True
    try:
        with path.open("rb") as file:
            return file.read(2) == _GZIP
    except OSError as error:
        raise ConfigError(f"Cannot read {path}: {error.strerror}") from error


def write_baseline(baseline: Baseline, path: Path) -> Path:
    """The file at `path`, replaced as a whole. Raises `ConfigError` where it cannot be written."""
    if path.is_dir():
        raise ConfigError(f"The baseline {path} would be a file, and there is a folder; name a file in it")
    if path.exists() and not _replaceable(path):
        raise ConfigError(
            f"{path} is something else than a baseline, and is not replaced; name another file with -o"
        )
    packed = replace(baseline, tasks=tuple(_packed(task) for task in baseline.tasks))
    content = gzip.compress(msgspec.json.encode(_Current(SCHEMA_VERSION, packed)), mtime=0)
    partial = path.with_name(f"{path.name}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(content)
        partial.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            partial.unlink()
        raise ConfigError(
            f"Cannot write the baseline {path}: {error.strerror}; name another file with -o"
        ) from error
    return path


def read_baseline(path: Path) -> Baseline:
    """The inverse of `write_baseline`; raises `ConfigError` for anything else, and for another version."""
    try:
        with gzip.open(path) as file:
            content = file.read(_LARGEST + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise ConfigError(f"The baseline {path} cannot be read, it is damaged or none: {error}") from error
    if len(content) > _LARGEST:
        raise ConfigError(f"The baseline {path} is larger than {_LARGEST >> 20} MiB, which no baseline is")
    try:
        version = msgspec.json.decode(content, type=_File).schema_version
        if version != SCHEMA_VERSION:
            raise ConfigError(
                f"The baseline {path} has schema_version {version}, and this version reads {SCHEMA_VERSION}; "
                "make it again with fusion-eval baseline RUN -o FILE"
            )
        baseline = msgspec.json.decode(content, type=_Current).baseline
        for task in baseline.tasks:
            lengths = {
                len(task.hashes()),
                len(task.clusters),
                *(len(c) for m in task.metrics for c in m.columns),
            }
            if len(lengths) > 1 or not all(metric.columns for metric in task.metrics) or not task.metrics:
                raise ValueError(f"{task.task} has columns of different lengths, or none")
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise ConfigError(
            f"{path} is not a baseline that `fusion-eval baseline` wrote, or is damaged: {error}"
        ) from error
    return replace(baseline, tasks=tuple(_unpacked(task) for task in baseline.tasks))


def _replaceable(path: Path) -> bool:
    """Whether it is a baseline, of whatever version and however damaged behind its beginning, or empty."""
    if not path.is_file():
        return False
    if not path.stat().st_size:
        return True
    with path.open("rb") as file, contextlib.suppress(zlib.error):
        begin = zlib.decompressobj(wbits=31).decompress(
            file.read(_HEAD), len(_BEGINS)
        )  # cut off, it begins all the same
        return begin == _BEGINS
    return False


def _packed(task: TaskValues) -> TaskValues:
    """Clusters as steps from one to the next: a thousand items of their own are then a thousand ones, which is nothing in gzip."""
    return replace(task, clusters=tuple(after - before for before, after in pairwise((0, *task.clusters))))


def _unpacked(task: TaskValues) -> TaskValues:
    return replace(task, clusters=tuple(accumulate(task.clusters)))
