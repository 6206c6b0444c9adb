"""The OpenAI door: what the server gets to see, and what becomes of its answer."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai_server import Fault, Plan, Reply, Server, default_text, token_logprob

from fusion_eval.errors import EndpointError, FusionEvalError
from fusion_eval.models import LikelihoodModel, Model
from fusion_eval.models.choices import BELIEVE_AFTER
from fusion_eval.models.openai import wire
from fusion_eval.models.openai.door import OpenAIModel
from fusion_eval.models.openai.echo import echo_prompts, read_echo
from fusion_eval.types import Candidate, Message, Prompt, Sampling

Start = Callable[[Plan], Server]
PROMPT = Prompt("Why?")
SAMPLING = Sampling(max_tokens=32, temperature=0.7, seed=3)


@contextlib.asynccontextmanager
async def door_to(server: Server, **options: Any) -> AsyncIterator[OpenAIModel]:
    door = OpenAIModel("test-model", server.base_url, timeout=5, **options)
    try:
        yield door
    finally:
        await door.close()


async def sampled(
    server: Server, sampling: Sampling = SAMPLING, n: int = 1, prompt: Prompt = PROMPT, **options: Any
) -> list[Candidate]:
    async with door_to(server, **options) as door:
        return await door.sample(prompt, sampling, n)


def saying(reply: str | Reply) -> Plan:
    return Plan(reply=lambda request, index: reply)


def test_it_is_a_model_that_can_score_texts() -> None:
    door = OpenAIModel("m", "http://host/v1/")
    assert isinstance(door, Model) and isinstance(door, LikelihoodModel)
    assert door.identity == "openai|http://host/v1|m|chat"
    assert OpenAIModel("m", "http://host/v1", chat=False).identity == "openai|http://host/v1|m|completion"


# What the server gets


async def test_a_chat_request_holds_what_is_set_and_no_more(openai_server: Start) -> None:
    server = openai_server(Plan())
    await sampled(server)
    [call] = server.calls
    assert call.path == "/v1/chat/completions" and not call.sent_key
    assert call.body == {
        "model": "test-model",
        "messages": [{"role": "user", "content": "Why?"}],
        "max_tokens": 32,
        "temperature": 0.7,
        "seed": 3,
    }


async def test_a_plain_completion_holds_the_text_as_it_is(openai_server: Start) -> None:
    server = openai_server(Plan())
    await sampled(server, prompt=Prompt("Q: Why?\nA:"), chat=False)
    [call] = server.calls
    assert call.path == "/v1/completions"
    assert call.body == {
        "model": "test-model",
        "prompt": "Q: Why?\nA:",
        "max_tokens": 32,
        "temperature": 0.7,
        "seed": 3,
    }


async def test_messages_go_out_as_turns(openai_server: Start) -> None:
    server = openai_server(Plan())
    turns = (Message("system", "Be brief."), Message("user", "Why?"), Message("assistant", "Why not?"))
    await sampled(server, prompt=Prompt(messages=turns))
    assert server.calls[0].body["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Why?"},
        {"role": "assistant", "content": "Why not?"},
    ]


@pytest.mark.parametrize(("chat", "logprobs"), [(True, True), (False, 1)])
async def test_options_that_are_set_go_out_in_the_form_of_each_endpoint(
    openai_server: Start, chat: bool, logprobs: object
) -> None:
    server = openai_server(Plan())
    everything = Sampling(
        max_tokens=32,
        temperature=0.7,
        seed=3,
        top_p=0.9,
        stop=("\n", "Q:"),
        logprobs=True,
        extra=(("min_p", 0.1), ("top_k", 20)),
    )
    await sampled(server, everything, n=2, chat=chat)
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
    }


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        (("a", "b", "c", "d", "e", "f"), ["a", "b", "c", "d"]),
        (("", "a"), ["a"]),
        (("",), None),
        ((), None),
    ],
    ids=["as many as OpenAI takes", "an empty one would be refused", "empty ones only", "none"],
)
async def test_stop_strings(openai_server: Start, given: tuple[str, ...], sent: list[str] | None) -> None:
    server = openai_server(Plan())
    await sampled(server, Sampling(max_tokens=4, temperature=1.0, seed=0, stop=given))
    assert server.calls[0].body.get("stop") == sent


# n


async def test_one_request_for_n_choices_brings_n_candidates_with_seeds_in_a_row(
    openai_server: Start,
) -> None:
    server = openai_server(Plan())
    candidates = await sampled(server, n=4)
    assert [c.text for c in candidates] == [default_text("test-model", "Why?", 3 + i, 0.7) for i in range(4)]
    assert [c.seed for c in candidates] == [3, 4, 5, 6]
    assert all(c.model == "test-model" and c.error is None and c.latency > 0 for c in candidates)
    assert len(server.calls) == 1


@pytest.mark.parametrize(
    ("plan", "brought"), [(Plan(honours_n=False), 1), (Plan(max_choices=3), 3)], ids=["ignored", "capped"]
)
async def test_choices_that_keep_staying_out_are_no_longer_asked_for(
    openai_server: Start, plan: Plan, brought: int
) -> None:
    server = openai_server(plan)
    async with door_to(server) as door:
        for _ in range(BELIEVE_AFTER):
            assert door.max_n is None
            assert len(await door.sample(PROMPT, SAMPLING, 5)) == brought
        assert door.max_n == brought
        assert len(await door.sample(PROMPT, SAMPLING, 5)) == brought
    assert [call.body.get("n", 1) for call in server.calls] == [*[5] * BELIEVE_AFTER, brought]


async def test_a_slip_in_the_number_of_choices_is_not_taken_for_a_limit(openai_server: Start) -> None:
    """Believed at once, it would have every later prompt sent n times, and paid for n times."""
    slips = openai_server(Plan(faults=lambda number, request: Fault("fewer_choices") if number % 2 else None))
    async with door_to(slips) as door:
        brought = [len(await door.sample(PROMPT, SAMPLING, 4)) for _ in range(4 * BELIEVE_AFTER)]
        assert brought == [2, 4] * 2 * BELIEVE_AFTER
        assert door.max_n is None


def refusing(option: str, status: int, message: str) -> Plan:
    def faults(number: int, request: dict[str, Any]) -> Fault | None:
        return Fault("status", status, body={"error": {"message": message}}) if option in request else None

    return Plan(faults=faults)


@pytest.mark.parametrize(
    "plan",
    [
        Plan(rejects_n=True),
        refusing("n", 500, "Only one completion choice is allowed"),
        refusing("n", 422, "Invalid n value (currently only n = 1 is supported)"),
    ],
    ids=["in OpenAI's words", "llama.cpp, with status 500", "with status 422"],
)
async def test_an_endpoint_that_refuses_n_is_asked_for_one_at_once_and_from_then_on(
    openai_server: Start, plan: Plan
) -> None:
    server = openai_server(plan)
    async with door_to(server) as door:
        both = await asyncio.gather(*(door.sample(PROMPT, SAMPLING, 5) for _ in range(2)))
        await door.sample(PROMPT, SAMPLING, 5)
    assert [len(candidates) for candidates in both] == [1, 1]
    assert door.max_n == 1
    assert sorted(call.body.get("n", 1) for call in server.calls) == [1, 1, 1, 5, 5]


async def test_an_endpoint_that_calls_the_length_by_its_newer_name_gets_it(openai_server: Start) -> None:
    message = "Unsupported parameter: 'max_tokens' … Use 'max_completion_tokens' instead."
    server = openai_server(refusing("max_tokens", 400, message))
    async with door_to(server) as door:
        await asyncio.gather(*(door.sample(PROMPT, SAMPLING, 1) for _ in range(2)))
        [candidate] = await door.sample(PROMPT, SAMPLING, 1)
    assert candidate.text
    assert server.calls[-1].body["max_completion_tokens"] == 32
    assert sum("max_tokens" in call.body for call in server.calls) == 2, "it learns once"


def test_choices_in_another_order_are_put_in_theirs() -> None:
    reply = wire.Reply([wire.Choice(index=i, text=str(i)) for i in (2, 0, 1)])
    assert [c.text for c in wire.candidates_of(reply, "m", SAMPLING, 0.1)] == ["0", "1", "2"]


# What a candidate tells


@pytest.mark.parametrize("chat", [True, False])
async def test_the_mean_log_probability_is_that_of_the_generated_tokens(
    openai_server: Start, chat: bool
) -> None:
    server = openai_server(saying("It is blue."))
    asked = Sampling(max_tokens=32, temperature=0.7, seed=3, logprobs=True)
    [candidate] = await sampled(server, asked, chat=chat)
    expected = [token_logprob(token) for token in ("It", " is", " blue.")]
    assert candidate.mean_logprob == pytest.approx(sum(expected) / 3)
    assert candidate.completion_tokens == 3


@pytest.mark.parametrize("chat", [True, False])
async def test_an_endpoint_without_log_probabilities_leaves_them_unknown(
    openai_server: Start, chat: bool
) -> None:
    server = openai_server(Plan(logprobs=False))
    asked = Sampling(max_tokens=32, temperature=0.7, seed=3, logprobs=True)
    [candidate] = await sampled(server, asked, chat=chat)
    assert candidate.mean_logprob is None and candidate.text


async def test_tokens_of_a_request_are_shared_so_that_sums_over_candidates_are_right(
    openai_server: Start,
) -> None:
    words = ["one two three", "one", "one two"]
    server = openai_server(Plan(reply=lambda request, index: words[index]))
    candidates = await sampled(server, n=3, prompt=Prompt("a prompt of five words"))
    assert [c.prompt_tokens for c in candidates] == [5, 0, 0]
    assert sum(c.completion_tokens for c in candidates) == 6


@given(st.lists(st.none() | st.integers(0, 20), max_size=6), st.none() | st.integers(0, 200))
def test_tokens_add_up_to_the_total_or_to_what_was_shown_where_that_is_more(
    shown: list[int | None], total: int | None
) -> None:
    """Some servers count one of n choices; others count thought that no choice shows."""
    choices = [
        wire.Choice(logprobs=None if k is None else wire.Logprobs(content=[wire.TokenLogprob(-1.0)] * k))
        for k in shown
    ]
    reply = wire.Reply(choices, wire.Usage(7, total))
    tokens = [c.completion_tokens for c in wire.candidates_of(reply, "m", SAMPLING, 0.1)]
    if shown:
        assert sum(tokens) == max(total or 0, sum(k or 0 for k in shown))
        spread = [own - (k or 0) for own, k in zip(tokens, shown, strict=True)]
        assert max(spread) - min(spread) <= 1 and min(spread) >= 0


async def test_a_reply_without_usage_counts_nothing() -> None:
    reply = wire.Reply([wire.Choice(text="a")])
    [candidate] = wire.candidates_of(reply, "m", SAMPLING, 0.5)
    assert (candidate.prompt_tokens, candidate.completion_tokens, candidate.latency) == (0, 0, 0.5)


@pytest.mark.parametrize(
    ("reply", "text", "reasoning"),
    [
        (Reply("Blue.", reasoning_content="Rayleigh …"), "Blue.", "Rayleigh …"),
        (Reply("<think>Rayleigh …</think>\n\nBlue."), "Blue.", "Rayleigh …"),
        (Reply("<think>Rayleigh …", finish_reason="length"), "", "Rayleigh …"),
        (Reply(None, finish_reason="length", reasoning_content="Rayleigh …"), "", "Rayleigh …"),
    ],
    ids=["beside the text", "inside the text", "inside, cut off", "beside, cut off"],
)
async def test_reasoning_is_kept_apart_in_either_form(
    openai_server: Start, reply: Reply, text: str, reasoning: str
) -> None:
    [candidate] = await sampled(openai_server(saying(reply)))
    assert (candidate.text, candidate.reasoning) == (text, reasoning)


async def test_a_refusal_is_the_answer_and_is_marked(openai_server: Start) -> None:
    [candidate] = await sampled(openai_server(saying(Reply(None, refusal="I cannot help with that."))))
    assert candidate.text == "I cannot help with that."
    assert candidate.finish_reason == "refusal"
    assert candidate.error is None


async def test_a_cut_answer_is_marked(openai_server: Start) -> None:
    [candidate] = await sampled(
        openai_server(saying("one two three")), Sampling(max_tokens=2, temperature=1.0, seed=0)
    )
    assert (candidate.text, candidate.finish_reason) == ("one two", "length")


@pytest.mark.parametrize("reason", ["stop", "length", "content_filter"])
async def test_the_finish_reason_is_the_servers(openai_server: Start, reason: str) -> None:
    [candidate] = await sampled(openai_server(saying(Reply("a", finish_reason=reason))))
    assert candidate.finish_reason == reason


def test_a_missing_finish_reason_is_unknown() -> None:
    reply = wire.Reply([wire.Choice(text="a")])
    assert wire.candidates_of(reply, "m", SAMPLING, 0.1)[0].finish_reason == "unknown"


async def test_json_under_a_wrong_name_is_read_all_the_same(openai_server: Start) -> None:
    server = openai_server(Plan(faults=lambda number, request: Fault("wrong_content_type")))
    [candidate] = await sampled(server)
    assert candidate.text == default_text("test-model", "Why?", 3, 0.7)


# Log-likelihood of a given text


async def likelihood(server: Server, context: str, continuation: str) -> tuple[float, bool]:
    async with door_to(server, chat=False) as door:
        return await door.loglikelihood(context, continuation)


async def test_a_log_likelihood_is_the_sum_over_the_continuations_tokens(openai_server: Start) -> None:
    server = openai_server(Plan())
    total, _ = await likelihood(server, "The sky", " is very blue")
    assert total == pytest.approx(sum(token_logprob(token) for token in (" is", " very", " blue")))
    [call] = server.calls
    assert call.path == "/v1/completions"
    assert call.body["prompt"] == ["The sky is very blue", "The sky"]
    assert call.body["echo"] is True and call.body["max_tokens"] == 1 and call.body["logprobs"] == 1


async def test_greedy_says_whether_each_token_was_the_likeliest(openai_server: Start) -> None:
    likely = [word for word in (f" w{i}" for i in range(60)) if token_logprob(word) > -0.6]
    unlikely = next(word for word in (f" w{i}" for i in range(60)) if token_logprob(word) < -0.8)
    server = openai_server(Plan())
    assert (await likelihood(server, "The", likely[0] + likely[1]))[1] is True
    assert (await likelihood(server, "The", likely[0] + unlikely))[1] is False
    assert (await likelihood(server, "The" + unlikely, likely[0]))[1] is True, "the context does not count"


async def test_spaces_at_the_end_of_the_context_belong_to_the_continuation(openai_server: Start) -> None:
    """So the harness has it; a token such as ' blue' would else fall to neither."""
    server = openai_server(Plan())
    assert await likelihood(server, "The sky is ", "blue") == await likelihood(server, "The sky is", " blue")
    assert (
        server.calls[0].body["prompt"] == server.calls[1].body["prompt"] == ["The sky is blue", "The sky is"]
    )


async def test_without_a_context_all_tokens_but_the_first_count(openai_server: Start) -> None:
    server = openai_server(Plan())
    total, _ = await likelihood(server, "", "The sky is")
    assert total == pytest.approx(token_logprob(" sky") + token_logprob(" is"))
    assert server.calls[0].body["prompt"] == ["The sky is"]


def echoed(tokens: list[str], values: list[float | None], offsets: list[int]) -> dict[str, Any]:
    """An echoed prompt with the one token that is generated after it, as vLLM and SGLang send it."""
    tops = [None if value is None else {token: value} for token, value in zip(tokens, values, strict=True)]
    return {
        "logprobs": {
            "tokens": [*tokens, "!"],
            "token_logprobs": [*values, -9.0],
            "top_logprobs": [*tops, {"!": -9.0}],
            "text_offset": offsets,
        }
    }


@pytest.mark.parametrize(
    ("whole", "context"),
    [
        (["<s>", "空", " は", "�", "�"], ["<s>", "空", " は"]),
        (["<s>", "The", " sky", " is", " blue"], ["<s>", "The", " sky"]),
    ],
    ids=["letters of several tokens", "a token before the text"],
)
@pytest.mark.parametrize("offsets", [[-1] * 6, [0, 3, 6, 10, 13, 18]], ids=["no offsets", "wrong offsets"])
def test_tokens_are_counted_and_not_looked_for_by_their_place(
    whole: list[str], context: list[str], offsets: list[int]
) -> None:
    """Offsets are -1 in one server, and count the server's own tokens in another: sums by them are wrong in silence."""
    values: list[float | None] = [None, -0.1, -0.2, -0.4, -0.8]
    choices = [
        {"index": 1, **echoed(context, values[:3], offsets)},
        {"index": 0, **echoed(whole, values, offsets)},
    ]
    reply = msgspec.convert({"choices": choices}, wire.Reply)
    total, greedy = read_echo(reply, echo_prompts("The sky", " is blue"), "m")
    assert total == pytest.approx(-1.2) and greedy


