"""A connection to a sound store: made where there is none, waited for where it is busy, refused where it is not ours."""

from __future__ import annotations

import logging
import os
import sqlite3
import time
from pathlib import Path

from fusion_eval.errors import StoreError
from fusion_eval.models.store.recovery import DamagedError, check, check_companions, means_damage

log = logging.getLogger("fusion_eval")

_FORMAT = 1
SCHEMA = (
    # With a rowid: in a table without one, rows of this length make writing and reading half as fast.
    "CREATE TABLE generations (key BLOB PRIMARY KEY, candidate BLOB NOT NULL)",
    "CREATE TABLE likelihoods (key BLOB PRIMARY KEY, logprob REAL NOT NULL, greedy INTEGER NOT NULL) WITHOUT ROWID",
    f"PRAGMA user_version={_FORMAT}",
)
PATIENCE = 60.0
"""Seconds to wait for another process that writes."""
_SILENCE = 3.0
"""Seconds of that without a word."""
_STANDSTILL = 0.5
"""Of these, seconds that one statement may wait: no call is sent or received meanwhile."""


class BusyStoreError(StoreError):
    """Another process is writing just now."""


def open_patiently(path: Path | None, patience: float) -> sqlite3.Connection:
    """As `_open`; whoever waits for long is told why."""
    try:
        return _open(path, min(patience, _SILENCE))
    except BusyStoreError:
        if patience <= _SILENCE:
            raise
        log.warning("Another process keeps the store %s locked; waiting for it, up to %g s", path, patience)
    return _open(path, patience - _SILENCE)


def _open(path: Path | None, patience: float) -> sqlite3.Connection:
    """A connection to a sound store; `StoreError` where there can be none, `DamagedError` where there was one."""
    try:
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            _check_rights(path)
            check_companions(path)
        # One thread at a time uses it, though not always the one that opened it (see `run_anywhere`).
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
        raise unusable(
            path, _reason(error, patience), BusyStoreError if _busy(error) else StoreError
        ) from error
    except (StoreError, DamagedError):
        db.close()
        raise
    return db


def _prepare(db: sqlite3.Connection, path: Path | None, patience: float) -> None:
    """Make it a store where it is new. What is not ours is refused before a byte of it changes."""
    if reason := not_ours(db):
        raise unusable(path, reason)
    check(db)
    _write_ahead(db, patience)
    db.execute("PRAGMA synchronous=NORMAL")
    # Of processes that open a new store at the same time, one makes it; and a lock that somebody keeps is found out
    # here, not after the first call has been paid for.
    db.execute("BEGIN IMMEDIATE")
    if not db.execute("PRAGMA user_version").fetchone()[0]:
        for statement in SCHEMA:
            db.execute(statement)
    db.execute("COMMIT")
    db.execute(f"PRAGMA busy_timeout={int(1000 * min(patience, _STANDSTILL))}")


def not_ours(db: sqlite3.Connection, empty: str | None = None) -> str | None:
    """Why this is no store that can be used, or None; `empty` is what to say of a database without tables."""
    found = db.execute("PRAGMA user_version").fetchone()[0]
    tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if tables and "generations" not in tables:
        return "it is the database of another program"
    if found > _FORMAT:
        return f"a newer version wrote it (format {found})"
    return None if tables else empty


def _check_rights(path: Path) -> None:
    """SQLite would open a file that is only to be read, fail at the first write, and leave a log that nobody may write."""
    # As whom the file would be opened, not as whom the process was started, where the platform can tell.
    if path.is_file() and not os.access(path, os.W_OK, effective_ids=os.access in os.supports_effective_ids):
        raise unusable(path, "it may not be written to")


def _write_ahead(db: sqlite3.Connection, patience: float) -> None:
    """Turn to WAL. SQLite fails at once where another process uses the new file just then; elsewhere it waits."""
    end = time.monotonic() + patience
    while True:
        try:
            db.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                raise
        time.sleep(0.01)


def _busy(error: sqlite3.Error) -> bool:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def _reason(error: sqlite3.Error, patience: float) -> str:
    if _busy(error):
        return f"another process has kept it locked for {patience:g} s"
    return str(error)


def unusable(path: Path | None, reason: str, kind: type[StoreError] = StoreError) -> StoreError:
    return kind(f"Cannot use {path} as a store: {reason}; name another with cache=PATH, or cache=off")
