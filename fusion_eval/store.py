"""Finished generations on disk: content-addressed, crash-safe, shared by runs and processes.

SQLite in WAL mode: a write is durable against the death of the process once `keep` has returned, readers never
wait, and several processes may write. Where two processes finish the same call, the first one's result is kept.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import platformdirs

from fusion_eval.errors import StoreError
from fusion_eval.types import Candidate

T = TypeVar("T")

_FORMAT = 1
_SCHEMA = (
    # With a rowid: in a table without one, rows of this length make writing and reading half as fast.
    "CREATE TABLE generations (key BLOB PRIMARY KEY, candidate BLOB NOT NULL)",
    "CREATE TABLE likelihoods (key BLOB PRIMARY KEY, logprob REAL NOT NULL, greedy INTEGER NOT NULL) WITHOUT ROWID",
    f"PRAGMA user_version={_FORMAT}",
)
_AT_ONCE = 400
"""Rows per statement: twice as many parameters stay below SQLite's smallest limit, 999."""
_PATIENCE = 60.0
"""Seconds to wait for another process that writes."""


def cache_folder() -> Path:
    """The user's cache folder for everything of ours."""
    return Path(platformdirs.user_cache_dir("fusion_eval"))


class Store:
    """Open the store at `path` (made where it is absent); None keeps it in memory, for this process only."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        try:
            if path is not None:
                path.parent.mkdir(parents=True, exist_ok=True)
            # One thread at a time uses it, though not always the one that opened it (see `run_anywhere`).
            self._db = sqlite3.connect(
                str(path or ":memory:"), timeout=_PATIENCE, isolation_level=None, check_same_thread=False
            )
        except (sqlite3.Error, OSError) as error:
            raise _unusable(path, str(error)) from error
        try:
            _prepare(self._db, path)
        except sqlite3.Error as error:
            self._db.close()
            raise _unusable(path, str(error)) from error
        except StoreError:
            self._db.close()
            raise

    def candidates(self, keys: Sequence[bytes]) -> dict[bytes, Candidate]:
        """Those of `keys` that are stored."""
        found: dict[bytes, Candidate] = {}
        for some in _portions(keys):
            marks = ",".join("?" * len(some))
            rows = self._run(f"SELECT key, candidate FROM generations WHERE key IN ({marks})", some)  # noqa: S608 - marks only
            found |= {key: msgspec.json.decode(line, type=Candidate) for key, line in rows}
        return found

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
            fix = "make room or mend its rights, then run again"
            if "malformed" in str(error):
                fix = "it is damaged, so name another with cache=PATH"
            raise StoreError(
                f"The store {self.path} cannot be read or written: {error}. What it holds is kept; {fix}"
            ) from error

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; nothing is pending."""
        self._db.close()


def _prepare(db: sqlite3.Connection, path: Path | None) -> None:
    """Make it a store where it is new. What is not ours is refused before a byte of it changes."""
    found = db.execute("PRAGMA user_version").fetchone()[0]
    tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if tables and "generations" not in tables:
        raise _unusable(path, "it is the database of another program")
    if found > _FORMAT:
        raise _unusable(path, f"a newer version wrote it (format {found})")
    _write_ahead(db)
    db.execute("PRAGMA synchronous=NORMAL")
    if found:
        return
    db.execute("BEGIN IMMEDIATE")  # of processes that open a new store at the same time, one makes it
    if not db.execute("PRAGMA user_version").fetchone()[0]:
        for statement in _SCHEMA:
            db.execute(statement)
    db.execute("COMMIT")


def _write_ahead(db: sqlite3.Connection) -> None:
    """Turn to WAL. SQLite fails at once where another process uses the new file just then; elsewhere it waits."""
    end = time.monotonic() + _PATIENCE
    while True:
        try:
            db.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                raise
        time.sleep(0.01)


def _unusable(path: Path | None, reason: str) -> StoreError:
    return StoreError(f"Cannot use {path} as a store: {reason}; name another with cache=PATH, or cache=off")


def _portions(rows: Sequence[T]) -> Iterable[Sequence[T]]:
    return (rows[i : i + _AT_ONCE] for i in range(0, len(rows), _AT_ONCE))
