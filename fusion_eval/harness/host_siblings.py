"""Every contact with private parts of lm-eval that building the requests of a run's sibling task needs.

Releases are told apart by what they can do, as in `host`.
"""

from __future__ import annotations

import functools
import inspect
import weakref
from collections.abc import Collection, Mapping
from typing import Any

_REMEMBERS = "remembers_building"
_options: weakref.WeakKeyDictionary[Any, Mapping[str, Any]] = weakref.WeakKeyDictionary()
"""With which options each task has built its requests."""
_manager: weakref.ReferenceType[Any] | None = None
"""The task manager that loaded tasks last."""
_FEWSHOT_SEED = 1234
"""The harness's own default."""


def remember_building() -> None:
    """Remember the task manager of a run, and the options with which its tasks build their requests.

    Private: `TaskManager.load` and `Task.build_all_requests` are wrapped, once. A second call changes nothing.
    """
    from lm_eval.api.task import Task
    from lm_eval.tasks import TaskManager

    build, load = Task.build_all_requests, TaskManager.load
    if hasattr(build, _REMEMBERS):
        return

    @functools.wraps(build)
    def build_all_requests(self: Any, *args: Any, **kwargs: Any) -> Any:
        _options[self] = kwargs
        return build(self, *args, **kwargs)

    @functools.wraps(load)
    def remembering_load(self: Any, *args: Any, **kwargs: Any) -> Any:
        global _manager
        _manager = weakref.ref(self)
        return load(self, *args, **kwargs)

    setattr(build_all_requests, _REMEMBERS, True)
    Task.build_all_requests, TaskManager.load = build_all_requests, remembering_load


def manager() -> Any:
    """Return the task manager that loaded the run's tasks; None if nothing has remembered it."""
    return _manager() if _manager else None


def known_tasks() -> Collection[str]:
    """Return the names of the tasks that the run's task manager knows."""
    found = manager()
    return () if found is None else tuple(found.all_tasks)


def requests_like(sibling: Any, task: Any, *, whole: bool = False) -> list[Any]:
    """Return the requests of a sibling task, built as the run has built those of a task.

    Few-shot examples are as many as the task shows, drawn with the harness's default seed.

    Args:
        sibling: A task that takes no part in the run.
        task: A task of the run.
        whole: Build the requests of all documents, whichever the run evaluates.

    Private: none, but the sibling's configuration is changed, and `remember_building` has kept the options.
    """
    options = dict(_options.get(task, {}))
    if whole:
        options |= {"limit": None, "samples": None, "rank": 0, "world_size": 1}
    sibling.set_config("num_fewshot", task.config.num_fewshot)
    sibling.set_fewshot_seed(seed=_FEWSHOT_SEED)
    build = inspect.unwrap(
        type(sibling).build_all_requests
    )  # a task outside the run is not remembered as one of it
    build(sibling, **options | {"cache_requests": False})
    return list(sibling.instances)
