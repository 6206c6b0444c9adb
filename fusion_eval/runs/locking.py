"""Keep a folder for one run at a time."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from fusion_eval.errors import ConfigError

LOCK = ".fusion-eval.lock"
"""The file that a run holds while it writes to a folder. The system releases it if the run is killed."""
_UNFINISHED = re.compile(r"traces(\.rank\d+)?\.jsonl\.partial(\.sorted)?|.+\.[0-9a-f]{8}\.partial")
"""The names that `TraceFile` and `whole_file` give to files that they have not finished."""


@contextlib.contextmanager
def lock_folder(folder: Path, strategy_folders: Iterable[Path] = ()) -> Iterator[None]:
    """Hold a folder, which is created if needed, so that no other run writes to it meanwhile.

    Of a parallel run, the first rank holds it.

    Args:
        folder: The folder that `--output` names.
        strategy_folders: The folders of the run's strategies. What a killed run left unfinished there is removed.

    Raises:
        ConfigError: Another run holds the folder, or it cannot be created.
    """
    if os.environ.get("RANK", "0") != "0":
        yield
        return
    path = folder / LOCK
    new_folders = [parent for parent in path.parents if not parent.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = _open_and_lock(path)
    except BlockingIOError as error:
        raise ConfigError(
            f"Another run writes to {folder} now; wait until it ends, or name another folder with --output"
        ) from error
    except OSError as error:
        raise ConfigError(
            f"Cannot write to {folder}: {error.strerror}; name another folder with --output"
        ) from error
    try:
        _remove_unfinished(strategy_folders)
        yield
    finally:
        with contextlib.suppress(OSError):  # Windows removes no open file
            path.unlink()
        os.close(file)
        with contextlib.suppress(OSError):  # a folder with files stays
            for new in new_folders:
                new.rmdir()


def _remove_unfinished(folders: Iterable[Path]) -> None:
    """Remove the unfinished files of a killed run, and no file of anybody else."""
    for folder in folders:
        for path in folder.rglob("*.partial*"):
            if _UNFINISHED.fullmatch(path.name) and path.is_file():
                path.unlink(missing_ok=True)


def _open_and_lock(path: Path) -> int:
    """Return the locked file, which nobody has removed between its opening and its locking."""
    while True:
        file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            _lock(file)
            if path.exists() and os.path.samestat(os.fstat(file), path.stat()):
                return file
        except OSError:
            os.close(file)
            raise
        os.close(file)


if sys.platform == "win32":
    import msvcrt

    def _lock(file: int) -> None:
        try:
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        except PermissionError as error:
            raise BlockingIOError from error
else:
    import fcntl

    def _lock(file: int) -> None:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in (errno.ENOLCK, errno.ENOTSUP):  # some network file systems have no locks
                raise
