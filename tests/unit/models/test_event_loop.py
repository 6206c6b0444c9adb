"""Asynchronous work runs to its end, also inside a running event loop, and stops when its caller is interrupted."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from fusion_eval.models.event_loop import run_anywhere


def run_in_notebook(work: Callable[[], Coroutine[Any, Any, Any]]) -> object:
    """Call `run_anywhere` inside a running event loop, as a notebook's cell does."""

    async def cell() -> object:
        return run_anywhere(work)

    loop = asyncio.new_event_loop()
    try:
        return loop.run_until_complete(cell())
    finally:
        loop.close()


async def running_loop() -> asyncio.AbstractEventLoop:
    return asyncio.get_running_loop()


async def seven() -> int:
    await asyncio.sleep(0)
    return 7


async def fail() -> int:
    raise KeyError("mine")


def test_the_result_of_the_work_is_returned() -> None:
    assert run_anywhere(seven) == run_in_notebook(seven) == 7


def test_our_own_loops_are_uvloops_and_the_users_loop_stays_as_it_is() -> None:
    uvloop = pytest.importorskip("uvloop")
    assert isinstance(run_anywhere(running_loop), uvloop.Loop)
    assert isinstance(run_in_notebook(running_loop), uvloop.Loop)
    assert not isinstance(asyncio.run(running_loop()), uvloop.Loop)


def test_without_uvloop_asyncios_own_loop_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvloop", None)
    assert isinstance(run_anywhere(running_loop), asyncio.BaseEventLoop)


def test_the_error_of_the_work_is_raised() -> None:
    with pytest.raises(KeyError, match="mine"):
        run_in_notebook(fail)


def test_interrupting_a_notebook_cancels_the_work() -> None:
    """A thread that nobody stops would go on and spend all its money."""
    # given work that would take an hour; a shell's background jobs ignore the interrupt by default
    signal.signal(signal.SIGINT, signal.default_int_handler)
    cancelled = threading.Event()

    async def long_work() -> None:
        threading.Timer(0.1, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            cancelled.set()
            raise

    # when
    with pytest.raises(KeyboardInterrupt):
        run_in_notebook(long_work)
    # then
    assert cancelled.is_set()
    assert "fusion_eval" not in [thread.name for thread in threading.enumerate()]
