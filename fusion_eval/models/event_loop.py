"""Where asynchronous work runs: `asyncio.run`, or a thread of its own where a loop is running already."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

T = TypeVar("T")


def run_anywhere(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """What `work` returns or raises; an interrupt of the caller (a notebook's stop) cancels it first."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work())
    done: Future[T] = Future()
    loop = asyncio.new_event_loop()
    task = loop.create_task(work())
    thread = threading.Thread(target=_run, args=(loop, task, done), name="fusion_eval")
    thread.start()
    try:
        return done.result()
    except BaseException:
        loop.call_soon_threadsafe(task.cancel) if not loop.is_closed() else None
        raise
    finally:
        thread.join()


def _run(loop: asyncio.AbstractEventLoop, task: asyncio.Task[T], done: Future[T]) -> None:
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        try:
            done.set_result(runner.run(_awaited(task)))
        except BaseException as error:  # it belongs to whoever waits
            done.set_exception(error)


async def _awaited(task: asyncio.Task[T]) -> T:
    return await task
