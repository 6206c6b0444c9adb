"""Several requests at the same time, none of which outlives the others' failure."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any, TypeVar

T = TypeVar("T")


async def together(work: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """The results, in order. The first error cancels the rest and is raised as it is, not as a group.

    `asyncio.gather` would leave the rest running, to ask and to pay for what nobody waits for.
    """
    coroutines = list(work)
    if len(coroutines) == 1:  # the usual case, which needs no task
        return [await coroutines[0]]
    failed: BaseException | None = None
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one) for one in coroutines]
    except BaseExceptionGroup as errors:
        failed = errors.exceptions[0]
    if failed is not None:
        raise failed  # outside the handler, so that it keeps its own cause
    return [task.result() for task in tasks]
