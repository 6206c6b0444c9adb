"""Run asynchronous work from synchronous code, also where an event loop is running already."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

from fusion_eval.models.garbage import rare_collections

T = TypeVar("T")


def run_anywhere(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run `work` to its end and return its result.

    Where an event loop is running already, as in a notebook, the work runs in a thread with a loop of its own. If the
    caller is interrupted (a notebook's stop button), the work is cancelled before the interrupt goes on.
    """
    with rare_collections():
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            with asyncio.Runner(loop_factory=new_event_loop) as runner:
                return runner.run(work())
        return _run_in_thread(work)


def new_event_loop() -> asyncio.AbstractEventLoop:
    """Return a new event loop: uvloop's where it is installed, which needs less CPU time, else asyncio's."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


def _run_in_thread(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    result: Future[T] = Future()
    loop = new_event_loop()
    task = loop.create_task(work())
    thread = threading.Thread(target=_run, args=(loop, task, result), name="fusion_eval")
    thread.start()
    try:
        return result.result()
    except BaseException:
        if not loop.is_closed():
            loop.call_soon_threadsafe(task.cancel)
        raise
    finally:
        thread.join()


def _run(loop: asyncio.AbstractEventLoop, task: asyncio.Task[T], result: Future[T]) -> None:
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        try:
            result.set_result(runner.run(_result_of(task)))
        except BaseException as error:  # the calling thread raises it
            result.set_exception(error)


async def _result_of(task: asyncio.Task[T]) -> T:
    return await task
