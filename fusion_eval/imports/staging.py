"""Write an import beside its place and move it there when it is whole, so that a killed import leaves no half run."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

from fusion_eval.errors import ConfigError
from fusion_eval.runs.locking import lock_folder
from fusion_eval.runs.writing import ADVICE, UNFINISHED

_FILES = "files"
"""The folder with what is written. Names of runs cannot meet others in it."""
_WHOLE = "whole"
"""The file that says that all files are written, so that only moves are missing."""


@contextlib.contextmanager
def staged_output(output: Path) -> Iterator[Path]:
    """Hold an output folder and yield an empty one below it, whose content is moved to the output at the end.

    After an error nothing is moved. What a killed import wrote is removed; if it was killed between two moves, the others
    are made first.

    Raises:
        ConfigError: Another process holds the folder, or it cannot be written to.
    """
    with lock_folder(output):
        staging = output / UNFINISHED
        with _as_config_errors(output):
            if (staging / _WHOLE).exists():
                _finish(staging, output)
            _remove(staging)
            (staging / _FILES).mkdir(parents=True)
        try:
            yield staging / _FILES
        except BaseException:
            _remove(staging)
            raise
        with _as_config_errors(output):
            (staging / _WHOLE).touch()
            _finish(staging, output)


def _finish(staging: Path, output: Path) -> None:
    for path in sorted((staging / _FILES).iterdir()):
        _move(path, output / path.name)
    (staging / _WHOLE).unlink()  # first, as a kill may leave the rest
    _remove(staging)


def _move(path: Path, target: Path) -> None:
    """Move a file or a folder. A folder that is there already gets the files."""
    if path.is_dir() and target.is_dir():
        for child in sorted(path.iterdir()):
            _move(child, target / child.name)
    else:
        path.replace(target)


def _remove(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)


@contextlib.contextmanager
def _as_config_errors(output: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ConfigError(f"Cannot write to {output}: {error.strerror or error}; {ADVICE}") from error
