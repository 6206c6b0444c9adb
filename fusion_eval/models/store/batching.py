"""Run the store's statements from asynchronous code: one statement for the rows of many callers."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping
from typing import Generic, TypeVar

from fusion_eval.models.store.opening import PATIENCE, BusyStoreError
from fusion_eval.types import Candidate

T = TypeVar("T")

_RETRY_SECONDS = 0.05
"""Seconds between tries while another process has the store locked."""
_LAST_TRIES = 10
"""Tries of a write when the run ends. The store itself waits half a second in each."""
_LAST_SECONDS = 5.0
"""Seconds that a cancelled caller waits for a locked store, at most."""


class Batch(Generic[T]):
    """Collect rows, and run `statement` once for all of them, on the next turn of the event loop or later.

    A reader that misses a row resumes before the row's writer learns that its write is done. So it sees that the row is
    in flight, and waits instead of asking twice.

    Args:
        statement: Reads or writes rows, and returns what is stored under their keys.
        pause: Seconds between two statements, at least. Rows that come sooner wait.
    """

    def __init__(
        self, statement: Callable[[dict[bytes, T]], dict[bytes, Candidate]], pause: float = 0.0
    ) -> None:
        self._statement, self._pause = statement, pause
        self._flushed = float("-inf")
        """When the last statement began, by `time.monotonic`."""
        self._rows: dict[bytes, T] = {}
        self._waiting: list[asyncio.Future[dict[bytes, Candidate]]] = []
        self._retrying: asyncio.Task[None] | None = None

    async def __call__(self, rows: Mapping[bytes, T]) -> dict[bytes, Candidate]:
        """Add rows to the batch, wait for its statement, and return the candidates that it gave for these rows.

        If the caller is cancelled, the statement runs at once, with the rows of all callers.
        """
        loop = asyncio.get_running_loop()
        if not self._waiting:
            wait = self._flushed + self._pause - time.monotonic()
            if wait > 0:
                loop.call_later(wait, self._flush)
            else:
                loop.call_soon(self._flush)
        self._rows |= rows
        done: asyncio.Future[dict[bytes, Candidate]] = loop.create_future()
        self._waiting.append(done)
        try:
            result = await done
        except asyncio.CancelledError:
            # The run may end before the pause does, and before a locked store is free. All rows are paid for.
            if retrying := self._flush():
                await asyncio.wait([retrying], timeout=_LAST_SECONDS)
            raise
        return {key: result[key] for key in rows if key in result} if result else {}

    def _flush(self) -> asyncio.Task[None] | None:
        """Run the statement. If the store is locked, return the task that tries it again."""
        rows, waiting = self._rows, self._waiting
        if not waiting:  # a cancelled caller has flushed them already
            return None
        self._rows, self._waiting = {}, []
        self._flushed = time.monotonic()
        try:
            result: dict[bytes, Candidate] | Exception = self._statement(rows)
        except BusyStoreError:
            self._retrying = asyncio.get_running_loop().create_task(self._flush_later(rows, waiting))
            return self._retrying
        except Exception as error:  # whatever it is, the callers must learn of it
            result = error
        _resolve(waiting, result)
        return None

    async def _flush_later(
        self, rows: dict[bytes, T], waiting: list[asyncio.Future[dict[bytes, Candidate]]]
    ) -> None:
        """Run the statement once the store is free. Calls in flight go on in the meantime."""
        try:
            result: dict[bytes, Candidate] | Exception = await retry_while_locked(
                lambda: self._statement(rows)
            )
        except asyncio.CancelledError:  # the run ends, and these answers are paid for
            for _ in range(_LAST_TRIES):
                with contextlib.suppress(BusyStoreError):
                    self._statement(rows)
                    break
            raise
        except Exception as error:
            result = error
        _resolve(waiting, result)


def _resolve(
    waiting: list[asyncio.Future[dict[bytes, Candidate]]], result: dict[bytes, Candidate] | Exception
) -> None:
    for done in waiting:
        if done.done():  # its caller was cancelled
            continue
        if isinstance(result, Exception):
            done.set_exception(result)
        else:
            done.set_result(result)


async def retry_while_locked(statement: Callable[[], T]) -> T:
    """Return the result of `statement`, and try it again for up to `PATIENCE` seconds while the store is locked."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            return statement()
        except BusyStoreError:
            if time.monotonic() > end:
                raise
        await asyncio.sleep(_RETRY_SECONDS)
