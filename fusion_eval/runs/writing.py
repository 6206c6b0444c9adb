"""Write files completely or not at all, and check a folder before anything is paid for."""

from __future__ import annotations

import os
from pathlib import Path

from fusion_eval.errors import ConfigError


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


def write_file(path: Path, content: bytes, advice: str = "name another folder with --output") -> None:
    """Write a file completely or not at all, and create its folder if needed.

    The content is written to a file beside `path`, which then replaces it.

    Raises:
        ConfigError: The file cannot be written. The message ends with `advice`.
    """
    partial = path.with_name(f"{path.name}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            partial.write_bytes(content)
            partial.replace(path)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise ConfigError(f"Cannot write {path}: {error.strerror}; {advice}") from error
