"""The store of one actor: it writes to a file of its own, and reads what the other actors have stored."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from fusion_eval.errors import StoreError
from fusion_eval.models.store.store import Store, cache_folder
from fusion_eval.types import Candidate

try:
    import fcntl
except ImportError:  # Windows, where Ray runs on one machine at most
    fcntl = None  # type: ignore[assignment]


def actors_folder(cache: Path | None) -> Path:
    """Return the folder of the actors' stores on this machine: it stands beside the store that `cache=` names."""
    path = cache or cache_folder() / "store.sqlite"
    return path.with_name(f"{path.name}.actors")


class ActorStore(Store):
    """The first store of a folder that no living actor holds.

    An actor that takes the place of a lost one so has what that one stored. What the others hold is read, never written.

    Args:
        folder: The folder of all actors of this machine.
        also: A further store to read, such as the one of a job in one process; None or a missing file is left out.
    """

    def __init__(self, folder: Path, also: Path | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._also = folder, also
        self._others: dict[Path, Store] = {}
        self._lock, path = _claim(folder)
        super().__init__(path)

    def candidates(self, keys: Sequence[bytes]) -> dict[bytes, Candidate]:
        """Return the stored candidates of `keys`, of this actor's store or another's."""
        found = super().candidates(keys)
        missing = [key for key in keys if key not in found]
        for store in self._open_others() if missing else ():
            try:
                found |= store.candidates(missing)
            except StoreError:  # its actor begins or ends at this moment
                continue
            missing = [key for key in missing if key not in found]
            if not missing:
                break
        return found

    def _open_others(self) -> list[Store]:
        paths = [path for path in sorted(self._folder.glob("*.sqlite")) if path != self.path]
        if self._also and self._also.is_file():
            paths.append(self._also)
        for path in paths:
            if path not in self._others:
                try:
                    self._others[path] = Store(path, patience=1.0)
                except StoreError:
                    continue
        return list(self._others.values())

    def close(self) -> None:
        """Close all files, and give up the store for the next actor."""
        super().close()
        for store in self._others.values():
            store.close()
        self._lock.close()


def _claim(folder: Path) -> tuple[BinaryIO, Path]:
    """Lock the first free number of a folder. The system frees it if the process is killed."""
    number = 0
    while True:
        path = folder / f"actor-{number:03}.sqlite"
        lock = path.with_suffix(".lock").open("ab")
        if fcntl is None:
            return lock, folder / f"actor-{os.getpid()}.sqlite"
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
            number += 1
            continue
        return lock, path
