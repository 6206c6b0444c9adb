"""Load tasks by name from the harness, before any model is asked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from fusion_eval.errors import ConfigError, nearest
from fusion_eval.harness.registration import register_filters, register_metrics
from fusion_eval.harness.tasks.folder import folder
from fusion_eval.harness.tasks.task_index import may_be_a_task, task_names
from fusion_eval.text.redaction import safe_message

_LONGEST_REASON = 600
"""Characters of the reason why a task cannot be loaded. It names a file and what to do."""


def task_manager(names: Sequence[str], include_path: Path | None) -> Any:
    """Return a task manager of the harness that knows all tasks named.

    The harness's own thousands of tasks are indexed only if a name is neither ours nor in `include_path`, and may be one
    of theirs.

    Raises:
        ConfigError: A task or the folder does not exist.
    """
    from lm_eval.tasks import TaskManager

    register_filters()
    register_metrics()
    if include_path and not include_path.is_dir():
        raise ConfigError(f"--include_path {include_path} is not a folder")
    paths = [str(path) for path in (folder(), include_path) if path]
    manager = TaskManager(include_path=paths, include_defaults=False)
    theirs = [name for name in names if not _matches(manager, name)]
    for name in theirs:
        if not may_be_a_task(name):
            raise _no_task(name, {*manager.all_tasks, *task_names()})
    if theirs:
        manager = TaskManager(include_path=paths)
    for name in theirs:
        if not _matches(manager, name):
            raise _no_task(name, manager.all_tasks)
    return manager


def _no_task(name: str, known: Iterable[str]) -> ConfigError:
    return ConfigError(f"There is no task '{name}'.{nearest(name, known)} `lm_eval ls tasks` lists all")


def _matches(manager: Any, name: str) -> bool:
    # 0.5 returns a name that matches nothing as it is, since it may be a path or `task@format`.
    matched = manager.match_tasks([name])
    return bool(matched) and (
        matched != [name] or name.partition("@")[0].partition("::")[0] in manager.all_tasks
    )


def load_tasks(manager: Any, names: Sequence[str]) -> Mapping[str, Any]:
    """Return the harness's task objects by name, with groups resolved to their tasks.

    Raises:
        ConfigError: A task cannot be loaded, e.g., because its data are missing.
    """
    try:
        tasks = dict(manager.load(manager.match_tasks(list(names)))["tasks"])
        for task in tasks.values():
            _ = task.eval_docs  # 0.5 loads the data of a task only here
        return tasks
    except ConfigError:
        raise
    except Exception as error:  # the harness and the data sets library raise anything
        reason = safe_message(str(error), limit=_LONGEST_REASON) or type(error).__name__
        raise ConfigError(f"The tasks {', '.join(names)} cannot be loaded: {reason}") from error
