"""Read a store without changing a byte of it or leaving a file beside it, even in a read-only folder."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fusion_eval.errors import StoreError
from fusion_eval.models.store.opening import reason_not_a_store, table_names
from fusion_eval.models.store.read_ahead import ReadAhead
from fusion_eval.models.store.recovery import DamagedError, check, check_write_ahead_log, companion, size
from fusion_eval.models.store.store import Store


class ReadOnlyStore(Store):
    """The store at `path`, which must exist.

    Raises:
        StoreError: The store cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._copy: tempfile.TemporaryDirectory[str] | None = None
        if not path.is_file():
            raise _unreadable(
                path, "there is no such file", ", or run once without offline=true, which creates it"
            )
        try:
            check_write_ahead_log(path)
            self._db = self._open(path)
            self._rows = ReadAhead(self._run)
        except (sqlite3.Error, OSError, DamagedError) as error:
            raise _unreadable(path, str(error)) from error
        try:
            _check(self._db, path)
        except StoreError:
            self.close()
            raise

    def _open(self, path: Path) -> sqlite3.Connection:
        """Connect without leaving a file: SQLite needs an index (`-shm`) for a write-ahead log and would create it."""
        if not size(companion(path, "-wal")):
            return _connect(path, "mode=ro&immutable=1")
        if companion(path, "-shm").exists():  # of a process that is running or was killed
            return _connect(path, "mode=ro")
        self._copy = tempfile.TemporaryDirectory(prefix="fusion_eval-")
        copy = Path(self._copy.name) / "store.sqlite"
        for suffix in ("", "-wal"):
            shutil.copyfile(companion(path, suffix), companion(copy, suffix))
        return _connect(copy, "mode=rw")

    def _run(self, statement: str, values: Sequence[object]) -> list[tuple[Any, ...]]:
        try:
            return self._db.execute(statement, values).fetchall()
        except sqlite3.Error as error:
            raise _unreadable(self.path, str(error)) from error

    def close(self) -> None:
        """Close the file and delete the temporary copy, if there is one."""
        super().close()
        if self._copy:
            self._copy.cleanup()


def _connect(path: Path, options: str) -> sqlite3.Connection:
    # One thread at a time uses the connection, but not always the one that opened it.
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?{options}", uri=True, isolation_level=None, check_same_thread=False
    )


def _check(db: sqlite3.Connection, path: Path) -> None:
    try:
        reason = reason_not_a_store(db) or (None if table_names(db) else "it is empty")
        check(db)
    except (sqlite3.Error, DamagedError) as error:
        raise _unreadable(path, str(error)) from error
    if reason:
        raise _unreadable(path, reason)


def _unreadable(path: Path | None, reason: str, alternative: str = "") -> StoreError:
    return StoreError(
        f"offline=true cannot read {path} as a store: {reason}; name another with cache=PATH{alternative}"
    )
