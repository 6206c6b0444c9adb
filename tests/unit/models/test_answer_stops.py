"""Stop strings belong to the answer: an endpoint that thinks gets none, and no thought is ended by one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from openai_server import Plan, Reply, Request, Server

from fusion_eval.model_arguments import parse
from fusion_eval.models.opener import Opener
from fusion_eval.models.store.store import Store
from fusion_eval.types import Candidate, Prompt, Sampling

Start = Callable[[Plan], Server]
SAMPLING = Sampling(max_tokens=64, temperature=0.7, seed=0, stop=("\n\n",))
THOUGHT = "Let me restate. ANSWER=7 perhaps?\n\nNo."


def in_a_field(request: Request, index: int) -> Reply:
    """Think in a field of its own; a stop string ends the thought, and the answer is never begun."""
    if "stop" in request:
        return Reply(None, reasoning_content=THOUGHT.partition("\n\n")[0])
    return Reply("ANSWER=4", reasoning_content=THOUGHT)


def in_tags(request: Request, index: int) -> str:
    return f"<think>{THOUGHT}</think>ANSWER=4"


def after_the_templates_tag(request: Request, index: int) -> str:
    """Think after an opening tag that the chat template has written, so that no tag shows before the thought ends."""
    return f"{THOUGHT}</think>ANSWER=4"


def plain(request: Request, index: int) -> str:
    return "ANSWER=4"


async def ask(server: Server, count: int, sampling: Sampling = SAMPLING, **arguments: Any) -> list[Candidate]:
    """Ask for two candidates to each of several prompts at once."""
    given = {"model": "test-model", "base_url": server.base_url, "n": 2} | arguments
    models = Opener(parse(given), Store(None))
    [model] = models.sampler()
    try:
        pools = await asyncio.gather(
            *(model.sample(Prompt(f"prompt {i}"), sampling, 2) for i in range(count))
        )
    finally:
        await models.close()
    return [candidate for pool in pools for candidate in pool]


@pytest.mark.parametrize("reply", [in_a_field, in_tags, after_the_templates_tag])
@pytest.mark.parametrize("count", [1, 6])
@pytest.mark.parametrize("honours_n", [True, False])
async def test_no_thought_is_ended_by_a_stop_string(
    openai_server: Start, reply: Callable[[Request, int], Any], count: int, honours_n: bool
) -> None:
    server = openai_server(Plan(reply=reply, honours_n=honours_n))
    candidates = await ask(server, count)
    assert [candidate.text for candidate in candidates] == ["ANSWER=4"] * 2 * count
    assert {candidate.reasoning for candidate in candidates} == {THOUGHT}


async def test_what_an_endpoint_shows_is_learnt_once(openai_server: Start) -> None:
    server = openai_server(Plan(reply=in_tags))
    candidates = await ask(server, 6, concurrency=1)
    assert [call.body.get("stop") for call in server.calls].count(None) >= 6
    assert sum(candidate.rechecks for candidate in candidates) <= 12


async def test_an_endpoint_that_does_not_think_gets_stop_strings_after_the_first_request(
    openai_server: Start,
) -> None:
    server = openai_server(Plan(reply=plain))
    candidates = await ask(server, 6)
    assert {(candidate.text, candidate.rechecks) for candidate in candidates} == {("ANSWER=4", 0)}
    assert sorted("stop" in call.body for call in server.calls) == [False] + [True] * 5


async def test_the_log_probabilities_of_an_answer_end_with_it(openai_server: Start) -> None:
    server = openai_server(Plan(reply=lambda request, index: "one two\n\nthree four"))
    candidates = await ask(server, 2, replace(SAMPLING, logprobs=True))
    assert {candidate.text for candidate in candidates} == {"one two"}


async def test_a_model_that_thinks_at_times_is_asked_again_without_stop_strings(openai_server: Start) -> None:
    """The first prompt shows no thought, so later requests hold stop strings."""

    def reply(request: Request, index: int) -> Any:
        first = request["messages"][0]["content"] == "prompt 0"
        return plain(request, index) if first else in_a_field(request, index)

    server = openai_server(Plan(reply=reply))
    candidates = await ask(server, 4, concurrency=1)
    assert {candidate.text for candidate in candidates} == {"ANSWER=4"}
    assert sum(candidate.rechecks > 0 for candidate in candidates) >= 2


async def test_completions_of_plain_text_always_hold_stop_strings(openai_server: Start) -> None:
    server = openai_server(Plan(reply=lambda request, index: "4\n\nQ: and so on"))
    await ask(server, 2, completion=True)
    assert all("stop" in call.body for call in server.calls)


async def test_a_first_request_that_fails_leaves_the_question_open(openai_server: Start) -> None:
    server = openai_server(Plan(reply=lambda request, index: Reply("", finish_reason="abort")))
    candidates = await ask(server, 3, max_retries=0)
    assert all(candidate.error for candidate in candidates)
