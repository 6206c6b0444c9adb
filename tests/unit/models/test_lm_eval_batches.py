"""Requests that arrive together are answered by one call of the harness model."""

from __future__ import annotations

import asyncio

import pytest
from recording_models import open_recording, sampling

from fusion_eval.models.lm_eval.batches import Batches, Worker
from fusion_eval.types import Candidate, Prompt


async def test_requests_that_arrive_together_are_one_call() -> None:
    model, inner = open_recording()

    pools = await asyncio.gather(*(model.sample(Prompt(f"prompt {i}"), sampling(), 2) for i in range(300)))

    assert len(inner.batches) == 1
    assert [instance.args[0] for instance in inner.batches[0]] == [f"prompt {i // 2}" for i in range(600)]
    assert [pool[0].text.rpartition(" ")[0] for pool in pools] == [f"prompt {i}" for i in range(300)]
    assert inner.disabled_tqdm == [True]


async def test_requests_that_arrive_during_a_call_are_the_next_call() -> None:
    # given a model that is busy with 10 requests
    model, inner = open_recording()
    inner.may_answer.clear()
    first = [asyncio.create_task(model.sample(Prompt(str(i)), sampling(), 1)) for i in range(10)]
    await asyncio.to_thread(inner.called.wait, 10)
    # when 20 more arrive
    second = [asyncio.create_task(model.sample(Prompt(str(i)), sampling(), 1)) for i in range(20)]
    await asyncio.sleep(0)
    inner.may_answer.set()
    await asyncio.gather(*first, *second)
    # then
    assert [len(batch) for batch in inner.batches] == [10, 20]


async def test_a_cancelled_request_does_not_stop_the_others() -> None:
    model, inner = open_recording()
    tasks = [asyncio.create_task(model.sample(Prompt(str(i)), sampling(), 1)) for i in range(3)]
    await asyncio.sleep(0)
    tasks[1].cancel()

    results = await asyncio.gather(*tasks, return_exceptions=True)

    assert [isinstance(result, list) for result in results] == [True, False, True]
    assert [instance.args[0] for instance in inner.batches[0]] == ["0", "2"]


def test_a_model_works_on_one_event_loop_after_another() -> None:
    # given
    model, inner = open_recording()

    def ask(text: str, timeout: float = 5) -> list[Candidate]:
        return asyncio.run(asyncio.wait_for(model.sample(Prompt(text), sampling(), 1), timeout))

    # when the second loop ends before its answer, and the third closes the model
    ask("first")
    inner.may_answer.clear()
    with pytest.raises(TimeoutError):
        ask("given up", timeout=0.05)
    inner.may_answer.set()
    ask("third")
    asyncio.run(model.close())
    ask("fourth")
    # then
    assert [batch[0].args[0] for batch in inner.batches] == ["first", "given up", "third", "fourth"]


def test_an_abandoned_event_loop_does_not_block_the_next() -> None:
    # given a loop that stops while a request waits
    model, inner = open_recording()
    abandoned = asyncio.new_event_loop()
    lost = abandoned.create_task(model.sample(Prompt("lost"), sampling(), 1))
    abandoned.run_until_complete(asyncio.sleep(0))
    # when
    asyncio.run(asyncio.wait_for(model.sample(Prompt("next"), sampling(), 1), 5))
    # then
    assert [batch[0].args[0] for batch in inner.batches] == ["next"]
    lost.cancel()
    abandoned.run_until_complete(asyncio.wait([lost]))
    abandoned.close()


async def test_a_batch_with_too_few_results_is_an_error_for_every_item() -> None:
    batches: Batches[int, int] = Batches(lambda items: [0] * (len(items) - 1), Worker())
    async with asyncio.timeout(5):
        results = await asyncio.gather(*(batches.submit(i) for i in range(3)), return_exceptions=True)
    assert all(isinstance(result, RuntimeError) for result in results)
