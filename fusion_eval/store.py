"""Finished generations on disk: content-addressed, crash-safe, shared by runs and processes.

SQLite in WAL mode: a write is durable against the death of the process once `keep` has returned, readers never
wait, and several processes may write. Where two processes finish the same call, the first one's result is kept.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import platformdirs

from fusion_eval.errors import StoreError
from fusion_eval.store_recovery import (
    DamagedError,
    check,
    check_companions,
    holds,
    inode,
    means_damage,
    set_aside,
)
from fusion_eval.types import Candidate

T = TypeVar("T")
log = logging.getLogger("fusion_eval")

_FORMAT = 1
_SCHEMA = (
    # With a rowid: in a table without one, rows of this length make writing and reading half as fast.
    "CREATE TABLE generations (key BLOB PRIMARY KEY, candidate BLOB NOT NULL)",
    "CREATE TABLE likelihoods (key BLOB PRIMARY KEY, logprob REAL NOT NULL, greedy INTEGER NOT NULL) WITHOUT ROWID",
    f"PRAGMA user_version={_FORMAT}",
)
_decode = msgspec.json.Decoder(Candidate).decode
_AT_ONCE = 400
"""Rows per statement: twice as many parameters stay below SQLite's smallest limit, 999."""
PATIENCE = 60.0
"""Seconds to wait for another process that writes."""
_STANDSTILL = 0.5
"""Of these, seconds that one statement may wait: no call is sent or received meanwhile."""


class BusyStoreError(StoreError):
    """Another process is writing just now."""


def cache_folder() -> Path:
    """The user's cache folder for everything of ours."""
    return Path(platformdirs.user_cache_dir("fusion_eval"))


