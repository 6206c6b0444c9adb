"""Finished generations on disk: content-addressed, crash-safe, shared by runs and processes.

SQLite in WAL mode: a write is durable against the death of the process once `keep` has returned, readers never
wait, and several processes may write. Where two processes finish the same call, the first one's result is kept.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import platformdirs

from fusion_eval.errors import StoreError
from fusion_eval.types import Candidate

_FORMAT = 1
_SCHEMA = """
CREATE TABLE IF NOT EXISTS generations (key BLOB PRIMARY KEY, candidate BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS likelihoods (key BLOB PRIMARY KEY, logprob REAL NOT NULL, greedy INTEGER NOT NULL)
WITHOUT ROWID;
"""
_AT_ONCE = 500
"""Keys per query, below SQLite's smallest limit on parameters."""


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
                str(path or ":memory:"), timeout=60, isolation_level=None, check_same_thread=False
            )
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=NORMAL")
            self._db.executescript(_SCHEMA)
            found = self._db.execute("PRAGMA user_version").fetchone()[0]
            if found == 0:
                self._db.execute(f"PRAGMA user_version={_FORMAT}")
        except (sqlite3.Error, OSError) as error:
            raise StoreError(
                f"Cannot use {path} as a store: {error}; name another with cache=PATH, or cache=off"
            ) from error
        if found > _FORMAT:
            raise StoreError(
                f"{path} was written by a newer version (format {found}); name another with cache=PATH"
            )

    def candidates(self, keys: list[bytes]) -> dict[bytes, Candidate]:
        """Those of `keys` that are stored."""
        found: dict[bytes, Candidate] = {}
        for some in _portions(keys):
            marks = ",".join("?" * len(some))
            rows = self._run(f"SELECT key, candidate FROM generations WHERE key IN ({marks})", some)  # noqa: S608 - marks only
            found |= {key: msgspec.json.decode(line, type=Candidate) for key, line in rows}
        return found

    def keep(self, candidates: Mapping[bytes, Candidate]) -> dict[bytes, Candidate]:
        """Write in one transaction; returns what is stored, which is another process's where it was first."""
        if not candidates:
            return {}
        encode = msgspec.json.encode
        lines = [(key, encode(candidate)) for key, candidate in candidates.items()]
        marks = ",".join(["(?,?)"] * len(lines))
        flat = [value for line in lines for value in line]
        self._run(f"INSERT OR IGNORE INTO generations VALUES {marks}", flat)  # noqa: S608 - marks only
        if self._db.execute("SELECT changes()").fetchone()[0] == len(lines):
            return dict(candidates)
        return self.candidates(list(candidates))

    def likelihood(self, key: bytes) -> tuple[float, bool] | None:
        """A stored log-likelihood."""
        rows = self._run("SELECT logprob, greedy FROM likelihoods WHERE key = ?", [key])
        return (rows[0][0], bool(rows[0][1])) if rows else None

    def keep_likelihood(self, key: bytes, value: tuple[float, bool]) -> tuple[float, bool]:
        """Write a log-likelihood."""
        self._run("INSERT OR IGNORE INTO likelihoods VALUES (?,?,?)", [key, value[0], int(value[1])])
        return value

    def _run(self, statement: str, values: Sequence[object]) -> list[tuple[Any, ...]]:
        try:
            return self._db.execute(statement, values).fetchall()
        except sqlite3.Error as error:
            raise StoreError(
                f"The store {self.path} cannot be read or written: {error}. What it holds is kept; "
                "make room or mend its rights, then run again"
            ) from error

    def close(self) -> None:
        """Close the file; nothing is pending."""
        self._db.close()


def _portions(keys: list[bytes]) -> Iterable[list[bytes]]:
    return (keys[i : i + _AT_ONCE] for i in range(0, len(keys), _AT_ONCE))
