"""Keep finished generations on disk, by the hash of what was asked; runs and processes share them.

The file is an SQLite database with a write-ahead log. Once `keep` has returned, its rows survive the death of the
process. Readers never wait, and several processes may write. If two processes finish the same call, the first result is
kept.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import msgspec
import platformdirs

from fusion_eval.errors import StoreError
from fusion_eval.models.logs import log
from fusion_eval.models.store.opening import PATIENCE, SCHEMA, BusyStoreError, open_store_file, unusable
from fusion_eval.models.store.read_ahead import ReadAhead
from fusion_eval.models.store.recovery import DamagedError, contains, inode, set_aside
from fusion_eval.types import Candidate

_decode = msgspec.json.Decoder(Candidate).decode
_DAMAGE = (msgspec.DecodeError, UnicodeDecodeError)
"""What decoding raises for damage within a row, which SQLite does not see."""
_PARAMETERS = 2
"""Parameters that each row of an insert takes. SQLite limits those of a statement."""

_Row = msgspec.defstruct(
    "_Row",
    [(field.name, Any, field.default) for field in msgspec.structs.fields(Candidate)],  # NODEFAULT: required
    omit_defaults=True,
)
"""A candidate as it is written: short, without the fields that have their default.

So a default of `Candidate` must never change.
"""


def cache_folder() -> Path:
    """Return the folder in the user's cache for all files of this package."""
    return Path(platformdirs.user_cache_dir("fusion_eval"))


class Store:
    """The store at `path`, which is created if it is missing.

    A damaged store is renamed, with a warning, and a new one is created. A file that is not a store is refused.

    Args:
        path: Where the store is or will be; None keeps it in memory, for this process only.
        patience: Seconds to wait for another process that has the store locked.

    Raises:
        StoreError: The store cannot be used.
    """

    def __init__(self, path: Path | None, patience: float = PATIENCE) -> None:
        self.path = path
        for tries_left in (2, 1, 0):  # more than one, for processes that find the damage at the same time
            file = inode(path) if path else None
            try:
                self._db = open_store_file(path, patience)
                self._rows = ReadAhead(self._run)
                return
            except DamagedError as error:
                if path is None or not tries_left or not _was_a_store(path):
                    raise unusable(path, str(error)) from error
                _replace_damaged(path, file, error)

    def candidates(self, keys: Sequence[bytes]) -> dict[bytes, Candidate]:
        """Return the stored candidates of `keys`; keys that are not stored are left out."""
        try:
            return {key: _decode(row) for key, row in self._rows.rows(keys).items()}
        except _DAMAGE as error:
            raise self._damaged(error) from error

    def candidates_read_ahead(self, keys: Sequence[bytes]) -> list[Candidate] | None:
        """Return the candidates of `keys` if all are in memory already, else None. The file is not read."""
        rows = self._rows.take(keys)
        if rows is None:
            return None
        try:
            return [_decode(row) for row in rows]
        except _DAMAGE as error:
            raise self._damaged(error) from error

    def keep(self, candidates: Mapping[bytes, Candidate]) -> dict[bytes, Candidate]:
        """Write candidates, and return what is stored under their keys now.

        A key that another process wrote first keeps that process's candidate.
        """
        changes_before = self._db.total_changes
        rows = list(zip(candidates, map(_encode, candidates.values()), strict=True))
        most = self._db.getlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER) // _PARAMETERS
        for start in range(0, len(rows), most):
            some = rows[start : start + most]
            marks = ",".join(["(?,?)"] * len(some))
            flat = list(chain.from_iterable(some))
            self._run(f"INSERT OR IGNORE INTO generations VALUES {marks}", flat)  # noqa: S608 - marks only
        if self._db.total_changes - changes_before == len(candidates):
            return dict(candidates)
        return self.candidates(list(candidates))

    def _damaged(self, error: Exception) -> StoreError:
        return StoreError(
            f"The store {self.path} holds a damaged generation: {error}. Name another with cache=PATH"
        )

    def _run(self, statement: str, values: Sequence[object]) -> list[tuple[Any, ...]]:
        try:
            return self._db.execute(statement, values).fetchall()
        except sqlite3.Error as error:
            fix, kind = "free disk space or fix the file's permissions, then run again", StoreError
            if "malformed" in str(error):
                fix = "run again: it is then renamed and a new store is created"
            elif "locked" in str(error):
                kind = BusyStoreError
                fix = "another process is using it: run again when that has ended, or name another with cache=PATH"
            raise kind(
                f"The store {self.path} cannot be read or written: {error}. Its content is kept; {fix}"
            ) from error

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file. Every write is complete."""
        self._db.close()


def _was_a_store(path: Path) -> bool:
    """Return whether a file that SQLite cannot read was a store: by its folder, or by the remains of its schema."""
    return path.resolve().is_relative_to(cache_folder().resolve()) or contains(path, SCHEMA[0].encode())


def _replace_damaged(path: Path, file: int | None, error: DamagedError) -> None:
    try:
        new_name = set_aside(path, file)
    except OSError as refused:
        raise unusable(path, f"{error}, and it cannot be set aside: {refused.strerror}") from refused
    if new_name:
        log.warning(
            "The store %s was damaged (%s). It was renamed to %s, and a new store was created",
            path,
            error,
            new_name.name,
        )


def _encode(candidate: Candidate) -> bytes:
    return msgspec.json.encode(_Row(*msgspec.structs.astuple(candidate)))
