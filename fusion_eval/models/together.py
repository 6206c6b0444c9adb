"""Several requests at the same time, none of which outlives the others' failure."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable
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


async def at_most(width: int, calls: Iterable[Callable[[], Coroutine[Any, Any, T]]]) -> list[T]:
    """As `together`, of calls that may be many: so many of them are under way at a time."""
    waiting = iter(enumerate(calls))
    results: dict[int, T] = {}

    async def work() -> None:
        for place, call in waiting:
            results[place] = await call()

    await together(work() for _ in range(width))
    return [results[place] for place in range(len(results))]
