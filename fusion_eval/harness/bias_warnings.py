"""Warn before a strategy answers requests whose set-up biases the comparison."""

from __future__ import annotations

import weakref
from collections.abc import Iterable

from fusion_eval.harness import host_tasks
from fusion_eval.harness.questions import Request
from fusion_eval.models.logs import log
from fusion_eval.strategies.bias import metric_bias, pool_bias
from fusion_eval.strategies.solver import Solver

_warned: weakref.WeakKeyDictionary[Solver, set[str]] = weakref.WeakKeyDictionary()
"""What each strategy of this process has been warned of. A task's requests may come in several calls."""


def warn(solver: Solver, requests: Iterable[Request]) -> None:
    """Log each warning about the strategy and the tasks of these requests, once for a strategy."""
    tasks = dict.fromkeys(request.task_name or "" for request in requests)
    found = metric_bias(solver, {task: host_tasks.metrics_of(task) for task in tasks})
    earlier = _warned.setdefault(solver, set())
    for sentence in [*pool_bias(solver), *found]:
        if sentence not in earlier:
            earlier.add(sentence)
            log.warning(sentence)
