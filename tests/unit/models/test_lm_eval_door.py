"""The door to model types of the harness: candidates, chat prompts, failures, and the harness's API types."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from openai_server import Plan, Server
from recording_models import open_recording, sampling

from fusion_eval.errors import EndpointError, RequestError
from fusion_eval.models import Model
from fusion_eval.models.lm_eval.door import HarnessModel, open_harness
from fusion_eval.types import Candidate, Message, Prompt


def texts(candidates: list[Candidate]) -> list[str]:
    return [candidate.text for candidate in candidates]


# Candidates


async def test_n_candidates_are_n_requests_with_the_harnesss_options() -> None:
    # given
    model, inner = open_recording()
    options = sampling(top_p=0.9, stop=("\n", "Q:"), extra=(("top_k", 40),))
    # when
    candidates = await model.sample(Prompt("hello"), options, 3)
    # then
    assert isinstance(model, Model)
    assert len(set(texts(candidates))) == 3
    assert [candidate.seed for candidate in candidates] == [10, 11, 12]
    assert {candidate.model for candidate in candidates} == {model.name} == {"lm_eval:recording"}
    assert {c.finish_reason for c in candidates} == {""}, "the harness does not report why a text ended"
    sent = {
        "until": ["\n", "Q:"],
        "max_gen_toks": 64,
        "do_sample": True,
        "temperature": 0.7,
        "top_p": 0.9,
        "top_k": 40,
    }
    assert [instance.args for instance in inner.batches[0]] == [("hello", sent)] * 3


async def test_temperature_zero_is_greedy() -> None:
    model, inner = open_recording()

    await model.sample(Prompt("hello"), sampling(temperature=0.0, top_p=0.9), 1)

    options = {"until": [], "max_gen_toks": 64, "do_sample": False, "temperature": 0.0}
    assert inner.batches[0][0].args == ("hello", options)


@pytest.mark.parametrize("change", [{"seed": 11}, {"temperature": 0.8}])
async def test_equal_batches_give_equal_texts_and_others_do_not(change: dict[str, Any]) -> None:
    model, _ = open_recording()

    first = await model.sample(Prompt("hello"), sampling(), 3)
    again = await model.sample(Prompt("hello"), sampling(), 3)
    other = await model.sample(Prompt("hello"), sampling(**change), 3)

    assert texts(first) == texts(again)
    assert not set(texts(first)) & set(texts(other))


async def test_tokens_are_counted_if_the_model_has_a_tokenizer() -> None:
    with_tokenizer, _ = open_recording("lm_eval:recording-chat")
    without_tokenizer, _ = open_recording()

    counted = await with_tokenizer.sample(Prompt("three small words"), sampling(), 2)
    uncounted = await without_tokenizer.sample(Prompt("words"), sampling(), 1)

    assert [candidate.prompt_tokens for candidate in counted] == [4, 0]
    assert [candidate.completion_tokens for candidate in counted] == [4, 4]
    assert [candidate.prompt_tokens for candidate in uncounted] == [0]


async def test_reasoning_is_separated_from_the_text() -> None:
    model, inner = open_recording()
    inner.fault = lambda: ["<think>let me see</think>42"]
    [candidate] = await model.sample(Prompt("6 times 7"), sampling(), 1)
    assert (candidate.text, candidate.reasoning) == ("42", "let me see")


async def test_a_missing_text_is_a_failed_candidate_and_not_an_empty_answer() -> None:
    model, inner = open_recording()
    inner.fault = lambda: ["text", None]
    candidates = await model.sample(Prompt("hello"), sampling(), 2)
    assert [candidate.error for candidate in candidates] == [None, "lm_eval:recording gave no text"]


# Chat


async def test_the_inner_model_renders_messages_and_text_stays_unchanged() -> None:
    # given
    model, inner = open_recording("lm_eval:recording-chat")
    turns = (Message("user", "Hi"), Message("assistant", "Yes?"), Message("user", "Bye"))
    # when
    await asyncio.gather(
        model.sample(Prompt(messages=turns), sampling(), 1),
        model.sample(Prompt(messages=turns[:2]), sampling(), 1),
        model.sample(Prompt("Hi"), sampling(), 1),
    )
    # then
    assert model.chat
    assert [instance.args[0] for instance in inner.batches[0]] == [
        "[user]Hi[assistant]Yes?[user]Bye[assistant]",
        "[user]Hi[assistant]Yes?",  # the answer continues the assistant's message
        "Hi",
    ]


async def test_a_prompt_that_the_template_rejects_fails_alone() -> None:
    # given
    model, _ = open_recording("lm_eval:recording-chat")
    rejected = Prompt(messages=(Message("system", "Be brief."), Message("user", "Hi")))
    # when
    refused, answered = await asyncio.gather(
        model.sample(rejected, sampling(), 2),
        model.sample(Prompt("Hi"), sampling(), 2),
        return_exceptions=True,
    )
    # then
    assert isinstance(refused, RequestError)
    assert str(refused) == (
        "lm_eval:recording-chat cannot render a chat prompt: the template knows no system messages"
    )
    assert isinstance(answered, list) and len(answered) == 2


@pytest.mark.parametrize("name", ["lm_eval:recording", "lm_eval:dummy"])
def test_a_model_without_a_template_takes_plain_text(name: str) -> None:
    """The type dummy downloads a tokenizer when its tokenizer is read, so it must not be read."""
    assert not open_harness(name, {}).chat


# Failures


async def test_an_exception_of_the_inner_model_reaches_its_whole_batch_on_one_line() -> None:
    # given
    model, inner = open_recording()

    def out_of_memory() -> list[Any]:
        raise RuntimeError("CUDA out of memory.\nTried to allocate 20 GiB")

    inner.fault = out_of_memory
    # when
    errors = await asyncio.gather(
        *(model.sample(Prompt(str(i)), sampling(), 2) for i in range(3)), return_exceptions=True
    )
    inner.fault = None
    # then
    assert {type(error) for error in errors} == {EndpointError}
    assert str(errors[0]) == (
        "lm_eval:recording failed on a batch of 6: CUDA out of memory. Tried to allocate 20 GiB"
    )
    assert len(await model.sample(Prompt("afterwards"), sampling(), 2)) == 2


async def test_a_system_exit_of_the_inner_model_fails_only_its_batch() -> None:
    model, inner = open_recording()

    def leave() -> list[Any]:
        raise SystemExit("no licence")

    inner.fault = leave
    with pytest.raises(EndpointError, match="no licence"):
        await model.sample(Prompt("a"), sampling(), 1)


async def test_too_few_texts_are_an_error() -> None:
    model, inner = open_recording()
    inner.fault = lambda: ["just one"]
    with pytest.raises(EndpointError, match="1 results for 3 requests"):
        await model.sample(Prompt("a"), sampling(), 3)


# The harness's API types, with a real server


def open_api_type(kind: str, server: Server, path: str) -> HarnessModel:
    pytest.importorskip("tenacity", reason="needs tenacity: pip install 'lm_eval[api]'")
    return open_harness(
        f"lm_eval:{kind},model=test-model,base_url={server.base_url}/{path},tokenizer_backend=none", {}
    )


async def test_a_chat_api_gets_messages_and_a_seed_for_each_candidate(
    openai_server: Callable[[Plan], Server],
) -> None:
    server = openai_server(Plan())
    model = open_api_type("local-chat-completions", server, "chat/completions")

    candidates = await model.sample(Prompt(messages=(Message("user", "Hi"),)), sampling(), 3)

    assert model.chat
    assert len(set(texts(candidates))) == 3
    assert sorted(call.body["seed"] for call in server.calls) == [10, 11, 12]
    assert server.calls[0].body["messages"] == [{"role": "user", "content": "Hi"}]


async def test_a_text_api_gets_text(openai_server: Callable[[Plan], Server]) -> None:
    server = openai_server(Plan())
    model = open_api_type("local-completions", server, "completions")

    candidates = await model.sample(Prompt("Hi"), sampling(), 3)

    assert not model.chat
    assert len(set(texts(candidates))) == 3
    assert server.calls[0].body["prompt"] == "Hi"
