"""Limit how many requests an endpoint has in flight, and decide which waiting request goes next."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import Coroutine
from contextlib import AbstractAsyncContextManager
from typing import Any

_URGENT, _NORMAL = 0, 1
_REACQUIRING = -1
"""Priority of a request that had a slot before: it goes ahead of all others."""


class Slots:
    """A semaphore with a priority queue: urgent requests go ahead of the others.

    Aggregation is urgent. A pool that is complete leaves memory as soon as its answer is made, so memory stays bounded
    and answers arrive early.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.held = 0
        """How many slots are in use."""
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        self._arrivals = itertools.count()

    def hold(self, urgent: bool) -> AbstractAsyncContextManager[None]:
        """Wait for a slot and hold it for the length of the block."""
        return _Hold(self, _URGENT if urgent else _NORMAL)

    async def acquire(self, priority: int) -> None:
        """Wait for a slot; `release` gives it back."""
        # While a slot is free nobody waits: a released slot goes to the first request in the queue.
        if self.held < self.size:
            self.held += 1
        else:
            await self._wait(priority)

    def release(self) -> None:
        """Give a slot to the first request in the queue."""
        self.held -= 1
        self._hand_out()

    async def reacquire(self) -> None:
        """Give up the slot that is held and wait for another, if the size has fallen below the slots in use."""
        if self.held > self.size:
            self.held -= 1
            try:
                await self._wait(_REACQUIRING)
            except BaseException:
                self.held += 1  # `hold` releases it
                raise

    def resize(self, size: int) -> None:
        """Change the number of slots. Requests that hold a slot keep it."""
        self.size = size
        self._hand_out()

    async def _wait(self, priority: int) -> None:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (priority, next(self._arrivals), turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # the slot arrived just before the cancellation
                self.release()
            raise

    def _hand_out(self) -> None:
        while self._waiting and self.held < self.size:
            _, _, turn = heapq.heappop(self._waiting)
            if not turn.done():
                self.held += 1
                turn.set_result(None)


class _Hold(AbstractAsyncContextManager[None]):
    """Hold a slot. Every call comes here, and a class is faster than a generator."""

    __slots__ = ("_priority", "_slots")

    def __init__(self, slots: Slots, priority: int) -> None:
        self._slots, self._priority = slots, priority

    def __aenter__(self) -> Coroutine[Any, Any, None]:
        return self._slots.acquire(self._priority)

    async def __aexit__(self, *_: object) -> None:
        self._slots.release()
