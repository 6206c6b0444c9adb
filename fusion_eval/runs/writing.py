"""Write files completely or not at all, and check a folder before anything is paid for."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from fusion_eval.errors import ConfigError

ADVICE = "name another folder with --output"
UNFINISHED = ".unfinished"
"""The folder below an output where files stand until all are written. What a killed process left there is no run."""


def check_folder(folder: Path) -> None:
    """Check that a folder exists and can be written to, or can be created.

    Raises:
        ConfigError: It can be neither.
    """
    existing = next(path for path in (folder, *folder.resolve().parents) if path.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK):
        raise ConfigError(
            f"--output {folder} cannot be a folder: {existing} is a file, or may not be written to"
        )


def write_file(path: Path, content: bytes, advice: str = ADVICE) -> None:
    """Write a file completely or not at all, and create its folder if needed.

    Raises:
        ConfigError: The file cannot be written. The message ends with `advice`.
    """
    with whole_file(path, advice) as partial:
        partial.write_bytes(content)


@contextlib.contextmanager
def whole_file(path: Path, advice: str = ADVICE) -> Iterator[Path]:
    """Yield the path of a new file beside `path`, which replaces `path` at the end, or is removed after an error.

    Two processes that write `path` at once have a file each, so one of the two contents stands there afterwards.

    Raises:
        ConfigError: The file cannot be written. The message ends with `advice`.
    """
    partial = path.with_name(f"{path.name}.{secrets.token_hex(4)}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield partial
            partial.replace(path)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise ConfigError(f"Cannot write {path}: {error.strerror}; {advice}") from error