@pytest.mark.parametrize(
    "plan",
    [
        Plan(logprobs=False),
        Plan(rejects_logprobs=True),
        refusing("echo", 400, "Only no echo is supported"),
    ],
    ids=["leaves them out", "refuses log-probabilities", "refuses echo"],
)
async def test_an_endpoint_that_cannot_echo_is_told_with_what_can(openai_server: Start, plan: Plan) -> None:
    with pytest.raises(
        EndpointError, match=r"^test-model does not echo its prompt .*; use an endpoint that does"
    ):
        await likelihood(openai_server(plan), "The sky is", " blue")


async def test_an_endpoint_that_answers_one_prompt_of_two_is_not_believed() -> None:
    reply = msgspec.convert({"choices": [echoed(["a", " b"], [None, -1.0], [0, 1])]}, wire.Reply)
    with pytest.raises(EndpointError, match="does not echo"):
        read_echo(reply, ["a b", "a"], "m")


async def test_a_chat_endpoint_says_how_to_ask_for_log_likelihoods(openai_server: Start) -> None:
    server = openai_server(Plan())
    async with door_to(server) as door:
        with pytest.raises(EndpointError, match="add completion=true"):
            await door.loglikelihood("The sky is", " blue")
    assert server.calls == ()


# Connections


async def test_a_closed_door_opens_again(openai_server: Start) -> None:
    server = openai_server(Plan())
    async with door_to(server) as door:
        first = await door.sample(PROMPT, SAMPLING, 1)
        await door.close()
        await door.close()
        second = await door.sample(PROMPT, SAMPLING, 1)
    assert first[0].text == second[0].text


