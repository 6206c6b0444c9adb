"""Models in this process take turns, so that never two of them compute at once.

Two models at once would wait for each other's threads at every operation. A turn ends when its requests are done and
another model waits, or when the number of threads is to be chosen again.
"""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

SHORTEST_TURN = 10.0
"""Seconds in which a model may start requests although another one waits: more requests at once are faster."""
CHECK_EVERY = 30.0
"""Seconds over which the rate is measured."""
FALLEN = 0.6
"""Part of the best rate below which the number of threads is chosen again."""
REDUCED_FOR = 60.0
"""Seconds after which a model with fewer threads than cores tries again whether the machine is free."""


class Turns:
    """Admit the requests of one model at a time. All models of one event loop share it."""

    def __init__(self) -> None:
        self.rests = 0
        """How often no request was in flight so that threads could be chosen again."""
        self.crowded = False
        """Whether the request that was admitted last joined others in flight."""
        self._owner: str | None = None
        self._in_flight = 0
        self._alone = 0
        self._began = self._rested = 0.0
        self._rest_wanted = False
        self._waiting: dict[str, int] = {}
        self._changed = asyncio.Condition()
        self._rates: dict[str, Rate] = {}

    @asynccontextmanager
    async def hold(self, owner: str, *, alone: bool = False) -> AsyncIterator[None]:
        """Wait until the model `owner` may send a request, and count the request as in flight in the block.

        Args:
            owner: The model that sends the request.
            alone: Whether no other request may be in flight beside it. It goes before those that wait.
        """
        async with self._changed:
            await self._wait(owner, alone)
            if not self._in_flight:
                self._begin(owner)
            self.crowded = self._in_flight > 0
            self._in_flight += 1
        try:
            yield
        finally:
            self._in_flight -= 1  # before the lock, so that no cancellation can come between
            self._alone -= alone
            async with self._changed:
                self._changed.notify_all()

    async def _wait(self, owner: str, alone: bool) -> None:
        self._waiting[owner] = self._waiting.get(owner, 0) + 1
        self._alone += alone
        try:
            await self._changed.wait_for(lambda: not self._in_flight if alone else self._admits(owner))
        except asyncio.CancelledError:
            self._alone -= alone
            self._changed.notify_all()  # others may have waited because of this request
            raise
        finally:
            self._waiting[owner] -= 1

    def record(self, owner: str, tokens: int, *, reduced: bool) -> None:
        """Count written tokens; ask for a rest, in which threads are chosen again, when the rate has fallen.

        Args:
            owner: The model that wrote them.
            tokens: How many.
            reduced: Whether the model has fewer threads than the process has cores.
        """
        now = asyncio.get_running_loop().time()
        rate = self._rates.setdefault(owner, Rate(now))
        if rate.fell(tokens, now) or (reduced and now - self._rested > REDUCED_FOR):
            self._rest_wanted = True

    def _begin(self, owner: str) -> None:
        """Start a turn, or go on with the last one after a pause."""
        now = asyncio.get_running_loop().time()
        if owner != self._owner:
            self._rates.pop(owner, None)  # the time of other models' turns is no time of this one's
            self._owner, self._began = owner, now
        if self._rest_wanted or not self.rests:
            self.rests += 1
            self._rested, self._rest_wanted = now, False

    def _admits(self, owner: str) -> bool:
        if self._alone or (owner == self._owner and self._overdue()):
            return False
        return not self._in_flight or (owner == self._owner and not self._rest_wanted)

    def _overdue(self) -> bool:
        """Return whether another model waits and has waited long enough."""
        others = any(count for name, count in self._waiting.items() if name != self._owner)
        return others and asyncio.get_running_loop().time() - self._began > SHORTEST_TURN


class Rate:
    """The tokens per second of one model, over windows of `CHECK_EVERY` seconds."""

    def __init__(self, now: float) -> None:
        self._best = 0.0
        self._tokens, self._since = 0, now

    def fell(self, tokens: int, now: float) -> bool:
        """Add tokens. Return True at the end of a window whose rate is far below the best one."""
        self._tokens += tokens
        if now - self._since < CHECK_EVERY:
            return False
        rate = self._tokens / (now - self._since)
        self._tokens, self._since = 0, now
        fallen = rate < FALLEN * self._best
        self._best = rate if fallen else max(self._best, rate)
        return fallen


_of_loop: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Turns] = weakref.WeakKeyDictionary()


def turns() -> Turns:
    """Return the turns of the running event loop."""
    for reference in _of_loop.keyrefs():  # a copy, because another thread may add its loop
        loop = reference()
        if loop is not None and loop.is_closed():
            _of_loop.pop(loop, None)  # turns refer to their loop, so it would not go by itself
    return _of_loop.setdefault(asyncio.get_running_loop(), Turns())
