"""Whether results can be written, found out before anything is paid for."""

from __future__ import annotations

import os
from pathlib import Path

from fusion_eval.errors import ConfigError


def check_folder(folder: Path) -> None:
    """Raises `ConfigError` where `--output` neither is a folder to write to nor can become one."""
    existing = next(path for path in (folder, *folder.resolve().parents) if path.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK):
        raise ConfigError(
            f"--output {folder} cannot be a folder: {existing} is a file, or may not be written to"
        )