def test_a_door_serves_one_event_loop_after_another(openai_server: Start) -> None:
    door = OpenAIModel("test-model", openai_server(Plan()).base_url)

    async def once() -> str:
        [candidate] = await door.sample(PROMPT, SAMPLING, 1)
        await door.close()
        return candidate.text

    assert asyncio.run(once()) == asyncio.run(once())


@pytest.mark.parametrize(
    "fault", [None, Fault("status", 500), Fault("truncated_json"), Fault("html")], ids=lambda f: f and f.kind
)
async def test_a_connection_is_used_again_whatever_became_of_the_answer(
    openai_server: Start, fault: Fault | None
) -> None:
    server = openai_server(Plan(faults=lambda number, request: fault))
    async with door_to(server) as door:
        for _ in range(3):
            with contextlib.suppress(FusionEvalError):
                await door.sample(PROMPT, SAMPLING, 1)
        assert door._session is not None and isinstance(door._session.connector, aiohttp.TCPConnector)
        [waiting] = door._session.connector._conns.values()
        assert len(waiting) == 1 and not door._session.connector._acquired
    assert len(server.calls) == 3


async def test_a_cancelled_request_lets_go_of_its_connection(openai_server: Start) -> None:
    server = openai_server(Plan(faults=lambda number, request: Fault("hang")))
    async with door_to(server) as door:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await door.sample(PROMPT, SAMPLING, 1)
        assert door._session is not None and isinstance(door._session.connector, aiohttp.TCPConnector)
        assert not door._session.connector._conns and not door._session.connector._acquired
