"""Await several coroutines at once, and cancel the rest as soon as one fails."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, TypeVar

T = TypeVar("T")


async def gather_or_cancel(coroutines: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """Await all coroutines at once and return their results in order.

    The first error cancels the rest and is raised as it is, not in a group. `asyncio.gather` would leave the rest
    running, which would send and pay for calls whose answers nobody reads.
    """
    awaited = list(coroutines)
    if len(awaited) == 1:  # the usual case, which needs no task
        return [await awaited[0]]
    first_error: BaseException | None = None
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(coroutine) for coroutine in awaited]
    except BaseExceptionGroup as errors:
        first_error = errors.exceptions[0]
    if first_error is not None:
        raise first_error  # outside the handler, so that it keeps its own cause
    return [task.result() for task in tasks]


async def gather_bounded(limit: int, calls: Iterable[Callable[[], Coroutine[Any, Any, T]]]) -> list[T]:
    """Make all calls, at most `limit` of them at a time, and return their results in order.

    The first error cancels the rest, as in `gather_or_cancel`.
    """
    numbered = iter(enumerate(calls))
    results: dict[int, T] = {}

    async def worker() -> None:
        for number, call in numbered:
            results[number] = await call()

    await gather_or_cancel(worker() for _ in range(limit))
    return [results[number] for number in range(len(results))]
