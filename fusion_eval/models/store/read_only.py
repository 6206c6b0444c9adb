"""A store that is only read: no byte of it changes, nothing is left beside it, and it may lie in a sealed folder."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fusion_eval.errors import StoreError
from fusion_eval.models.store.opening import not_ours
from fusion_eval.models.store.recovery import DamagedError, beside, check, check_companions, size
from fusion_eval.models.store.store import Store


class ReadOnlyStore(Store):
    """The store at `path`, which has to be there. One that cannot be read is a `StoreError`, and is left as it is."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._copy: tempfile.TemporaryDirectory[str] | None = None
        if not path.is_file():
            raise _unreadable(
                path, "there is no such file", ", or run once without offline=true, which makes it"
            )
        try:
            check_companions(path)
            self._db = self._opened(path)
        except (sqlite3.Error, OSError, DamagedError) as error:
            raise _unreadable(path, str(error)) from error
        try:
            _check(self._db, path)
        except StoreError:
            self.close()
            raise

    def _opened(self, path: Path) -> sqlite3.Connection:
        """SQLite reads a write-ahead log by an index beside it, which it would make and leave where there is none."""
        if not size(beside(path, "-wal")):
            return _connected(path, "mode=ro&immutable=1")
        if beside(path, "-shm").exists():  # of a process that is at work, or was killed
            return _connected(path, "mode=ro")
        self._copy = tempfile.TemporaryDirectory(prefix="fusion_eval-")
        copy = Path(self._copy.name) / "store.sqlite"
        for part in ("", "-wal"):
            shutil.copyfile(beside(path, part), beside(copy, part))
        return _connected(copy, "mode=rw")

    def _run(self, statement: str, values: Sequence[object]) -> list[tuple[Any, ...]]:
        try:
            return self._db.execute(statement, values).fetchall()
        except sqlite3.Error as error:
            raise _unreadable(self.path, str(error)) from error

    def close(self) -> None:
        """Close the file."""
        super().close()
        if self._copy:
            self._copy.cleanup()


def _connected(path: Path, how: str) -> sqlite3.Connection:
    # One thread at a time uses it, though not always the one that opened it.
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?{how}", uri=True, isolation_level=None, check_same_thread=False
    )


def _check(db: sqlite3.Connection, path: Path) -> None:
    try:
        reason = not_ours(db, empty="it is empty")
        check(db)
    except (sqlite3.Error, DamagedError) as error:
        raise _unreadable(path, str(error)) from error
    if reason:
        raise _unreadable(path, reason)


def _unreadable(path: Path | None, reason: str, more: str = "") -> StoreError:
    return StoreError(
        f"offline=true cannot read {path} as a store: {reason}; name another with cache=PATH{more}"
    )
