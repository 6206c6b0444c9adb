"""Read prompts from JSONL and Parquet files, standard input and data sets of the hub, one at a time."""

from __future__ import annotations

import gzip
import hashlib
import itertools
import sys
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from fusion_eval.errors import ConfigError, nearest_beside
from fusion_eval.models.hub.names import HubName, hub_hint
from fusion_eval.synth.prompts import Columns, Source, SourcePrompt
from fusion_eval.text.parse_errors import why_unreadable
from fusion_eval.text.redaction import safe_message

STANDARD_INPUT = "-"
_LINES = (".jsonl", ".ndjson", ".jsonl.gz", ".ndjson.gz")
_BATCH = 256
"""Rows of a Parquet file that are in memory at a time."""


def open_file(path: Path, columns: Columns) -> Source:
    """Return the prompts of a JSONL or Parquet file, or of all such files in a folder.

    Every line of a JSONL file is checked now, so that a mistake in one is known before any call.

    Raises:
        ConfigError: A file cannot be read, holds no prompt, or has a record that is none. The message names the line.
    """
    files = _files(path)
    counts = [
        _count_parquet(file, columns) if _is_parquet(file) else _count_lines(file, columns) for file in files
    ]
    if not sum(counts):
        raise ConfigError(f"{path} is empty: it holds no prompt")

    def read() -> Iterator[SourcePrompt]:
        index = 0
        for file, count in zip(files, counts, strict=True):
            records = _parquet_records(file) if _is_parquet(file) else _line_records(file)
            for number, (where, record) in enumerate(records):
                yield columns.prompt_of(record, index + number, where)
            index += count

    return Source(str(path), read, sum(counts))


def content_of(path: Path) -> list[str]:
    """Return the hash of each file with prompts; an empty list if the path is none."""
    if not path.exists():
        return []
    hashes = []
    for file in _files(path):
        with file.open("rb") as opened:
            hashes.append(hashlib.file_digest(opened, "sha256").hexdigest())
    return hashes


def open_standard_input(columns: Columns) -> Source:
    """Return the prompts that come as JSONL on standard input."""

    def read() -> Iterator[SourcePrompt]:
        records = _decoded(sys.stdin.buffer, "standard input")
        index = -1
        for index, (where, record) in enumerate(records):
            yield columns.prompt_of(record, index, where)
        if index < 0:
            raise ConfigError("Standard input is empty: it holds no prompt")

    return Source(STANDARD_INPUT, read, again=False)


def open_hub(name: HubName, columns: Columns) -> Source:
    """Return the prompts of a data set of the hub, streamed; those of the split `train` if the name gives none.

    Raises:
        ConfigError: The data set cannot be loaded, or lacks a column.
    """

    def records() -> Iterator[dict[str, Any]]:
        from fusion_eval.models.hub.data_sets import load_named

        rows = load_named(name, "train", streaming=True)
        try:
            yield from rows
        except Exception as error:  # the library raises anything, and the network may fail at any row
            raise name.cannot_load(error) from error

    first = next(records(), None)
    if first is None:
        raise ConfigError(f"The data set {name} is empty: it holds no prompt")
    columns.prompt_of(first, 0, str(name))

    def read() -> Iterator[SourcePrompt]:
        for index, record in enumerate(records()):
            yield columns.prompt_of(record, index, f"{name}, row {index + 1}")

    return Source(str(name), read)


def _files(path: Path) -> list[Path]:
    if not path.exists():
        raise ConfigError(f"There is no prompt file {path}.{nearest_beside(path) or hub_hint(str(path))}")
    if not path.is_dir():
        if not _is_parquet(path) and not path.name.endswith(_LINES):
            raise ConfigError(f"{path} should be a .jsonl or a .parquet file, or a folder of them")
        return [path]
    files = sorted(file for file in path.iterdir() if _is_parquet(file) or file.name.endswith(_LINES))
    if not files:
        raise ConfigError(f"The folder {path} holds no .jsonl and no .parquet file")
    return files


def _is_parquet(path: Path) -> bool:
    return path.suffix == ".parquet"


def _count_lines(path: Path, columns: Columns) -> int:
    count = 0
    for count, (where, record) in enumerate(_line_records(path), start=1):  # noqa: B007 - the last number is the count
        columns.prompt_of(record, 0, where)
    return count


def _line_records(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
            yield from _decoded(file, str(path))
    except (OSError, EOFError, zlib.error) as error:
        raise ConfigError(f"The prompt file {path} cannot be read: {why_unreadable(error)}") from error


def _decoded(lines: Iterable[bytes], name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    decode = msgspec.json.Decoder(dict[str, Any]).decode
    for number, line in zip(itertools.count(1), lines, strict=False):
        if not line.strip():
            continue
        where = f"{name}, line {number}"
        try:
            yield where, decode(line.removeprefix(b"\xef\xbb\xbf"))
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise ConfigError(f"{where} is no JSON object: {why_unreadable(error, line)}") from error


def _count_parquet(path: Path, columns: Columns) -> int:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            columns.check(file.schema_arrow.names, str(path))
            return int(file.metadata.num_rows)
    except (pa.ArrowException, OSError) as error:
        raise ConfigError(f"The prompt file {path} cannot be read: {safe_message(str(error))}") from error


def _parquet_records(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    number = 0
    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=_BATCH):
                for record in batch.to_pylist():
                    number += 1
                    yield f"{path}, row {number}", record
    except (pa.ArrowException, OSError) as error:
        reason = safe_message(str(error))
        raise ConfigError(f"The prompt file {path} is damaged after row {number}: {reason}") from error
