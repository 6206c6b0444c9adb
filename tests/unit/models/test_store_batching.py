"""Reads and writes of many callers are batched; no answer is lost or paid for twice, whoever is interrupted."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from cached_models import (
    PROMPT,
    QUESTIONS,
    SAMPLING,
    SimultaneousDoor,
    cached_model,
    expected_text,
    texts,
    until,
)
from hypothesis import given
from hypothesis import strategies as st
from openai_server import Fault, Plan, Server

from fusion_eval.errors import EndpointError, StoreError
from fusion_eval.models.cached import Cached, keys_of
from fusion_eval.models.store.batching import Batch
from fusion_eval.models.store.store import Store
from fusion_eval.types import Candidate, Prompt, Sampling

pytestmark = pytest.mark.usefixtures("no_pauses")

Start = Callable[[Plan], Server]


class RecordingStore(Store):
    """Record how many rows each statement read or wrote."""

    def __init__(self, path: Path | None = None) -> None:
        super().__init__(path)
        self.read: list[int] = []
        self.written: list[int] = []

    def candidates(self, keys: Sequence[bytes]) -> dict[bytes, Candidate]:
        self.read.append(len(keys))
        return super().candidates(keys)

    def keep(self, candidates: Mapping[bytes, Candidate]) -> dict[bytes, Candidate]:
        self.written.append(len(candidates))
        return super().keep(candidates)


# Batches


async def test_requests_of_one_turn_are_read_in_one_statement_and_written_in_one() -> None:
    # given
    store = RecordingStore()
    model = Cached(SimultaneousDoor(len(QUESTIONS)), store)
    # when
    pools = await asyncio.gather(*(model.sample(prompt, SAMPLING, 2) for prompt in QUESTIONS))
    # then
    assert [texts(pool) for pool in pools] == [[f"{q.text} 0", f"{q.text} 1"] for q in QUESTIONS]
    assert (store.read, store.written) == ([16], [16])


async def test_answers_that_come_soon_after_a_write_are_written_together() -> None:
    # given a model whose answers come in another turn each
    store = RecordingStore()
    model = Cached(SimultaneousDoor(1), store)
    model._write = Batch(store.keep, pause=0.6)

    async def sample_after(turns: int) -> None:
        for _ in range(turns):
            await asyncio.sleep(0)
        await model.sample(QUESTIONS[turns // 10], SAMPLING, 1)

    # when
    started = time.monotonic()
    await sample_after(0)
    alone = time.monotonic() - started
    await asyncio.gather(*(sample_after(10 * i) for i in range(1, 8)))
    # then the first is written at once, and the others after the pause
    assert store.written == [1, 7]
    assert alone < 0.5 and time.monotonic() - started > 0.5


async def test_an_answer_is_returned_only_after_other_processes_can_read_it(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    model, other = Cached(SimultaneousDoor(len(QUESTIONS)), Store(path)), Store(path)

    async def sample_and_look(prompt: Prompt) -> int:
        await model.sample(prompt, SAMPLING, 2)
        return len(other.candidates(keys_of("m", prompt, SAMPLING, 2)))

    visible = await asyncio.gather(*(sample_and_look(prompt) for prompt in QUESTIONS))
    assert visible == [2] * len(QUESTIONS)


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 2)), max_size=12))
def test_no_candidate_is_asked_for_twice_in_whatever_turn_its_callers_come(
    callers: list[tuple[int, int]],
) -> None:
    """An answer is in flight, then written, then stored; no caller may come in a gap between these."""
    calls: list[str] = []

    class ImmediateDoor(SimultaneousDoor):
        async def sample(self, prompt: Prompt, sampling: Sampling, n: int) -> list[Candidate]:
            calls.append(prompt.text)
            return await super().sample(prompt, sampling, n)

    async def run() -> None:
        model = Cached(ImmediateDoor(1), Store(None))

        async def sample_after(turns: int, question: int) -> None:
            for _ in range(turns):
                await asyncio.sleep(0)
            await model.sample(QUESTIONS[question], SAMPLING, 1)

        await asyncio.gather(*(sample_after(turns, question) for turns, question in callers))

    asyncio.run(run())
    assert sorted(calls) == sorted({QUESTIONS[question].text for _, question in callers})


async def test_two_processes_that_ask_the_same_at_once_both_return_the_first_answer(
    openai_server: Start, tmp_path: Path
) -> None:
    """Otherwise a run would say one thing now and another when it is repeated."""
    # given
    server = openai_server(Plan(latency=0.05, reply=lambda request, index: f"answer {next(answers)}"))
    answers = count()
    stores = [Store(tmp_path / "store.sqlite") for _ in range(2)]
    models = [cached_model(server, store) for store in stores]
    # when
    one, other = await asyncio.gather(*(model.sample(PROMPT, SAMPLING, 1) for model in models))
    # then
    for model, store in zip(models, stores, strict=True):
        await model.close()
        store.close()
    assert len(server.calls) == 2
    assert one == other


# Callers that fail or are cancelled


async def test_an_error_of_the_first_caller_makes_the_second_ask_itself(openai_server: Start) -> None:
    # given
    server = openai_server(
        Plan(latency=0.05, faults=lambda number, request: Fault("status", 401) if number == 1 else None)
    )
    model = cached_model(server, Store(None))
    # when
    async with asyncio.timeout(5):
        first, second = await asyncio.gather(
            model.sample(PROMPT, SAMPLING, 1), model.sample(PROMPT, SAMPLING, 1), return_exceptions=True
        )
    await model.close()
    # then
    assert isinstance(first, EndpointError)
    assert isinstance(second, list) and texts(second) == [expected_text(0)]


async def test_a_cancelled_first_caller_makes_the_second_ask_itself(openai_server: Start) -> None:
    # given a first call that is never answered
    arrived = threading.Event()

    def latency(number: int, request: dict[str, Any]) -> float:
        arrived.set()
        return 3600.0 if number == 1 else 0.0

    model = cached_model(openai_server(Plan(latency=latency)), Store(None))
    first = asyncio.create_task(model.sample(PROMPT, SAMPLING, 1))
    async with asyncio.timeout(5):
        await asyncio.to_thread(arrived.wait, 5)
        # when
        second = asyncio.create_task(model.sample(PROMPT, SAMPLING, 1))
        await asyncio.sleep(0)
        first.cancel()
        # then
        assert texts(await second) == [expected_text(0)]
    await model.close()
    assert first.cancelled()


def test_an_answer_is_stored_though_its_caller_is_cancelled_when_it_comes() -> None:
    """The answer is paid for."""
    store = Store(None)
    caller: list[asyncio.Task[list[Candidate]]] = []

    class CancellingDoor(SimultaneousDoor):
        async def sample(self, prompt: Prompt, sampling: Sampling, n: int) -> list[Candidate]:
            asyncio.get_running_loop().call_soon(caller[0].cancel)
            return await super().sample(prompt, sampling, n)

    async def run() -> None:
        caller.append(asyncio.create_task(Cached(CancellingDoor(1), store).sample(PROMPT, SAMPLING, 1)))
        await caller[0]

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(run())
    assert len(store.candidates(keys_of("m", PROMPT, SAMPLING, 1))) == 1


def test_all_answers_that_wait_to_be_written_are_stored_though_the_run_ends() -> None:
    # given answers that would be written in an hour
    store = Store(None)
    model = Cached(SimultaneousDoor(1), store)
    model._write = Batch(store.keep, pause=3600)

    async def run() -> None:
        await model.sample(QUESTIONS[0], SAMPLING, 1)
        async with asyncio.TaskGroup() as group:
            for question in QUESTIONS[1:]:
                group.create_task(model.sample(question, SAMPLING, 1))
            await until(lambda: len(model._write._waiting) == len(QUESTIONS) - 1)
            raise KeyboardInterrupt

    # when
    with pytest.raises(KeyboardInterrupt):
        asyncio.run(run())
    # then
    keys = [key for question in QUESTIONS for key in keys_of("m", question, SAMPLING, 1)]
    assert len(store.candidates(keys)) == len(QUESTIONS)


# A store that fails


async def test_a_store_that_cannot_write_raises_an_error_for_every_caller(openai_server: Start) -> None:
    class FullStore(Store):
        def keep(self, candidates: Mapping[bytes, Candidate]) -> dict[bytes, Candidate]:
            raise StoreError("no room")

    model = cached_model(openai_server(Plan()), FullStore(None))
    async with asyncio.timeout(5):
        calls = (model.sample(PROMPT, SAMPLING, 2) for _ in range(3))
        results = await asyncio.gather(*calls, return_exceptions=True)
    await model.close()
    assert [type(error) for error in results] == [StoreError] * 3


async def test_any_error_of_the_store_reaches_every_caller() -> None:
    class BrokenStore(Store):
        def candidates(self, keys: Sequence[bytes]) -> dict[bytes, Candidate]:
            raise RecursionError("whatever")

    model = Cached(SimultaneousDoor(3), BrokenStore(None))
    async with asyncio.timeout(5):
        calls = (model.sample(prompt, SAMPLING, 1) for prompt in QUESTIONS[:3])
        results = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(error) for error in results] == [RecursionError] * 3
