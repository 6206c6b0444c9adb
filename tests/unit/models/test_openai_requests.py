"""What the OpenAI door sends to its endpoint, and how it learns which options the endpoint accepts."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from doors import PROMPT, SAMPLING, StartServer, door_to, sample
from openai_server import Fault, Plan, default_text

from fusion_eval.models import Model
from fusion_eval.models.openai.door import OpenAIModel
from fusion_eval.models.openai.options import SHORT_REPLIES
from fusion_eval.types import Message, Prompt, Sampling


def test_the_identity_names_address_model_and_form_of_prompt() -> None:
    door = OpenAIModel("m", "http://host/v1/")

    assert isinstance(door, Model)
    assert door.identity == "openai|http://host/v1|m|chat"
    assert OpenAIModel("m", "http://host/v1", chat=False).identity == "openai|http://host/v1|m|completion"


# Options


async def test_a_chat_request_holds_only_the_options_that_are_set(openai_server: StartServer) -> None:
    server = openai_server(Plan())

    await sample(server)

    [call] = server.calls
    assert call.path == "/v1/chat/completions" and not call.sent_key
    assert call.body == {
        "model": "test-model",
        "messages": [{"role": "user", "content": "Why?"}],
        "max_tokens": 32,
        "temperature": 0.7,
        "seed": 3,
        "stream": False,
    }


async def test_a_completion_request_holds_the_text_unchanged(openai_server: StartServer) -> None:
    server = openai_server(Plan())

    await sample(server, prompt=Prompt("Q: Why?\nA:"), chat=False)

    [call] = server.calls
    assert call.path == "/v1/completions"
    assert call.body == {
        "model": "test-model",
        "prompt": "Q: Why?\nA:",
        "max_tokens": 32,
        "temperature": 0.7,
        "seed": 3,
        "stream": False,
    }


async def test_messages_are_sent_as_turns(openai_server: StartServer) -> None:
    server = openai_server(Plan())
    turns = (Message("system", "Be brief."), Message("user", "Why?"), Message("assistant", "Why not?"))

    await sample(server, prompt=Prompt(messages=turns))

    assert server.calls[0].body["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Why?"},
        {"role": "assistant", "content": "Why not?"},
    ]


@pytest.mark.parametrize(("chat", "logprobs"), [(True, True), (False, 1)])
async def test_all_options_are_sent_in_the_form_of_each_kind_of_endpoint(
    openai_server: StartServer, chat: bool, logprobs: object
) -> None:
    # given
    server = openai_server(Plan())
    sampling = Sampling(
        max_tokens=32,
        temperature=0.7,
        seed=3,
        top_p=0.9,
        stop=("\n", "Q:"),
        logprobs=True,
        extra=(("min_p", 0.1), ("top_k", 20)),
    )
    # when
    await sample(server, sampling, n=2, chat=chat)
    # then
    body = server.calls[0].body
    assert {name: body[name] for name in body if name not in ("messages", "prompt", "model")} == {
        "max_tokens": 32,
        "temperature": 0.7,
        "seed": 3,
        "n": 2,
        "top_p": 0.9,
        "stop": ["\n", "Q:"],
        "logprobs": logprobs,
        "min_p": 0.1,
        "top_k": 20,
        "stream": False,
    }


@pytest.mark.parametrize(
    ("stops", "sent"),
    [
        (("a", "b", "c", "d", "e", "f"), ["a", "b", "c", "d"]),
        (("", "a"), ["a"]),
        (("",), None),
        ((), None),
    ],
    ids=["at most four", "without empty ones", "only empty ones", "none"],
)
async def test_stop_strings_are_sent_as_openai_accepts_them(
    openai_server: StartServer, stops: tuple[str, ...], sent: list[str] | None
) -> None:
    server = openai_server(Plan())

    await sample(server, Sampling(max_tokens=4, temperature=1.0, seed=0, stop=stops))

    assert server.calls[0].body.get("stop") == sent


# Choices per request


async def test_one_request_for_n_choices_brings_n_candidates_with_consecutive_seeds(
    openai_server: StartServer,
) -> None:
    server = openai_server(Plan())

    candidates = await sample(server, n=4)

    assert [c.text for c in candidates] == [default_text("test-model", "Why?", 3 + i, 0.7) for i in range(4)]
    assert [c.seed for c in candidates] == [3, 4, 5, 6]
    assert all(c.model == "test-model" and c.error is None and c.latency > 0 for c in candidates)
    assert len(server.calls) == 1


@pytest.mark.parametrize(
    ("plan", "received"), [(Plan(honours_n=False), 1), (Plan(max_choices=3), 3)], ids=["ignored", "capped"]
)
async def test_the_door_stops_requesting_choices_that_never_come(
    openai_server: StartServer, plan: Plan, received: int
) -> None:
    server = openai_server(plan)

    async with door_to(server.base_url) as door:
        for _ in range(SHORT_REPLIES):
            assert door.max_n is None
            assert len(await door.sample(PROMPT, SAMPLING, 5)) == received
        assert door.max_n == received
        assert len(await door.sample(PROMPT, SAMPLING, 5)) == received

    assert [call.body.get("n", 1) for call in server.calls] == [*[5] * SHORT_REPLIES, received]


async def test_single_short_replies_do_not_count_as_a_limit(openai_server: StartServer) -> None:
    """A wrong limit would send every later prompt n times, at n times the price."""
    faults = {True: Fault("fewer_choices"), False: None}
    server = openai_server(Plan(faults=lambda number, request: faults[number % 2 == 1]))

    async with door_to(server.base_url) as door:
        received = [len(await door.sample(PROMPT, SAMPLING, 4)) for _ in range(4 * SHORT_REPLIES)]

    assert received == [2, 4] * 2 * SHORT_REPLIES
    assert door.max_n is None


def refuse(option: str, status: int, message: str) -> Plan:
    """Refuse requests that hold an option."""

    def faults(number: int, request: dict[str, Any]) -> Fault | None:
        return Fault("status", status, body={"error": {"message": message}}) if option in request else None

    return Plan(faults=faults)


@pytest.mark.parametrize(
    "plan",
    [
        Plan(rejects_n=True),
        refuse("n", 500, "Only one completion choice is allowed"),
        refuse("n", 422, "Invalid n value (currently only n = 1 is supported)"),
    ],
    ids=["OpenAI's message", "llama.cpp, with status 500", "with status 422"],
)
async def test_after_a_refusal_of_n_every_request_asks_for_one_choice(
    openai_server: StartServer, plan: Plan
) -> None:
    server = openai_server(plan)

    async with door_to(server.base_url) as door:
        both = await asyncio.gather(*(door.sample(PROMPT, SAMPLING, 5) for _ in range(2)))
        await door.sample(PROMPT, SAMPLING, 5)

    assert [len(candidates) for candidates in both] == [1, 1]
    assert door.max_n == 1
    assert sorted(call.body.get("n", 1) for call in server.calls) == [1, 1, 1, 5, 5]


async def test_an_endpoint_that_wants_max_completion_tokens_gets_it(openai_server: StartServer) -> None:
    message = "Unsupported parameter: 'max_tokens' … Use 'max_completion_tokens' instead."
    server = openai_server(refuse("max_tokens", 400, message))

    async with door_to(server.base_url) as door:
        await asyncio.gather(*(door.sample(PROMPT, SAMPLING, 1) for _ in range(2)))
        [candidate] = await door.sample(PROMPT, SAMPLING, 1)

    assert candidate.text
    assert server.calls[-1].body["max_completion_tokens"] == 32
    assert sum("max_tokens" in call.body for call in server.calls) == 2, (
        "only the first two requests are refused"
    )
