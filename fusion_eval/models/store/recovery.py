"""A damaged store is found on opening, where that is still cheap, and set aside whole: nothing is ever deleted."""

from __future__ import annotations

import itertools
import sqlite3
import time
from contextlib import suppress
from pathlib import Path

CHECK_SECONDS = 1.0
"""Enough for a gigabyte; of a larger store the first part is checked, and the rest when it is read."""
_COMPANIONS = ("-wal", "-shm", "")
"""What belongs to a database, itself last: a new one would delete the write-ahead log that it finds beside it."""
_HEAD = 2**16


class DamagedError(Exception):
    """The file is no sound database; says in what way."""


def inode(path: Path) -> int | None:
    """Which file stands at `path`; None where there is none."""
    try:
        return path.stat().st_ino
    except OSError:
        return None


def check_companions(path: Path) -> None:
    """Raise `DamagedError` where the database is gone but its write-ahead log is not, which SQLite would then delete."""
    # The log first: a sound database is never empty once it has one.
    if size(beside(path, "-wal")) and not size(path):
        raise DamagedError("it is empty, but its write-ahead log is not")


def check(db: sqlite3.Connection, seconds: float = CHECK_SECONDS) -> None:
    """Raise `DamagedError` where a page makes no sense, as far as `seconds` of looking tell."""
    end = time.monotonic() + seconds
    db.set_progress_handler(lambda: time.monotonic() > end, 1_000)
    try:
        [found] = db.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_INTERRUPT:
            raise
        return
    finally:
        db.set_progress_handler(None, 0)
    if found != "ok":
        raise DamagedError("database disk image is malformed")


def means_damage(error: sqlite3.Error) -> bool:
    """Whether it is the file that is to blame, not its rights, its disk or another process."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # without what SQLite adds to the kind
    return code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def holds(path: Path, mark: bytes) -> bool:
    """Whether `mark` stands near the beginning of the file or of its write-ahead log."""
    for part in (path, beside(path, "-wal")):
        with suppress(OSError), part.open("rb") as file:
            if mark in file.read(_HEAD):
                return True
    return False


def set_aside(path: Path, found: int | None) -> Path | None:
    """Rename the file and its companions; the new name, or None where another process was faster.

    `found` is the `inode` of the file that was seen to be damaged. Raises OSError where the folder forbids it.
    """
    if inode(path) != found:
        return None
    names = (path.with_name(f"{path.name}.damaged-{number}") for number in itertools.count(1))
    aside = next(name for name in names if not any(beside(name, part).exists() for part in _COMPANIONS))
    for part in _COMPANIONS:
        with suppress(FileNotFoundError):
            beside(path, part).rename(beside(aside, part))
    return aside


def beside(path: Path, part: str) -> Path:
    """The companion of a database that ends in `part`."""
    return path.with_name(path.name + part)


def size(path: Path) -> int:
    """In bytes; 0 where there is no file."""
    try:
        return path.stat().st_size
    except OSError:
        return 0
