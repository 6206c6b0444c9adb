"""Open a store: create it if it is missing, wait if it is locked, and refuse a file that is not a store."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from pathlib import Path

from fusion_eval.errors import StoreError
from fusion_eval.models.logs import log
from fusion_eval.models.store.recovery import DamagedError, check, check_write_ahead_log, means_damage

_FORMAT = 1
SCHEMA = (
    # With a rowid: without one, SQLite writes and reads rows of this length half as fast.
    "CREATE TABLE generations (key BLOB PRIMARY KEY, candidate BLOB NOT NULL)",
    f"PRAGMA user_version={_FORMAT}",
)
PATIENCE = 60.0
"""Seconds to wait for another process that writes."""
_SILENT_SECONDS = 3.0
"""Seconds to wait before a warning says so."""
_STATEMENT_SECONDS = 0.5
"""Seconds that one statement may wait. No call is sent or received in that time."""

_CACHE_KIB = 16 * 1024
"""KiB of the file that SQLite keeps in memory. The index of 100,000 generations fits, and its default is 2,000."""

_LOG_PAGES = 4_000
"""Pages that the write-ahead log holds before SQLite copies them into the file. Each key changes a page of the index, so
that a longer log saves copies of the same pages. Its default is 1,000."""


class BusyStoreError(StoreError):
    """Another process has the store locked."""


def open_store_file(path: Path | None, patience: float) -> sqlite3.Connection:
    """Connect to the store at `path`, and warn if that takes long.

    Args:
        path: Where the store is or will be; None for a store in memory.
        patience: Seconds to wait for another process that has the store locked.

    Raises:
        StoreError: The file cannot be used as a store.
        DamagedError: The file is a damaged database.
    """
    try:
        return _open(path, min(patience, _SILENT_SECONDS))
    except BusyStoreError:
        if patience <= _SILENT_SECONDS:
            raise
        log.warning("Another process keeps the store %s locked; waiting for it, up to %g s", path, patience)
    return _open(path, patience - _SILENT_SECONDS)


def _open(path: Path | None, patience: float) -> sqlite3.Connection:
    try:
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            _check_rights(path)
            check_write_ahead_log(path)
            # A new file is for its user alone; SQLite would ask the umask.
            with contextlib.suppress(FileExistsError):
                os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        # One thread at a time uses the connection, but not always the one that opened it (see `run_anywhere`).
        db = sqlite3.connect(
            str(path or ":memory:"), timeout=patience, isolation_level=None, check_same_thread=False
        )
    except (sqlite3.Error, OSError) as error:
        raise unusable(path, str(error)) from error
    try:
        _prepare(db, path, patience)
    except sqlite3.Error as error:
        db.close()
        if means_damage(error):
            raise DamagedError(str(error)) from error
        if _is_busy(error):
            reason = f"another process has kept it locked for {patience:g} s"
            raise unusable(path, reason, BusyStoreError) from error
        raise unusable(path, str(error)) from error
    except (StoreError, DamagedError):
        db.close()
        raise
    return db


def _prepare(db: sqlite3.Connection, path: Path | None, patience: float) -> None:
    """Create the tables of a new store. Refuse a file that is not a store before any byte of it changes."""
    if reason := reason_not_a_store(db):
        raise unusable(path, reason)
    check(db)
    _use_write_ahead_log(db, patience)
    db.execute("PRAGMA synchronous=NORMAL")
    db.execute(f"PRAGMA cache_size=-{_CACHE_KIB}")
    db.execute(f"PRAGMA wal_autocheckpoint={_LOG_PAGES}")
    # If several processes open a new store at once, one creates the tables. A lock that is never released shows here,
    # before the first call is paid for.
    db.execute("BEGIN IMMEDIATE")
    if not db.execute("PRAGMA user_version").fetchone()[0]:
        for statement in SCHEMA:
            db.execute(statement)
    db.execute("COMMIT")
    db.execute(f"PRAGMA busy_timeout={int(1000 * min(patience, _STATEMENT_SECONDS))}")


def reason_not_a_store(db: sqlite3.Connection) -> str | None:
    """Return why a database is not a store that this version can use, or None if it is one or is empty."""
    version = db.execute("PRAGMA user_version").fetchone()[0]
    tables = table_names(db)
    if tables and "generations" not in tables:
        return "it is the database of another program"
    if version > _FORMAT:
        return f"a newer version wrote it (format {version})"
    return None


def table_names(db: sqlite3.Connection) -> set[str]:
    """Return the names of all tables of a database."""
    return {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


def _check_rights(path: Path) -> None:
    """Refuse a file without write permission. SQLite would open it, fail at the first write, and leave a log behind."""
    # Check the effective user, who opens the file, where the platform can tell.
    if path.is_file() and not os.access(path, os.W_OK, effective_ids=os.access in os.supports_effective_ids):
        raise unusable(path, "it is write-protected")


def _use_write_ahead_log(db: sqlite3.Connection, patience: float) -> None:
    """Switch to the write-ahead log. SQLite does not wait here if another process is opening the same new file."""
    end = time.monotonic() + patience
    while True:
        try:
            db.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                raise
        time.sleep(0.01)


def _is_busy(error: sqlite3.Error) -> bool:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def unusable(path: Path | None, reason: str, kind: type[StoreError] = StoreError) -> StoreError:
    """Return the error for a store that cannot be opened, with the fix."""
    return kind(f"Cannot use {path} as a store: {reason}; name another with cache=PATH, or cache=off")
