"""Files of this folder, for each other: the harness loads them by their paths, so none can import another by its name."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType


def beside(name: str) -> ModuleType:
    """The module of a file of this folder: one in a process, however often and by whomever it is asked for."""
    path = Path(__file__).resolve().with_name(f"{name}.py")
    if str(path) not in sys.modules:
        spec = importlib.util.spec_from_file_location(str(path), path)
        if spec is None or spec.loader is None or not path.is_file():
            raise ImportError(f"{path} is not there; copy the whole tasks folder")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        # Only now, and once: of threads that load it at the same time, all go on with the first one's.
        sys.modules.setdefault(str(path), module)
    return sys.modules[str(path)]
