"""Choose the folder for the traces of a model type."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path

from fusion_eval.argument_values import OFF
from fusion_eval.model_arguments import ModelArguments
from fusion_eval.models.store.store import cache_folder
from fusion_eval.text.file_names import safe_file_name


def trace_folder(strategy: str, arguments: ModelArguments) -> Path | None:
    """Return the folder for traces: `trace_dir`, by default a new one in the cache folder, None with `cache=off`."""
    if arguments.trace_dir:
        return arguments.trace_dir
    if arguments.cache is OFF:
        return None
    moment = f"{time.strftime('%Y%m%dT%H%M%S')}-{safe_file_name(strategy)}"
    unique = hashlib.sha256(f"{time.time_ns()}{id(arguments)}".encode()).hexdigest()[:6]
    return cache_folder() / "traces" / f"{moment}-{unique}"
