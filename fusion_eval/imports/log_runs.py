"""Read logs of inspect_ai where runs are expected, so that `compare a.eval b.eval` works."""

from __future__ import annotations

import atexit
import logging
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from fusion_eval.errors import ConfigError
from fusion_eval.imports.source import is_inspect_log


def with_logs_as_runs(paths: Sequence[Path]) -> list[Path]:
    """Return the paths with each log of inspect_ai replaced by a run that is made of it.

    The runs stand in a temporary folder until the process ends, since their texts are read when they are needed. Each item
    has the mean over its epochs, as inspect reports it.

    Raises:
        ConfigError: inspect_ai is missing, or a log cannot be read or has no answers.
    """
    logs = [path for path in paths if is_inspect_log(path)]
    if not logs:
        return list(paths)
    from fusion_eval.imports.readers.inspect_logs import read_logs  # most commands read no log
    from fusion_eval.imports.writing import run_folder, write_runs

    folder = Path(tempfile.mkdtemp(prefix="fusion_eval_"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    imported, names = read_logs(logs, mean=True)
    for note in imported.notes:
        logging.getLogger("fusion_eval").warning(note)
    answered = {system for task in imported.tasks.values() for system in task.answers}
    for path, name in zip(logs, names, strict=True):
        if name not in answered:
            raise ConfigError(f"{path} has no answers: none of its samples has an output")
    date = max(path.stat().st_mtime for path in logs)
    write_runs(imported, list(imported.tasks.values()), folder, {"kind": "inspect"}, date)
    runs = iter([run_folder(folder, name) for name in names])
    return [next(runs) if path in logs else path for path in paths]
