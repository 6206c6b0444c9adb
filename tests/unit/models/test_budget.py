"""No request exceeds the budget, however many are in flight, and a run that stops at it can go on."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai_server import Plan, Server, default_text
from priced_models import PRICE, PROMPTS, SAMPLING, ProviderDoor, count_words, opener, sample_all

from fusion_eval.errors import TransientError
from fusion_eval.models.priced import Budget, BudgetError, Priced
from fusion_eval.models.store.store import Store
from fusion_eval.models.together import gather_or_cancel
from fusion_eval.types import Candidate, Prompt, Sampling

pytestmark = pytest.mark.usefixtures("no_pauses")

Start = Callable[[Plan], Server]


# A run that reaches its budget


async def test_a_run_stops_at_its_budget_and_goes_on_with_a_larger_one_without_repeating_a_call(
    openai_server: Start, tmp_path: Path
) -> None:
    # given a budget for some of twenty prompts
    server = openai_server(Plan(latency=0.01))
    with Store(tmp_path / "store.sqlite") as store:
        small = opener(server, store, budget=0.0004)
        # when
        with pytest.raises(BudgetError) as stopped:
            await sample_all(small, PROMPTS)
        # then the message is true, and nothing beyond the budget was sent
        sent = [call.body["messages"][0]["content"] for call in server.calls]
        assert 0 < len(sent) < 20 and small.budget.calls == len(sent)
        assert 0.0002 < small.budget.spent <= 0.0004
        assert f"{small.budget.spent:.6f} of $0.000400 went to {len(sent)} calls" in str(stopped.value)
        assert "the same command with a larger budget=" in str(stopped.value)
        # when the budget is larger
        large = opener(server, store, budget=0.01)
        answers = await sample_all(large, PROMPTS)
    # then only the rest is asked for and counted
    sent_later = [call.body["messages"][0]["content"] for call in server.calls[len(sent) :]]
    assert sorted(sent + sent_later) == sorted(prompt.text for prompt in PROMPTS)
    assert large.budget.calls == 20 - len(sent)
    total = sum(candidate.cost or 0 for (candidate,) in answers)
    assert small.budget.spent + large.budget.spent == pytest.approx(total)


async def test_all_models_of_a_run_share_one_budget(openai_server: Start) -> None:
    # given a sampler that has spent a part of the budget
    server = openai_server(Plan(models=("test-model", "fusor")))
    models = opener(server, budget=0.0004, fusor="fusor")
    await sample_all(models, PROMPTS[:3])
    # when the fusor spends the rest
    with pytest.raises(BudgetError, match="The next call, to fusor"):
        for prompt in PROMPTS:
            await models.fusor().sample(prompt, SAMPLING, 1)
    await models.close()
    # then
    assert models.budget.calls == len(server.calls) > 3


async def test_a_budget_that_is_too_small_for_one_call_sends_none(openai_server: Start) -> None:
    server = openai_server(Plan())
    with pytest.raises(BudgetError, match=r"\$0.00 of \$0.000001 went to 0 calls"):
        await sample_all(opener(server, budget=0.000001), PROMPTS)
    assert not server.calls


def test_each_rank_of_a_parallel_run_has_its_part_of_the_budget() -> None:
    budget = Budget(8.0)
    for _ in range(3):  # once for each strategy
        budget.share(4)
    assert budget.limit == 2.0


# Requests in flight


@settings(max_examples=60, deadline=None)
@given(
    calls=st.integers(1, 64),
    concurrency=st.integers(1, 64),
    affordable=st.floats(0.0, 70.0),
    seed=st.integers(0, 10_000),
    failures=st.floats(0.0, 0.5),
)
def test_no_number_of_calls_in_flight_exceeds_the_budget(
    calls: int, concurrency: int, affordable: float, seed: int, failures: float
) -> None:
    # given a budget for so many calls, each of which may fail or use less than it may
    dice = random.Random(seed)
    door = ProviderDoor(
        dice.random, lambda: dice.choice([0.0, 0.0, 0.0001]), lambda: dice.random() < failures
    )
    most = 32 * PRICE.completion + (len("why?") + 32) * PRICE.prompt
    budget = Budget(affordable * most + 1e-12)
    model = Priced(door, PRICE, budget)

    async def worker(numbers: Iterator[int]) -> None:
        for _ in numbers:
            with contextlib.suppress(TransientError):
                await model.sample(Prompt("why?"), SAMPLING, 1)

    async def run() -> None:
        numbers = iter(range(calls))
        await gather_or_cancel(worker(numbers) for _ in range(concurrency))

    # when
    try:
        asyncio.run(run())
    except BudgetError:
        # then the rest is too little for one more call, and no answer that was paid for is lost
        assert budget.limit is not None and budget.spent + most > budget.limit
        assert door.in_flight == pytest.approx(0.0, abs=1e-12)
    assert door.highest <= (budget.limit or 0.0) + 1e-9
    assert budget.spent == pytest.approx(door.spent)


@pytest.mark.parametrize("honours_n", [True, False])
async def test_at_every_moment_all_requests_in_flight_could_be_paid(
    openai_server: Start, honours_n: bool
) -> None:
    # given 64 slots, and replies that take their time
    server = openai_server(Plan(honours_n=honours_n, latency=lambda number, request: number % 7 / 500))
    models = opener(server, budget=0.012, concurrency=64)
    # when
    with pytest.raises(BudgetError):
        await sample_all(models, [Prompt(f"Question {i}") for i in range(128)], n=3)
    # then
    assert len(server.calls) > 64

    def paid(body: dict[str, Any]) -> float:
        text = body["messages"][0]["content"]
        seeds = range(body["seed"], body["seed"] + (body.get("n", 1) if honours_n else 1))
        written = sum(count_words(default_text("test-model", text, seed, 0.7)) for seed in seeds)
        return count_words(text) * 1e-6 + written * 2e-6

    def most(body: dict[str, Any]) -> float:
        text = body["messages"][0]["content"]
        return count_words(text) * 1e-6 + body.get("n", 1) * body["max_tokens"] * 2e-6

    for now in (call.arrived for call in server.calls):
        sent = [call for call in server.calls if call.arrived <= now]
        answered = [call.answered is not None and call.answered <= now for call in sent]
        exposed = sum(
            paid(call.body) if done else most(call.body) for call, done in zip(sent, answered, strict=True)
        )
        assert exposed <= 0.012 + 1e-9
    assert models.budget.spent == pytest.approx(sum(paid(call.body) for call in server.calls))


async def test_a_call_waits_for_reserved_money_that_may_not_be_needed() -> None:
    # given a budget for two calls at the most they can cost, or 64 at what they do cost
    door = ProviderDoor(lambda: 0.0)
    model = Priced(door, PRICE, Budget(250e-6))
    # when
    await gather_or_cancel(model.sample(Prompt("why?"), SAMPLING, 1) for _ in range(64))
    # then
    assert door.calls == 64


async def test_a_cancelled_call_gives_back_what_it_reserved() -> None:
    # given two calls, and money for one
    door = ProviderDoor(lambda: 0.0, lambda: 60.0)
    model = Priced(door, PRICE, Budget(110e-6))
    sent = asyncio.create_task(model.sample(Prompt("why?"), SAMPLING, 1))
    waiting = asyncio.create_task(model.sample(Prompt("why?"), SAMPLING, 1))
    await asyncio.sleep(0)
    door.wait = lambda: 0.0
    assert door.calls == 1
    # when
    sent.cancel()
    # then
    await waiting
    assert door.calls == 2


async def test_a_prompt_that_turns_out_longer_than_estimated_raises_later_estimates() -> None:
    """Some providers put a long system prompt before every prompt."""

    class PrefixingDoor(ProviderDoor):
        async def sample(self, prompt: Prompt, sampling: Sampling, n: int) -> list[Candidate]:
            return [Candidate("x", self.name, 0, prompt_tokens=1000)]

    budget = Budget(2500e-6)
    model = Priced(PrefixingDoor(), PRICE, budget)
    with pytest.raises(BudgetError):
        for _ in range(10):
            await model.sample(Prompt("why?"), SAMPLING, 1)
    assert budget.spent == pytest.approx(2000e-6)
