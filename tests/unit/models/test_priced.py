"""What generations cost, and a budget that no request exceeds, whatever is in flight."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai_server import Fault, Plan, Server, default_text

from fusion_eval.errors import ConfigError, EndpointError, RequestError, TransientError
from fusion_eval.model_arguments import parse
from fusion_eval.models import LikelihoodModel, limited
from fusion_eval.models.opener import Opener
from fusion_eval.models.priced import Budget, BudgetError, Priced, priced
from fusion_eval.models.prices import FREE, Price, listed_price, price_of
from fusion_eval.models.store.store import Store
from fusion_eval.models.together import gather_or_cancel
from fusion_eval.types import Candidate, Prompt, Sampling

Start = Callable[[Plan], Server]
SAMPLING = Sampling(max_tokens=32, temperature=0.7, seed=0)
MILLIONTH = Price(1e-6, 2e-6)
PROMPTS = [Prompt(f"Question {i}: why is the sky blue?") for i in range(20)]


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limited, "pause", lambda attempt, asked: 0.0)


def opener(server: Server, store: Store | None = None, **arguments: Any) -> Opener:
    """A dollar for a million tokens read, two for a million written."""
    given = {"model": "test-model", "base_url": server.base_url, "price_in": 1, "price_out": 2} | arguments
    return Opener(parse({name: value for name, value in given.items() if value != ""}), store or Store(None))


async def ask(opener: Opener, prompts: list[Prompt], n: int = 1) -> list[list[Candidate]]:
    (model,) = opener.sampler()
    try:
        return await gather_or_cancel(model.sample(prompt, SAMPLING, n) for prompt in prompts)
    finally:
        await opener.close()


def words(text: str) -> int:
    return len(text.split())


class Counting:
    """A door whose replies use a share of what they may; it knows what a provider would have been paid at each moment."""

    name = identity = "counting"
    chat = True
    max_n: int | None = None

    def __init__(
        self,
        use: Callable[[], float],
        wait: Callable[[], float] = lambda: 0.0,
        fails: Callable[[], bool] = lambda: False,
    ) -> None:
        self.use, self.wait, self.fails = use, wait, fails
        self.spent, self.most_spent, self.reserved, self.calls = 0.0, 0.0, 0.0, 0

    async def sample(self, prompt: Prompt, sampling: Sampling, n: int) -> list[Candidate]:
        most = sampling.max_tokens * n * MILLIONTH.completion
        self.calls += 1
        self.reserved += most
        self.most_spent = max(
            self.most_spent, self.spent + self.reserved
        )  # if all in flight wrote all they may
        await asyncio.sleep(self.wait())
        self.reserved -= most
        if self.fails():
            raise TransientError("busy")
        written = round(sampling.max_tokens * self.use())
        self.spent += written * MILLIONTH.completion + MILLIONTH.prompt
        return [Candidate("x", self.name, sampling.seed, prompt_tokens=1, completion_tokens=written)]

    async def close(self) -> None:
        """Nothing to close."""


# What it costs


async def test_a_generation_costs_what_its_usage_says_and_the_prompt_once(openai_server: Start) -> None:
    server = openai_server(Plan())
    (candidates,) = await ask(opener(server), PROMPTS[:1], n=3)
    written = [words(default_text("test-model", PROMPTS[0].text, seed, 0.7)) for seed in range(3)]
    for candidate in candidates:
        assert candidate.cost == pytest.approx(
            1e-6 * candidate.prompt_tokens + 2e-6 * candidate.completion_tokens
        )
    assert sum(c.cost or 0 for c in candidates) == pytest.approx(
        1e-6 * words(PROMPTS[0].text) + 2e-6 * sum(written)
    )


async def test_without_a_price_the_cost_is_unknown_and_nothing_stands_in_the_way(
    openai_server: Start,
) -> None:
    unpriced = opener(openai_server(Plan()), price_in="", price_out="")
    (model,) = unpriced.sampler()
    assert not isinstance(model._model._door, Priced)  # the wiring is the subject: no wrapper, no time lost
    ((candidate,),) = await ask(unpriced, PROMPTS[:1])
    assert candidate.cost is None and candidate.prompt_tokens


async def test_what_the_door_says_itself_holds() -> None:
    class Told(Counting):
        async def sample(self, prompt: Prompt, sampling: Sampling, n: int) -> list[Candidate]:
            return [replace((await super().sample(prompt, sampling, n))[0], cost=0.25)]

    budget = Budget(1.0)
    (candidate,) = await Priced(Told(lambda: 1.0), MILLIONTH, budget).sample(PROMPTS[0], SAMPLING, 1)
    assert candidate.cost == budget.spent == 0.25


async def test_a_reply_without_usage_has_no_cost_and_counts_for_the_most_it_can_have_cost() -> None:
    class Mute(Counting):
        async def sample(self, prompt: Prompt, sampling: Sampling, n: int) -> list[Candidate]:
            return [Candidate("x", self.name, 0), Candidate("y", self.name, 1)]

    budget = Budget(1.0)
    candidates = await Priced(Mute(lambda: 1.0), MILLIONTH, budget).sample(PROMPTS[0], SAMPLING, 2)
    assert [c.cost for c in candidates] == [None, None]
    assert budget.spent >= 64 * MILLIONTH.completion + len(PROMPTS[0].text) * MILLIONTH.prompt


async def test_a_model_in_the_process_costs_nothing_even_if_it_counts_no_tokens() -> None:
    class Local(Counting):
        async def sample(self, prompt: Prompt, sampling: Sampling, n: int) -> list[Candidate]:
            return [Candidate("x", self.name, 0)]

    (candidate,) = await priced(Local(lambda: 1.0), FREE, Budget(None)).sample(PROMPTS[0], SAMPLING, 1)
    assert candidate.cost == 0.0


async def test_tries_that_fail_cost_nothing_and_the_one_that_is_answered_is_counted(
    openai_server: Start,
) -> None:
    server = openai_server(Plan(faults=lambda number, request: Fault("status", 500) if number < 3 else None))
    opened = opener(server, budget=1)
    ((candidate,),) = await ask(opened, PROMPTS[:1])
    assert len(server.calls) == 3
    assert opened.budget.spent == candidate.cost
    assert opened.budget.calls == 1


@pytest.mark.parametrize(
    "fault",
    [Fault("hang"), Fault("reset"), Fault("truncated_json"), Fault("empty_body")],
    ids=lambda fault: fault.kind,
)
async def test_a_try_whose_answer_is_lost_may_be_billed_and_counts_for_the_most_it_can_have_cost(
    openai_server: Start, fault: Fault
) -> None:
    server = openai_server(Plan(faults=lambda number, request: fault if number == 1 else None))
    opened = opener(server, budget=1, timeout=0.3)
    ((candidate,),) = await ask(opened, PROMPTS[:1])
    assert candidate.cost and candidate.retries == 1
    lost = opened.budget.spent - candidate.cost
    assert lost == pytest.approx((len(PROMPTS[0].text) + 16) * 1e-6 + SAMPLING.max_tokens * 2e-6)


# Prices


def test_a_providers_model_has_the_price_of_litellms_list() -> None:
    settings = parse({"price_in": 5, "price_out": 5})
    expected = Price(0.15e-6, 0.6e-6)
    assert (
        price_of("openai/gpt-4o-mini", None, settings) == price_of("gpt-4o-mini", None, settings) == expected
    )
    assert price_of("azure/gpt-4o-mini", None, settings) == expected


def test_an_endpoint_of_ones_own_has_ones_own_price_whatever_the_models_name() -> None:
    own = "http://localhost:8000/v1"
    assert price_of("gpt-4o-mini", own, parse({})) is None
    assert price_of("gpt-4o-mini", own, parse({"price_in": 1, "price_out": 2})) == MILLIONTH


def test_a_model_that_the_list_lacks_has_the_price_that_was_named_or_none() -> None:
    name = "openai/a-model-of-tomorrow"
    assert price_of(name, None, parse({})) is None
    assert price_of(name, None, parse({"price_in": 1, "price_out": 2})) == MILLIONTH


def test_the_price_at_openai_is_known_without_importing_litellm() -> None:
    """It takes seconds, and the door to OpenAI does without it."""
    asked = "import sys; from fusion_eval.models.prices import listed_price; assert listed_price('openai/gpt-4o'); "
    subprocess.run([sys.executable, "-c", asked + "assert 'litellm' not in sys.modules"], check=True)


def test_a_name_is_not_taken_for_the_same_name_at_another_provider() -> None:
    assert listed_price("groq/gpt-4o-mini") is None


def test_a_price_of_nothing_is_known(openai_server: Start) -> None:
    opened = opener(openai_server(Plan()), price_in=0, price_out=0, budget=1)
    assert opened.sampler()


def test_a_budget_without_a_price_is_refused_before_any_call(openai_server: Start) -> None:
    server = openai_server(Plan())
    with pytest.raises(ConfigError, match=r"test-model; add price_in= and price_out="):
        opener(server, budget=1, price_in="", price_out="").sampler()
    assert not server.calls


# The budget


async def test_a_budget_stops_in_the_middle_and_a_larger_one_goes_on_without_a_call_twice(
    openai_server: Start, tmp_path: Path
) -> None:
    # given a budget for some of twenty prompts
    server = openai_server(Plan(latency=0.01))
    with Store(tmp_path / "store.sqlite") as store:
        small = opener(server, store, budget=0.0004)
        with pytest.raises(BudgetError) as stopped:
            await ask(small, PROMPTS)
        # then what it says is true, nothing beyond it was sent, and what was paid for is kept
        sent = [call.body["messages"][0]["content"] for call in server.calls]
        assert 0 < len(sent) < 20 and small.budget.calls == len(sent)
        assert 0.0002 < small.budget.spent <= 0.0004
        assert f"{small.budget.spent:.6f} of $0.000400 went to {len(sent)} calls" in str(stopped.value)
        assert "the same command with a larger budget=" in str(stopped.value)
        # when the budget is larger
        large = opener(server, store, budget=0.01)
        answers = await ask(large, PROMPTS)
    # then the rest alone is asked, and only the rest is counted
    again = [call.body["messages"][0]["content"] for call in server.calls[len(sent) :]]
    assert sorted(sent + again) == sorted(prompt.text for prompt in PROMPTS)
    assert large.budget.calls == 20 - len(sent)
    everything = sum(candidate.cost or 0 for (candidate,) in answers)
    assert small.budget.spent + large.budget.spent == pytest.approx(everything)


async def test_prompts_that_turn_out_longer_than_they_are_count_for_more_from_then_on() -> None:
    class Prefaced(Counting):
        async def sample(self, prompt: Prompt, sampling: Sampling, n: int) -> list[Candidate]:
            return [Candidate("x", self.name, 0, prompt_tokens=1000)]

    budget = Budget(2500e-6)
    model = Priced(Prefaced(lambda: 0.0), MILLIONTH, budget)
    with pytest.raises(BudgetError):
        for _ in range(10):
            await model.sample(Prompt("why?"), SAMPLING, 1)
    assert budget.spent == pytest.approx(2000e-6)


async def test_an_answer_that_cannot_be_used_may_be_billed_too(openai_server: Start) -> None:
    """As where the content is a list of parts, which is not OpenAI's form."""
    strange = Fault("status", 200, body={"choices": [{"message": {"content": [{"text": "hi"}]}}]})
    opened = opener(openai_server(Plan(faults=lambda number, request: strange)), budget=1)
    ((candidate,),) = await ask(opened, PROMPTS[:1])
    assert candidate.error and opened.budget.spent > 0


