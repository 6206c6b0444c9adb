"""How many requests an endpoint has in flight at once, and who goes first."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Slots:
    """A semaphore with two queues: urgent requests go ahead of all that wait.

    Aggregation is urgent: a pool that is complete leaves memory as soon as its answer is made, so what is in
    flight stays bounded and answers arrive early.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self.held = 0
        """How many are in use."""
        self._waiting: list[tuple[bool, int, asyncio.Future[None]]] = []
        self._order = itertools.count()

    @asynccontextmanager
    async def one(self, urgent: bool) -> AsyncIterator[None]:
        """Hold a slot for the length of the block."""
        await self._acquire(urgent)
        try:
            yield
        finally:
            self._release()

    async def _acquire(self, urgent: bool) -> None:
        if (
            self.held < self._size
        ):  # then nobody waits: a slot that is let go is handed to the next in the queue
            self.held += 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (not urgent, next(self._order), turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # the slot was handed over just before we were cancelled
                self._release()
            raise

    def resize(self, size: int) -> None:
        """More slots at once, or fewer as they are let go."""
        self._size = size
        self._hand_out()

    def _release(self) -> None:
        self.held -= 1
        self._hand_out()

    def _hand_out(self) -> None:
        while self._waiting and self.held < self._size:
            _, _, turn = heapq.heappop(self._waiting)
            if not turn.done():
                self.held += 1
                turn.set_result(None)
