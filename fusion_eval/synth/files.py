"""Write Parquet files part by part, and put them in place together when all are complete."""

from __future__ import annotations

import contextlib
import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fusion_eval.errors import ConfigError
from fusion_eval.runs.writing import UNFINISHED

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

_ROWS_AT_ONCE = 256
"""Rows that are in memory before they are written."""


class PartFiles:
    """Parquet files `train-00000-of-0000N.parquet`, whose number is known when the last one is written.

    Args:
        folder: Where the files will stand.
        staging: Where they are until they are complete.
        schema: The columns.
        rows_per_file: How many rows a file holds.
        single: The only file's name, for rows that need no parts.
    """

    def __init__(
        self, folder: Path, staging: Path, schema: pa.Schema, rows_per_file: int, single: str | None = None
    ) -> None:
        self._folder, self._staging, self._schema = folder, staging, schema
        self._rows_per_file, self._single = rows_per_file, single
        self._buffer: list[dict[str, Any]] = []
        self._writer: pq.ParquetWriter | None = None
        self._written: list[Path] = []
        self._in_file = 0
        self.rows = 0

    def add(self, record: dict[str, Any]) -> None:
        """Add one row."""
        self._buffer.append(record)
        self.rows += 1
        room = self._rows_per_file - self._in_file
        if len(self._buffer) >= min(_ROWS_AT_ONCE, room) or (
            self._single and len(self._buffer) >= _ROWS_AT_ONCE
        ):
            self._flush()

    def _flush(self) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        if not self._writer:
            path = self._staging / f"{len(self._written):05}.parquet"
            path.parent.mkdir(parents=True, exist_ok=True)
            self._writer = pq.ParquetWriter(path, self._schema, compression="zstd")
            self._written.append(path)
            self._in_file = 0
        if self._buffer:
            self._writer.write_table(pa.Table.from_pylist(self._buffer, schema=self._schema))
        self._in_file += len(self._buffer)
        self._buffer = []
        if self._in_file >= self._rows_per_file and not self._single:
            self._close()

    def _close(self) -> None:
        if self._writer:
            self._writer.close()
            self._writer = None
            self._in_file = 0

    def place(self) -> None:
        """Put the complete files in their place, and remove those of an earlier job there. No rows make one empty file."""
        if self._buffer or not self._written:
            self._flush()
        self._close()
        self._folder.mkdir(parents=True, exist_ok=True)
        count = len(self._written)
        names = [self._single or f"train-{number:05}-of-{count:05}.parquet" for number in range(count)]
        for path, name in zip(self._written, names, strict=True):
            path.replace(self._folder / name)
        if not self._single:
            for old in self._folder.glob("train-*-of-*.parquet"):
                if old.name not in names:
                    old.unlink()

    def abandon(self) -> None:
        """Close the file that is being written, after an error."""
        with contextlib.suppress(Exception):
            self._close()


def digest_of_parts(folder: Path) -> str:
    """Return a short hash of the content of a folder's parts."""
    digest = hashlib.sha256()
    for path in sorted(folder.glob("train-*.parquet")):
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:16]


@contextlib.contextmanager
def staging_folder(output: Path) -> Iterator[Path]:
    """Yield an empty folder for unfinished files, which is removed at the end.

    Raises:
        ConfigError: A file cannot be written.
    """
    folder = output / UNFINISHED
    try:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        yield folder
    except OSError as error:
        raise ConfigError(
            f"Cannot write to {output}: {error.strerror or error}. Answers are kept in the store; make room, or name "
            "another folder with --output"
        ) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)
