"""Answers wait while another process has locked the store; none is lost or paid for twice, also if the run ends."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cached_models import (
    PROMPT,
    QUESTIONS,
    SAMPLING,
    SimultaneousDoor,
    cached_model,
    expected_text,
    sample,
    texts,
    until,
)
from openai_server import Plan, Server

from fusion_eval.models.cached import Cached, keys_of
from fusion_eval.models.store.batching import Batch
from fusion_eval.models.store.store import Store
from fusion_eval.types import Prompt

pytestmark = pytest.mark.usefixtures("no_pauses")

Start = Callable[[Plan], Server]


@contextlib.contextmanager
def locked(path: Path) -> Iterator[Callable[[], None]]:
    """Lock the store as a writer does; yields a function that unlocks it."""
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield lambda: other.execute("ROLLBACK") and None
    finally:
        other.close()


async def test_calls_go_on_while_the_store_is_locked_and_none_is_sent_twice(
    openai_server: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A writer that blocks the event loop would let answers time out, and pay for them again."""
    # given eight prompts, two of them in flight at a time
    monkeypatch.setattr("fusion_eval.models.store.opening._STATEMENT_SECONDS", 0.01)
    server = openai_server(Plan())
    with Store(tmp_path / "store.sqlite") as store:
        model = cached_model(server, store, concurrency=2)
        # when nothing can be written until all have been sent
        with locked(tmp_path / "store.sqlite") as unlock:
            calls = [asyncio.create_task(model.sample(Prompt(f"{i}"), SAMPLING, 1)) for i in range(8)]
            await until(lambda: len(server.calls) == 8)
            unlock()
        # then
        pools = await asyncio.gather(*calls)
        await model.close()
        assert [candidate.error for (candidate,) in pools] == [None] * 8
        assert len(server.calls) == 8


async def test_an_answer_is_written_though_the_run_ends_while_the_store_is_locked(
    openai_server: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given an answer that waits for the store
    monkeypatch.setattr("fusion_eval.models.store.opening._STATEMENT_SECONDS", 0.1)
    server, path = openai_server(Plan()), tmp_path / "store.sqlite"
    with Store(path) as store:
        model = cached_model(server, store)
        with locked(path) as unlock:
            calling = asyncio.create_task(model.sample(PROMPT, SAMPLING, 1))
            await until(lambda: model._write._retrying is not None)
            # when everything is cancelled, and the store is unlocked a little later
            threading.Timer(0.2, unlock).start()
            for task in asyncio.all_tasks() - {asyncio.current_task()}:
                task.cancel()
            await asyncio.gather(calling, return_exceptions=True)
            await asyncio.gather(model._write._retrying, return_exceptions=True)
        await model.close()
    # then the next run finds it
    with Store(path) as store:
        assert texts(await sample(cached_model(server, store), 1)) == [expected_text(0)]
    assert len(server.calls) == 1


def test_answers_that_wait_to_be_written_are_stored_though_the_run_ends_while_the_store_is_locked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given answers that would be written in an hour
    monkeypatch.setattr("fusion_eval.models.store.opening._STATEMENT_SECONDS", 0.1)
    path, keys = tmp_path / "store.sqlite", [keys_of("m", q, SAMPLING, 1)[0] for q in QUESTIONS]

    async def interrupt(model: Cached) -> None:
        await until(lambda: len(model._write._waiting) == len(QUESTIONS))
        raise KeyboardInterrupt

    async def run(store: Store, unlock: Callable[[], None]) -> None:
        # asyncio would print the interrupt a second time, when it frees the task
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: None)
        model = Cached(SimultaneousDoor(1), store)
        model._write = Batch(store.keep, pause=3600)
        model._write._flushed = time.monotonic()
        async with asyncio.TaskGroup() as group:
            for question in QUESTIONS:
                group.create_task(model.sample(question, SAMPLING, 1))
            group.create_task(interrupt(model))
            threading.Timer(0.5, unlock).start()

    # when a task is interrupted, and the store is unlocked a little later
    with Store(path) as store:
        with locked(path) as unlock, pytest.raises(KeyboardInterrupt):
            asyncio.run(run(store, unlock))
        # then
        assert len(store.candidates(keys)) == len(QUESTIONS)
