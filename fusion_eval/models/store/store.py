"""Finished generations on disk: content-addressed, crash-safe, shared by runs and processes.

SQLite in WAL mode: a write is durable against the death of the process once `keep` has returned, readers never
wait, and several processes may write. Where two processes finish the same call, the first one's result is kept.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import platformdirs

from fusion_eval.errors import StoreError
from fusion_eval.models.store.opening import PATIENCE, SCHEMA, BusyStoreError, open_patiently, unusable
from fusion_eval.models.store.recovery import DamagedError, holds, inode, set_aside
from fusion_eval.types import Candidate

T = TypeVar("T")
log = logging.getLogger("fusion_eval")

_decode = msgspec.json.Decoder(Candidate).decode
_AT_ONCE = 400
"""Rows per statement: twice as many parameters stay below SQLite's smallest limit, 999."""


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
                self._db = open_patiently(path, patience)
                return
            except DamagedError as error:
                if path is None or not tries_left or not _is_ours(path):
                    raise unusable(path, str(error)) from error
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


def _is_ours(path: Path) -> bool:
    """Whether a file that SQLite cannot make sense of was a store: by its place, or by what is left of its schema."""
    return path.resolve().is_relative_to(cache_folder().resolve()) or holds(path, SCHEMA[0].encode())


def _begin_anew(path: Path, found: int | None, error: DamagedError) -> None:
    try:
        aside = set_aside(path, found)
    except OSError as refused:
        raise unusable(path, f"{error}, and it cannot be set aside: {refused.strerror}") from refused
    if aside:
        log.warning(
            "The store %s was damaged (%s). It is set aside as %s, and a new one is begun",
            path,
            error,
            aside.name,
        )


def _portions(rows: Sequence[T]) -> Iterable[Sequence[T]]:
    return (rows[i : i + _AT_ONCE] for i in range(0, len(rows), _AT_ONCE))
