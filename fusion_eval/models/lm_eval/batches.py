"""Collect the items of many coroutines and process them together on one thread."""

from __future__ import annotations

import asyncio
import concurrent.futures
import queue
import threading
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")

QUIET = 0.005
"""Seconds without a new item after which a batch counts as complete."""

Job = tuple["concurrent.futures.Future[Any]", Callable[[], Any]]


class Worker:
    """One thread that runs one job at a time, in order of arrival."""

    def __init__(self) -> None:
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._running = False

    async def run(self, job: Callable[[], R]) -> R:
        """Run a job on the thread; return its result or raise its exception."""
        if not self._running:
            # A daemon thread: an interrupted process does not wait minutes for the running job to end.
            threading.Thread(
                target=_run_jobs, args=(self._jobs,), name="fusion_eval batches", daemon=True
            ).start()
            self._running = True
        result: concurrent.futures.Future[R] = concurrent.futures.Future()
        self._jobs.put((result, job))
        return await asyncio.wrap_future(result)

    def stop(self) -> None:
        """End the thread after its last job; a later job starts another thread."""
        if self._running:
            self._jobs.put(None)
            self._running = False


class Batches(Generic[T, R]):
    """Collect items while a batch runs, and process them as the next batch.

    Args:
        process: Returns one result or exception per item, in order. It runs on the worker's thread. An exception
            in the list is raised to the submitter of its item; one that `process` raises goes to all of the batch.
        worker: The thread.
    """

    def __init__(self, process: Callable[[list[T]], Sequence[R | Exception]], worker: Worker) -> None:
        self._process, self._worker = process, worker
        self._waiting: list[tuple[T, asyncio.Future[R]]] = []
        self._collector: asyncio.Task[None] | None = None

    async def submit(self, item: T) -> R:
        """Return the item's result, from the next batch."""
        loop = asyncio.get_running_loop()
        collector = self._collector
        if collector is None or collector.done() or collector.get_loop() is not loop:
            self._waiting = []  # items left over belong to an event loop that is gone
            self._collector = loop.create_task(self._run_batches())
        result: asyncio.Future[R] = loop.create_future()
        self._waiting.append((item, result))
        return await result

    async def _run_batches(self) -> None:
        while self._waiting:
            await self._wait_until_quiet()
            batch = [(item, result) for item, result in self._waiting if not result.done()]  # done: cancelled
            self._waiting = []
            if batch:
                _deliver([result for _, result in batch], await self._results([item for item, _ in batch]))

    async def _wait_until_quiet(self) -> None:
        before = -1
        while before != len(self._waiting):
            before = len(self._waiting)
            await asyncio.sleep(QUIET)

    async def _results(self, items: list[T]) -> Sequence[R | Exception]:
        try:
            results = await self._worker.run(lambda: self._process(items))
            if len(results) != len(items):
                raise RuntimeError(f"{len(items)} requests in a batch brought {len(results)} results")
        except Exception as error:
            return [error] * len(items)
        return results


def _deliver(futures: list[asyncio.Future[R]], results: Sequence[R | Exception]) -> None:
    for future, result in zip(futures, results, strict=True):
        if future.done():
            continue
        if isinstance(result, Exception):
            future.set_exception(result)
        else:
            future.set_result(result)


def _run_jobs(jobs: queue.SimpleQueue[Job | None]) -> None:
    while _run_job(jobs.get()):  # holds no job while it waits, and so keeps no model alive
        pass


def _run_job(job: Job | None) -> bool:
    """Run one job; return False for the end of the queue."""
    if job is None:
        return False
    result, call = job
    if result.set_running_or_notify_cancel():
        try:
            result.set_result(call())
        except BaseException as error:  # the submitter handles it
            result.set_exception(error)
    return True
