"""Files of the tasks folder as modules: they stand in no package, so tests load them by their paths, as the harness does."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

TASKS = Path(__file__).parents[1] / "tasks"


def task_file(name: str) -> ModuleType:
    """A new module of `tasks/NAME.py`; `name` may hold a folder, `polymath/polymath`."""
    spec = importlib.util.spec_from_file_location(name.replace("/", "_"), TASKS / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