@pytest.mark.parametrize("told", [-5, 10**400])
async def test_no_number_of_tokens_that_a_server_tells_turns_the_budget_round(
    openai_server: Start, told: int
) -> None:
    usage = {"prompt_tokens": told, "completion_tokens": told}
    body = {"choices": [{"message": {"content": "hi"}}], "usage": usage}
    opened = opener(
        openai_server(Plan(faults=lambda number, request: Fault("status", 200, body=json.dumps(body))))
    )
    ((candidate,),) = await ask(opened, PROMPTS[:1])
    assert candidate.cost is None or candidate.cost >= 0
    assert opened.budget.spent >= 0


def test_each_rank_of_a_parallel_run_has_its_part_of_the_budget() -> None:
    budget = Budget(8.0)
    for _ in range(3):  # once per strategy
        budget.share(4)
    assert budget.limit == 2.0


async def test_all_models_of_a_run_share_one_budget(openai_server: Start) -> None:
    server = openai_server(Plan(models=("test-model", "fusor")))
    opened = opener(server, budget=0.0004, fusor="fusor")
    await ask(opened, PROMPTS[:3])
    with pytest.raises(BudgetError, match="The next call, to fusor"):
        for prompt in PROMPTS:
            await opened.fusor().sample(prompt, SAMPLING, 1)
    await opened.close()
    assert opened.budget.calls == len(server.calls) > 3


