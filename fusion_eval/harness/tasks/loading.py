"""Tasks by name, loaded from the harness before anything is paid for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fusion_eval.errors import ConfigError, nearest
from fusion_eval.harness.registration import register_filters, register_metrics
from fusion_eval.harness.tasks.folder import folder
from fusion_eval.models.openai.errors import clean


def task_manager(names: Sequence[str], include_path: Path | None) -> Any:
    """The harness's, which knows `names`. Its own thousands are indexed only where a name is not among ours or the user's."""
    from lm_eval.tasks import TaskManager

    register_filters()
    register_metrics()
    if include_path and not include_path.is_dir():
        raise ConfigError(f"--include_path {include_path} is not a folder")
    paths = [str(path) for path in (folder(), include_path) if path]
    manager = TaskManager(include_path=paths, include_defaults=False)
    if not all(manager.match_tasks([name]) for name in names):
        manager = TaskManager(include_path=paths)
    for name in names:
        if not manager.match_tasks([name]):
            raise ConfigError(
                f"There is no task '{name}'.{nearest(name, manager.all_tasks)} `lm_eval ls tasks` lists all"
            )
    return manager


def load_tasks(manager: Any, names: Sequence[str]) -> Mapping[str, Any]:
    """The harness's task objects by name, groups resolved; their data must be there."""
    try:
        return dict(manager.load(manager.match_tasks(list(names)))["tasks"])
    except Exception as error:  # the harness and the data sets library raise anything
        reason = clean(str(error)) or type(error).__name__
        raise ConfigError(f"The tasks {', '.join(names)} cannot be loaded: {reason}") from error
