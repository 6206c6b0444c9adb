"""Requests of many coroutines, gathered and answered together by a thread."""

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
"""Seconds without a new request after which a batch counts as complete."""

Job = tuple["concurrent.futures.Future[Any]", Callable[[], Any]]


class Worker:
    """One thread that does one job at a time, in the order in which they came."""

    def __init__(self) -> None:
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._running = False

    async def run(self, job: Callable[[], R]) -> R:
        """The job's result; what it raises is raised here."""
        if not self._running:
            # A daemon: an interrupted process need not wait for minutes until the job under way has ended.
            threading.Thread(
                target=_work, args=(self._jobs,), name="fusion_eval batches", daemon=True
            ).start()
            self._running = True
        done: concurrent.futures.Future[R] = concurrent.futures.Future()
        self._jobs.put((done, job))
        return await asyncio.wrap_future(done)

    def stop(self) -> None:
        """End the thread after the jobs that it has; a later job starts another."""
        if self._running:
            self._jobs.put(None)
            self._running = False


class Batches(Generic[T, R]):
    """Hands what was asked meanwhile to `answer`, on the worker's thread, in order of arrival.

    `answer` gives a result per item. An exception among the results is raised to that item's asker; one that
    `answer` raises is raised to all of the batch.
    """

    def __init__(self, answer: Callable[[list[T]], Sequence[R | Exception]], worker: Worker) -> None:
        self._answer, self._worker = answer, worker
        self._waiting: list[tuple[T, asyncio.Future[R]]] = []
        self._gathering: asyncio.Task[None] | None = None

    async def ask(self, item: T) -> R:
        """The item's result, from the next batch."""
        loop = asyncio.get_running_loop()
        gathering = self._gathering
        if gathering is None or gathering.done() or gathering.get_loop() is not loop:
            self._waiting = []  # whoever still waited did so on a loop that is gone
            self._gathering = loop.create_task(self._gather())
        answer: asyncio.Future[R] = loop.create_future()
        self._waiting.append((item, answer))
        return await answer

    async def _gather(self) -> None:
        while self._waiting:
            await self._quiet()
            # A cancelled asker wants nothing more.
            asked = [(item, answer) for item, answer in self._waiting if not answer.done()]
            self._waiting = []
            if asked:
                _deliver([answer for _, answer in asked], await self._results([item for item, _ in asked]))

    async def _quiet(self) -> None:
        seen = -1
        while seen != len(self._waiting):
            seen = len(self._waiting)
            await asyncio.sleep(QUIET)

    async def _results(self, items: list[T]) -> Sequence[R | Exception]:
        try:
            results = await self._worker.run(lambda: self._answer(items))
            if len(results) != len(items):
                raise RuntimeError(f"{len(items)} requests in a batch brought {len(results)} results")
        except Exception as error:
            return [error] * len(items)
        return results


def _deliver(answers: list[asyncio.Future[R]], results: Sequence[R | Exception]) -> None:
    for answer, result in zip(answers, results, strict=True):
        if answer.done():
            continue
        if isinstance(result, Exception):
            answer.set_exception(result)
        else:
            answer.set_result(result)


def _work(jobs: queue.SimpleQueue[Job | None]) -> None:
    while _do(jobs.get()):  # holds no job while it waits, and so keeps no model alive
        pass


def _do(job: Job | None) -> bool:
    """Whether to go on."""
    if job is None:
        return False
    done, call = job
    if done.set_running_or_notify_cancel():
        try:
            done.set_result(call())
        except BaseException as error:  # what is to become of it is decided where it was asked for
            done.set_exception(error)
    return True
