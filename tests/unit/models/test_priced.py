"""What a generation costs, and what a try costs whose answer is lost."""

from __future__ import annotations

import json
from collections.abc import Callable

import msgspec
import pytest
from openai_server import Fault, Plan, Server, default_text
from priced_models import PRICE, PROMPTS, SAMPLING, ProviderDoor, count_words, opener, sample_all

from fusion_eval.errors import EndpointError, RequestError, TransientError
from fusion_eval.models.priced import Budget, Priced
from fusion_eval.models.prices import FREE
from fusion_eval.types import Candidate, Prompt, Sampling

pytestmark = pytest.mark.usefixtures("no_pauses")

Start = Callable[[Plan], Server]


async def test_a_generation_costs_what_its_usage_says_and_the_prompt_counts_once(
    openai_server: Start,
) -> None:
    server = openai_server(Plan())
    (candidates,) = await sample_all(opener(server), PROMPTS[:1], n=3)
    written = [count_words(default_text("test-model", PROMPTS[0].text, seed, 0.7)) for seed in range(3)]
    for candidate in candidates:
        expected = 1e-6 * candidate.prompt_tokens + 2e-6 * candidate.completion_tokens
        assert candidate.cost == pytest.approx(expected)
    total = 1e-6 * count_words(PROMPTS[0].text) + 2e-6 * sum(written)
    assert sum(c.cost or 0 for c in candidates) == pytest.approx(total)


async def test_without_a_price_the_cost_is_unknown(openai_server: Start) -> None:
    unpriced = opener(openai_server(Plan()), price_in="", price_out="")
    ((candidate,),) = await sample_all(unpriced, PROMPTS[:1])
    assert candidate.cost is None and candidate.prompt_tokens
    assert unpriced.budget.calls == 0


async def test_a_cost_that_the_door_reports_is_kept() -> None:
    class ReportingDoor(ProviderDoor):
        async def sample(self, prompt: Prompt, sampling: Sampling, n: int) -> list[Candidate]:
            return [msgspec.structs.replace((await super().sample(prompt, sampling, n))[0], cost=0.25)]

    budget = Budget(1.0)
    (candidate,) = await Priced(ReportingDoor(), PRICE, budget).sample(PROMPTS[0], SAMPLING, 1)
    assert candidate.cost == budget.spent == 0.25


async def test_a_reply_without_usage_has_no_cost_and_counts_as_the_most_it_can_have_cost() -> None:
    class SilentDoor(ProviderDoor):
        async def sample(self, prompt: Prompt, sampling: Sampling, n: int) -> list[Candidate]:
            return [Candidate("x", self.name, 0), Candidate("y", self.name, 1)]

    budget = Budget(1.0)
    candidates = await Priced(SilentDoor(), PRICE, budget).sample(PROMPTS[0], SAMPLING, 2)
    assert [c.cost for c in candidates] == [None, None]
    assert budget.spent >= 64 * PRICE.completion + len(PROMPTS[0].text) * PRICE.prompt


async def test_a_model_in_this_process_costs_nothing_even_without_usage() -> None:
    class LocalDoor(ProviderDoor):
        async def sample(self, prompt: Prompt, sampling: Sampling, n: int) -> list[Candidate]:
            return [Candidate("x", self.name, 0)]

    (candidate,) = await Priced(LocalDoor(), FREE, Budget(None)).sample(PROMPTS[0], SAMPLING, 1)
    assert candidate.cost == 0.0


async def test_tries_that_the_server_refuses_cost_nothing(openai_server: Start) -> None:
    server = openai_server(Plan(faults=lambda number, request: Fault("status", 500) if number < 3 else None))
    models = opener(server, budget=1)
    ((candidate,),) = await sample_all(models, PROMPTS[:1])
    assert len(server.calls) == 3
    assert models.budget.spent == candidate.cost
    assert models.budget.calls == 1


@pytest.mark.parametrize(
    "fault",
    [Fault("hang"), Fault("reset"), Fault("truncated_json"), Fault("empty_body")],
    ids=lambda fault: fault.kind,
)
async def test_a_try_whose_answer_is_lost_counts_as_the_most_it_can_have_cost(
    openai_server: Start, fault: Fault
) -> None:
    server = openai_server(Plan(faults=lambda number, request: fault if number == 1 else None))
    models = opener(server, budget=1, timeout=0.3)
    ((candidate,),) = await sample_all(models, PROMPTS[:1])
    assert candidate.cost and candidate.retries == 1
    lost = models.budget.spent - candidate.cost
    assert lost == pytest.approx((len(PROMPTS[0].text) + 16) * 1e-6 + SAMPLING.max_tokens * 2e-6)


async def test_an_answer_in_an_unknown_form_may_be_billed(openai_server: Start) -> None:
    # given a reply whose content is a number
    strange = Fault("status", 200, body={"choices": [{"message": {"content": 7}}]})
    models = opener(openai_server(Plan(faults=lambda number, request: strange)), budget=1)
    # when
    ((candidate,),) = await sample_all(models, PROMPTS[:1])
    # then
    assert candidate.error and models.budget.spent > 0


@pytest.mark.parametrize("tokens", [-5, 10**400])
async def test_no_number_of_tokens_in_a_reply_makes_a_cost_negative(
    openai_server: Start, tokens: int
) -> None:
    usage = {"prompt_tokens": tokens, "completion_tokens": tokens}
    body = json.dumps({"choices": [{"message": {"content": "hi"}}], "usage": usage})
    models = opener(openai_server(Plan(faults=lambda number, request: Fault("status", 200, body=body))))
    ((candidate,),) = await sample_all(models, PROMPTS[:1])
    assert candidate.cost is None or candidate.cost >= 0
    assert models.budget.spent >= 0


@pytest.mark.parametrize("error", [RequestError("no"), EndpointError("gone"), TransientError("busy")])
async def test_an_error_of_the_door_is_raised_unchanged_and_costs_nothing(error: Exception) -> None:
    class BrokenDoor(ProviderDoor):
        async def sample(self, prompt: Prompt, sampling: Sampling, n: int) -> list[Candidate]:
            raise error

    budget = Budget(1.0)
    with pytest.raises(type(error), match=str(error)):
        await Priced(BrokenDoor(), PRICE, budget).sample(PROMPTS[0], SAMPLING, 1)
    assert (budget.spent, budget.calls) == (0.0, 0)
