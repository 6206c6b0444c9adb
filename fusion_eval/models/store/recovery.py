"""Find out that a store is damaged, and set the damaged file aside under another name. Nothing is deleted."""

from __future__ import annotations

import itertools
import sqlite3
import time
from contextlib import suppress
from pathlib import Path

CHECK_SECONDS = 1.0
"""Enough to check a gigabyte. Of a larger store the first part is checked; damage in the rest shows when it is read."""
_PARTS = ("-wal", "-shm", "")
"""The files of a database, the database itself last: a new one would delete the write-ahead log beside it."""
_HEAD_BYTES = 2**16


class DamagedError(Exception):
    """The file is not a sound database; the message says why."""


def inode(path: Path) -> int | None:
    """Return the number that identifies the file at `path`, or None if there is no file."""
    try:
        return path.stat().st_ino
    except OSError:
        return None


def check_write_ahead_log(path: Path) -> None:
    """Check that a write-ahead log has its database. SQLite would delete a log without one.

    Raises:
        DamagedError: The log holds data and the database is empty or missing.
    """
    # The log first: a sound database is never empty once it has a log.
    if size(companion(path, "-wal")) and not size(path):
        raise DamagedError("it is empty, but its write-ahead log is not")


def check(db: sqlite3.Connection, seconds: float = CHECK_SECONDS) -> None:
    """Check as many pages of a database as `seconds` allow.

    Raises:
        DamagedError: A page is malformed.
    """
    end = time.monotonic() + seconds
    db.set_progress_handler(lambda: time.monotonic() > end, 1_000)
    try:
        [report] = db.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_INTERRUPT:
            raise
        return
    finally:
        db.set_progress_handler(None, 0)
    if report != "ok":
        raise DamagedError("database disk image is malformed")


def means_damage(error: sqlite3.Error) -> bool:
    """Return whether the file is to blame for an error, and not its rights, its disk or another process."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the lowest byte is the kind of error
    return code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def contains(path: Path, mark: bytes) -> bool:
    """Return whether `mark` is near the beginning of the file or of its write-ahead log."""
    for part in (path, companion(path, "-wal")):
        with suppress(OSError), part.open("rb") as file:
            if mark in file.read(_HEAD_BYTES):
                return True
    return False


def set_aside(path: Path, damaged: int | None) -> Path | None:
    """Rename a damaged database and its companions.

    Args:
        path: Where the database is.
        damaged: The `inode` of the file that was found to be damaged.

    Returns:
        The new name, or None if another process has replaced the file already.

    Raises:
        OSError: The folder does not allow renaming.
    """
    if inode(path) != damaged:
        return None
    names = (path.with_name(f"{path.name}.damaged-{number}") for number in itertools.count(1))
    new_name = next(name for name in names if not any(companion(name, part).exists() for part in _PARTS))
    for part in _PARTS:
        with suppress(FileNotFoundError):
            companion(path, part).rename(companion(new_name, part))
    return new_name


def companion(path: Path, suffix: str) -> Path:
    """Return the path of a database's companion file: `-wal` or `-shm`."""
    return path.with_name(path.name + suffix)


def size(path: Path) -> int:
    """Return the size of a file in bytes; 0 if there is no file."""
    try:
        return path.stat().st_size
    except OSError:
        return 0
