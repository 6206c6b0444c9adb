"""An endpoint is given up when it fails on prompt after prompt, and only then."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from limited_models import PROMPT, SAMPLING, always, limited_model, prompts, refusal
from openai_server import Fault, Plan, Server

from fusion_eval.errors import EndpointError
from fusion_eval.models.endpoint import GIVE_UP_AFTER
from fusion_eval.models.limited import Limited
from fusion_eval.models.together import gather_or_cancel
from fusion_eval.types import Candidate

pytestmark = pytest.mark.usefixtures("no_pauses")

Start = Callable[[Plan], Server]


async def sample_all(model: Limited, count: int) -> list[list[Candidate]]:
    return await gather_or_cancel(model.sample(prompt, SAMPLING, 2) for prompt in prompts(count))


@pytest.mark.parametrize(
    ("fault", "tries"), [(Fault("status", 500), 3), (refusal("'top_k' is not supported."), 1)]
)
async def test_an_endpoint_that_fails_on_every_prompt_is_given_up_with_one_message(
    openai_server: Start, fault: Fault, tries: int
) -> None:
    """Other tools send every prompt of the run, with all its retries, to an endpoint that is down."""
    server = openai_server(Plan(faults=always(fault)))
    async with limited_model(server, max_retries=2) as model:
        with pytest.raises(EndpointError, match=f"failed on {GIVE_UP_AFTER} prompts in a row") as caught:
            await sample_all(model, 200)
    assert "run the same command again to continue" in str(caught.value)
    assert len(server.calls) <= (GIVE_UP_AFTER + 4) * tries, "of 200 prompts"


async def test_an_answer_between_failures_keeps_the_endpoint(openai_server: Start) -> None:
    server = openai_server(
        Plan(faults=lambda number, request: Fault("status", 500) if number % GIVE_UP_AFTER else None)
    )
    async with limited_model(server, concurrency=1, max_retries=0) as model:
        pools = await sample_all(model, 4 * GIVE_UP_AFTER)
    assert sum(pool[0].error is None for pool in pools) == 4


async def test_one_prompt_that_always_fails_does_not_end_the_run(openai_server: Start) -> None:
    """An endpoint that ignores n gets such a prompt n times."""
    server = openai_server(Plan(faults=always(Fault("status", 500))))
    async with limited_model(server, max_retries=0) as model:
        for _ in range(2 * GIVE_UP_AFTER):
            [candidate] = await model.sample(PROMPT, SAMPLING, 1)
            assert candidate.error


async def test_prompts_that_a_working_endpoint_refuses_do_not_end_the_run(openai_server: Start) -> None:
    def faults(number: int, request: Any) -> Fault | None:
        return None if number == 1 else refusal("Filtered by the content policy.")

    server = openai_server(Plan(faults=faults))
    async with limited_model(server, concurrency=1) as model:
        pools = await sample_all(model, 3 * GIVE_UP_AFTER)
    assert [pool[0].error is None for pool in pools] == [True] + [False] * (3 * GIVE_UP_AFTER - 1)


async def test_prompts_that_are_too_long_do_not_end_the_run(openai_server: Start) -> None:
    """A fusor tries with fewer and fewer candidates until they fit."""
    server = openai_server(Plan(context_tokens=1))
    async with limited_model(server) as model:
        pools = await sample_all(model, 2 * GIVE_UP_AFTER)
    assert all("too long" in str(candidate.error) for pool in pools for candidate in pool)
