"""Asynchronous work inside a running loop, as notebooks have one, and an end to it when its caller is stopped."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time

import pytest

from fusion_eval.models.event_loop import run_anywhere


async def seven() -> int:
    await asyncio.sleep(0)
    return 7


async def fails() -> int:
    raise KeyError("mine")


def within_a_loop(work: object) -> object:
    async def cell() -> object:
        return run_anywhere(work)  # type: ignore[arg-type]

    loop = asyncio.new_event_loop()
    try:
        return loop.run_until_complete(cell())
    finally:
        loop.close()


def test_what_it_returns_or_raises_is_the_works_own() -> None:
    assert run_anywhere(seven) == within_a_loop(seven) == 7
    with pytest.raises(KeyError, match="mine"):
        within_a_loop(fails)


def test_stopping_a_notebook_stops_the_work() -> None:
    """A thread that nobody stops goes on to the end, and spends all its money."""
    signal.signal(
        signal.SIGINT, signal.default_int_handler
    )  # a shell starts jobs in the background without it
    done = []

    async def long() -> None:
        for step in range(100):
            await asyncio.sleep(0.05)
            done.append(step)

    threading.Timer(0.2, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        within_a_loop(long)
    assert time.monotonic() - started < 2
    stopped_at = len(done)
    time.sleep(0.15)
    assert len(done) == stopped_at < 50
