"""How many requests an endpoint has in flight at once, and who goes first."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Slots:
    """A semaphore with queues: urgent requests go ahead of others, and those that were in before ahead of all.

    Aggregation is urgent: a pool that is complete leaves memory as soon as its answer is made, so what is in
    flight stays bounded and answers arrive early.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.held = 0
        """How many are in use."""
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        self._order = itertools.count()

    @asynccontextmanager
    async def one(self, urgent: bool) -> AsyncIterator[None]:
        """Hold a slot for the length of the block."""
        await self._acquire(urgent)
        try:
            yield
        finally:
            self._release()

    async def again(self) -> None:
        """Whoever holds a slot too many, since the size fell, lets it go and takes the next one that is free."""
        if self.held > self.size:
            self.held -= 1
            try:
                await self._wait((-1, next(self._order)))
            except BaseException:
                self.held += 1  # `one` lets it go
                raise

    async def _acquire(self, urgent: bool) -> None:
        if self.held < self.size:  # then nobody waits: what is let go is handed to the next in the queue
            self.held += 1
            return
        await self._wait((int(not urgent), next(self._order)))

    async def _wait(self, place: tuple[int, int]) -> None:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (*place, turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # the slot was handed over just before we were cancelled
                self._release()
            raise

    def resize(self, size: int) -> None:
        """More slots at once, or fewer as they are let go."""
        self.size = size
        self._hand_out()

    def _release(self) -> None:
        self.held -= 1
        self._hand_out()

    def _hand_out(self) -> None:
        while self._waiting and self.held < self.size:
            _, _, turn = heapq.heappop(self._waiting)
            if not turn.done():
                self.held += 1
                turn.set_result(None)
