"""Stores with known content, copies of their files, and a process without rights to write."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from fusion_eval.models.store.store import Store
from fusion_eval.types import Candidate

_NOBODY = 65534
KEYS = [bytes([number]) * 32 for number in range(50)]


def filled_store(path: Path) -> Path:
    """Write a store with a candidate for each of `KEYS`."""
    with Store(path) as store:
        store.keep({key: Candidate(f"text {key[0]}", "m", key[0]) for key in KEYS})
    return path


def copy_store(path: Path, folder: Path, *suffixes: str) -> Path:
    """Copy a store and the companions with these suffixes, as they are at this moment, to a new folder."""
    folder.mkdir()
    for suffix in ("", *suffixes):
        shutil.copyfile(f"{path}{suffix}", f"{folder / path.name}{suffix}")
    return folder / path.name


def files_in(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()}


@contextlib.contextmanager
def unprivileged() -> Iterator[None]:
    """Run the block as nobody, if the tests run as root, who may write anywhere."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(_NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)