async def test_a_budget_that_no_call_fits_sends_none(openai_server: Start) -> None:
    server = openai_server(Plan())
    with pytest.raises(BudgetError, match=r"\$0.00 of \$0.000001 went to 0 calls"):
        await ask(opener(server, budget=0.000001), PROMPTS)
    assert not server.calls


@settings(max_examples=60, deadline=None)
@given(
    calls=st.integers(1, 64),
    at_once=st.integers(1, 64),
    fits=st.floats(0.0, 70.0),
    seed=st.integers(0, 10_000),
    failures=st.floats(0.0, 0.5),
)
def test_no_number_of_calls_in_flight_exceeds_the_budget(
    calls: int, at_once: int, fits: float, seed: int, failures: float
) -> None:
    chance = random.Random(seed)
    door = Counting(
        chance.random, lambda: chance.choice([0.0, 0.0, 0.0001]), lambda: chance.random() < failures
    )
    one = 32 * MILLIONTH.completion + (len("why?") + 32) * MILLIONTH.prompt
    budget = Budget(fits * one + 1e-12)
    model = Priced(door, MILLIONTH, budget)

    async def work(numbers: Iterator[int]) -> None:
        for _ in numbers:
            with contextlib.suppress(TransientError):
                await model.sample(Prompt("why?"), SAMPLING, 1)

    async def all_of_them() -> None:
        numbers = iter(range(calls))
        await gather_or_cancel(work(numbers) for _ in range(at_once))

    try:
        asyncio.run(all_of_them())
    except BudgetError:
        # then the rest is too little for one more, and nothing that was paid for was thrown away
        assert budget.limit is not None and budget.spent + one > budget.limit
        assert door.reserved == pytest.approx(0.0, abs=1e-12)
    assert door.most_spent <= (budget.limit or 0.0) + 1e-9
    assert budget.spent == pytest.approx(door.spent)