class Store:
    """Open the store at `path` (made where it is absent); None keeps it in memory, for this process only.

    `patience` is how many seconds to wait for another process that writes. A store that is damaged is set aside under
    another name, with a warning, and a new one is begun; what is not ours is refused with a `StoreError`.
    """

    def __init__(self, path: Path | None, patience: float = PATIENCE) -> None:
        self.path = path
        for tries_left in (2, 1, 0):  # more than one where other processes find the damage at the same time
            found = inode(path) if path else None
            try:
                self._db = _open(path, patience)
                return
            except DamagedError as error:
                if path is None or not tries_left or not _is_ours(path):
                    raise _unusable(path, str(error)) from error
                _begin_anew(path, found, error)

    def candidates(self, keys: Sequence[bytes]) -> dict[bytes, Candidate]:
        """Those of `keys` that are stored."""
        found: dict[bytes, Candidate] = {}
        for some in _portions(keys):
            marks = ",".join("?" * len(some))
            rows = self._run(f"SELECT key, candidate FROM generations WHERE key IN ({marks})", some)  # noqa: S608 - marks only
            found |= {key: self._decoded(line) for key, line in rows}
        return found

    def _decoded(self, line: bytes) -> Candidate:
        try:
            return _decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:  # SQLite sees no damage within a row
            raise StoreError(
                f"The store {self.path} holds a damaged generation: {error}. Name another with cache=PATH"
            ) from error

    def keep(self, candidates: Mapping[bytes, Candidate]) -> dict[bytes, Candidate]:
        """Write; returns what is stored then, which is another process's where it was first."""
        written = self._db.total_changes
        for some in _portions(list(candidates.items())):
            marks = ",".join(["(?,?)"] * len(some))
            flat = [value for key, candidate in some for value in (key, msgspec.json.encode(candidate))]
            self._run(f"INSERT OR IGNORE INTO generations VALUES {marks}", flat)  # noqa: S608 - marks only
        if self._db.total_changes - written == len(candidates):
            return dict(candidates)
        return self.candidates(list(candidates))

    def likelihood(self, key: bytes) -> tuple[float, bool] | None:
        """A stored log-likelihood."""
        rows = self._run("SELECT logprob, greedy FROM likelihoods WHERE key = ?", [key])
        return (rows[0][0], bool(rows[0][1])) if rows else None

    def keep_likelihood(self, key: bytes, value: tuple[float, bool]) -> tuple[float, bool]:
        """Write a log-likelihood; returns what is stored then, as `keep` does."""
        self._run("INSERT OR IGNORE INTO likelihoods VALUES (?,?,?)", [key, value[0], int(value[1])])
        return self.likelihood(key) or value

    def _run(self, statement: str, values: Sequence[object]) -> list[tuple[Any, ...]]:
        try:
            return self._db.execute(statement, values).fetchall()
        except sqlite3.Error as error:
            fix, kind = "make room or mend its rights, then run again", StoreError
            if "malformed" in str(error):
                fix = "run again, and it is set aside for a new one"
            elif "locked" in str(error):
                kind = BusyStoreError
                fix = "another process keeps it busy: run again when that is done, or name another with cache=PATH"
            raise kind(
                f"The store {self.path} cannot be read or written: {error}. What it holds is kept; {fix}"
            ) from error

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; nothing is pending."""
        self._db.close()


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
        raise _unusable(path, str(error)) from error
    try:
        _prepare(db, path, patience)
    except sqlite3.Error as error:
        db.close()
        if means_damage(error):
            raise DamagedError(str(error)) from error
        raise _unusable(path, _reason(error, patience)) from error
    except (StoreError, DamagedError):
        db.close()
        raise
    return db


def _prepare(db: sqlite3.Connection, path: Path | None, patience: float) -> None:
    """Make it a store where it is new. What is not ours is refused before a byte of it changes."""
    found = db.execute("PRAGMA user_version").fetchone()[0]
    tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if tables and "generations" not in tables:
        raise _unusable(path, "it is the database of another program")
    if found > _FORMAT:
        raise _unusable(path, f"a newer version wrote it (format {found})")
    check(db)
    _write_ahead(db, patience)
    db.execute("PRAGMA synchronous=NORMAL")
    # Of processes that open a new store at the same time, one makes it; and a lock that somebody keeps is found out
    # here, not after the first call has been paid for.
    db.execute("BEGIN IMMEDIATE")
    if not db.execute("PRAGMA user_version").fetchone()[0]:
        for statement in _SCHEMA:
            db.execute(statement)
    db.execute("COMMIT")
    db.execute(f"PRAGMA busy_timeout={int(1000 * min(patience, _STANDSTILL))}")


def _check_rights(path: Path) -> None:
    """SQLite would open a file that is only to be read, fail at the first write, and leave a log that nobody may write."""
    # As whom the file would be opened, not as whom the process was started, where the platform can tell.
    if path.is_file() and not os.access(path, os.W_OK, effective_ids=os.access in os.supports_effective_ids):
        raise _unusable(path, "it may not be written to")


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


def _is_ours(path: Path) -> bool:
    """Whether a file that SQLite cannot make sense of was a store: by its place, or by what is left of its schema."""
    return path.resolve().is_relative_to(cache_folder().resolve()) or holds(path, _SCHEMA[0].encode())


def _begin_anew(path: Path, found: int | None, error: DamagedError) -> None:
    try:
        aside = set_aside(path, found)
    except OSError as refused:
        raise _unusable(path, f"{error}, and it cannot be set aside: {refused.strerror}") from refused
    if aside:
        log.warning(
            "The store %s was damaged (%s). It is set aside as %s, and a new one is begun",
            path,
            error,
            aside.name,
        )


def _reason(error: sqlite3.Error, patience: float) -> str:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return f"another process has kept it locked for {patience:g} s"
    return str(error)


def _unusable(path: Path | None, reason: str) -> StoreError:
    return StoreError(f"Cannot use {path} as a store: {reason}; name another with cache=PATH, or cache=off")


def _portions(rows: Sequence[T]) -> Iterable[Sequence[T]]:
    return (rows[i : i + _AT_ONCE] for i in range(0, len(rows), _AT_ONCE))