@pytest.mark.parametrize("honours_n", [True, False])
async def test_at_a_server_the_budget_holds_even_if_all_that_is_in_flight_wrote_as_much_as_it_may(
    openai_server: Start, honours_n: bool
) -> None:
    # given 64 slots, and replies that take their time
    server = openai_server(Plan(honours_n=honours_n, latency=lambda number, request: number % 7 / 500))
    opened = opener(server, budget=0.012, concurrency=64)
    with pytest.raises(BudgetError):
        await ask(opened, [Prompt(f"Question {i}") for i in range(128)], n=3)
    # then at each arrival, what was answered and the most of what was not are within it
    assert len(server.calls) > 64

    def paid(body: dict[str, Any]) -> float:
        text = body["messages"][0]["content"]
        seeds = range(body["seed"], body["seed"] + (body.get("n", 1) if honours_n else 1))
        return words(text) * 1e-6 + sum(words(default_text("test-model", text, i, 0.7)) for i in seeds) * 2e-6

    def may_be(body: dict[str, Any]) -> float:
        return words(body["messages"][0]["content"]) * 1e-6 + body.get("n", 1) * body["max_tokens"] * 2e-6

    for now in (call.arrived for call in server.calls):
        sent = [call for call in server.calls if call.arrived <= now]
        done = [call.answered is not None and call.answered <= now for call in sent]
        exposed = sum(paid(c.body) if d else may_be(c.body) for c, d in zip(sent, done, strict=True))
        assert exposed <= 0.012 + 1e-9
    assert opened.budget.spent == pytest.approx(sum(paid(call.body) for call in server.calls))


async def test_calls_that_only_wait_for_what_is_reserved_are_sent_when_it_turns_out_to_cost_less() -> None:
    """64 calls of which two fit at their most, and all at what they cost."""
    door = Counting(lambda: 0.0)
    model = Priced(door, MILLIONTH, Budget(250e-6))
    await gather_or_cancel(model.sample(Prompt("why?"), SAMPLING, 1) for _ in range(64))
    assert door.calls == 64


async def test_a_call_that_is_cancelled_gives_back_what_it_reserved() -> None:
    door = Counting(lambda: 0.0, lambda: 60.0)
    model = Priced(door, MILLIONTH, Budget(110e-6))
    sent = asyncio.create_task(model.sample(Prompt("why?"), SAMPLING, 1))
    waits = asyncio.create_task(model.sample(Prompt("why?"), SAMPLING, 1))
    await asyncio.sleep(0)
    door.wait = lambda: 0.0
    assert door.calls == 1
    sent.cancel()
    await waits
    assert door.calls == 2


@pytest.mark.parametrize("error", [RequestError("no"), EndpointError("gone"), TransientError("busy")])
async def test_an_error_of_the_door_is_raised_as_it_is(error: Exception) -> None:
    class Broken(Counting):
        async def sample(self, prompt: Prompt, sampling: Sampling, n: int) -> list[Candidate]:
            raise error

    budget = Budget(1.0)
    with pytest.raises(type(error), match=str(error)):
        await Priced(Broken(lambda: 1.0), MILLIONTH, budget).sample(PROMPTS[0], SAMPLING, 1)
    assert (budget.spent, budget.calls) == (0.0, 0)


# Log-likelihoods


async def test_a_likelihood_counts_for_the_most_it_can_cost_and_stops_at_the_budget(
    openai_server: Start,
) -> None:
    server = openai_server(Plan())
    opened = opener(server, budget=0.0005, completion=True)
    (model,) = opened.sampler()
    with pytest.raises(BudgetError):
        for prompt in PROMPTS:
            await model.loglikelihood(prompt.text, " because")
    await opened.close()
    assert opened.budget.calls == len(server.calls) > 0
    assert opened.budget.spent <= 0.0005


def test_a_door_without_likelihoods_does_not_seem_to_have_them() -> None:
    assert not isinstance(priced(Counting(lambda: 1.0), MILLIONTH, Budget(None)), LikelihoodModel)
