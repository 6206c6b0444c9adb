"""The server that stands in for every endpoint in the other tests does what it says."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from openai_server import (
    Fault,
    Plan,
    Reply,
    Server,
    default_text,
    read_calls,
    serve,
    spawn,
    token_logprob,
)

Start = Callable[[Plan], Server]


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session:
        yield session


async def post(
    client: aiohttp.ClientSession,
    base_url: str,
    key: str | None = None,
    path: str = "chat/completions",
    **fields: Any,
) -> tuple[int, Any]:
    """(status, JSON) of a request for the default model, a chat unless it holds a prompt."""
    asked = {} if path == "completions" else {"messages": [{"role": "user", "content": "Say it."}]}
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    body = {"model": "test-model", **asked, **fields}
    async with client.post(f"{base_url}/{path}", json=body, headers=headers) as response:
        return response.status, await response.json()


def texts(reply: dict[str, Any]) -> list[str]:
    return [choice["message"]["content"] for choice in reply["choices"]]


# What it answers


async def test_choices_are_a_pure_function_of_model_prompt_seed_and_temperature(
    openai_server: Start, client: aiohttp.ClientSession
) -> None:
    url = openai_server(Plan()).base_url
    _, together = await post(client, url, seed=3, temperature=0.7, n=2)
    _, alone = await post(client, url, seed=4, temperature=0.7)

    assert texts(together) == [default_text("test-model", "Say it.", seed, 0.7) for seed in (3, 4)]
    assert texts(alone) == texts(together)[1:]
    assert (
        len({default_text(*given) for given in (("m", "p", 0, 0.0), ("n", "p", 0, 0.0), ("m", "q", 0, 0.0))})
        == 3
    )
    assert (
        len({default_text("m", "p", seed, temperature) for seed in (0, 1) for temperature in (0.0, 0.5)}) == 4
    )


async def test_usage_counts_the_words_of_all_choices(
    openai_server: Start, client: aiohttp.ClientSession
) -> None:
    server = openai_server(Plan(reply=lambda request, index: Reply("two words", reasoning_content="hm")))
    _, reply = await post(client, server.base_url, n=3)
    assert reply["usage"] == {"prompt_tokens": 2, "completion_tokens": 9, "total_tokens": 11}


@pytest.mark.parametrize(
    ("plan", "choices"),
    [(Plan(), 5), (Plan(honours_n=False), 1), (Plan(max_choices=2), 2)],
    ids=["honours n", "ignores n", "caps n"],
)
async def test_n(plan: Plan, choices: int, openai_server: Start, client: aiohttp.ClientSession) -> None:
    _, reply = await post(client, openai_server(plan).base_url, n=5)
    assert [choice["index"] for choice in reply["choices"]] == list(range(choices))


@pytest.mark.parametrize(
    ("asked", "plan", "text", "reason"),
    [
        ({}, Plan(), "one two three four", "stop"),
        ({"max_tokens": 2}, Plan(), "one two", "length"),
        ({"max_completion_tokens": 4}, Plan(), "one two three four", "stop"),
        ({"stop": ["four", " three"]}, Plan(), "one two", "stop"),
        ({"stop": "two", "max_tokens": 1}, Plan(), "one", "length"),
        ({"stop": "two"}, Plan(ignores_stop=True), "one two three four", "stop"),
    ],
)
async def test_max_tokens_and_stop_cut(
    asked: dict[str, Any],
    plan: Plan,
    text: str,
    reason: str,
    openai_server: Start,
    client: aiohttp.ClientSession,
) -> None:
    words = Plan(reply=lambda request, index: "one two three four", ignores_stop=plan.ignores_stop)
    _, reply = await post(client, openai_server(words).base_url, **asked)
    assert (texts(reply), reply["choices"][0]["finish_reason"]) == ([text], reason)


async def test_a_reply_says_all_that_a_choice_can_hold(
    openai_server: Start, client: aiohttp.ClientSession
) -> None:
    planned = Reply(None, finish_reason="content_filter", reasoning_content="hm", refusal="no")
    _, reply = await post(client, openai_server(Plan(reply=lambda request, index: planned)).base_url)
    message = {"role": "assistant", "content": None, "reasoning_content": "hm", "refusal": "no"}
    assert (reply["choices"][0]["message"], reply["choices"][0]["finish_reason"]) == (
        message,
        "content_filter",
    )


async def test_plain_completions_take_a_prompt_or_a_list_of_them(
    openai_server: Start, client: aiohttp.ClientSession
) -> None:
    url = openai_server(Plan(reply=lambda request, index: f"{request['prompt']}{index}")).base_url
    _, one = await post(client, url, path="completions", prompt="a")
    _, two = await post(client, url, path="completions", prompt=["a", "b"], n=2)
    assert [choice["text"] for choice in one["choices"]] == ["a0"]
    assert [(choice["index"], choice["text"]) for choice in two["choices"]] == list(
        enumerate(["a0", "a1", "b0", "b1"])
    )


# Log-probabilities


async def test_chat_reports_logprobs_when_asked(openai_server: Start, client: aiohttp.ClientSession) -> None:
    url = openai_server(Plan(reply=lambda request, index: "ça va\n")).base_url
    _, silent = await post(client, url)
    _, reply = await post(client, url, logprobs=True)
    tokens = reply["choices"][0]["logprobs"]["content"]

    assert silent["choices"][0]["logprobs"] is None
    assert [(t["token"], t["logprob"]) for t in tokens] == [(t, token_logprob(t)) for t in ("ça", " va\n")]
    assert b"".join(bytes(t["bytes"]) for t in tokens).decode() == "ça va\n"


@pytest.mark.parametrize(("most", "written"), [(0, []), (1, [" sat"])])
async def test_echo_gives_the_prompt_with_its_logprobs(
    most: int, written: list[str], openai_server: Start, client: aiohttp.ClientSession
) -> None:
    url = openai_server(Plan(reply=lambda request, index: " sat down")).base_url
    _, reply = await post(
        client, url, path="completions", prompt="The cat", echo=True, max_tokens=most, logprobs=1
    )
    choice, tokens = reply["choices"][0], ["The", " cat", *written]
    found = choice["logprobs"]

    assert (choice["text"], found["tokens"]) == ("".join(tokens), tokens)
    assert found["token_logprobs"] == [None, *(token_logprob(t) for t in tokens[1:])]
    assert found["text_offset"] == [0, 3, 7][: len(tokens)]
    assert found["top_logprobs"][0] is None
    for token, top in zip(tokens[1:], found["top_logprobs"][1:], strict=True):
        greedy = max(top, key=top.get) == token
        assert (top[token], greedy) == (token_logprob(token), token_logprob(token) > -0.6931)


async def test_a_server_may_leave_logprobs_out(openai_server: Start, client: aiohttp.ClientSession) -> None:
    _, reply = await post(client, openai_server(Plan(logprobs=False)).base_url, logprobs=True)
    assert reply["choices"][0]["logprobs"] is None


# What it refuses


@pytest.mark.parametrize(
    ("plan", "asked", "status", "code"),
    [
        (Plan(), {"model": "other"}, 404, "model_not_found"),
        (Plan(api_key="right"), {}, 401, "invalid_api_key"),
        (Plan(api_key="right"), {"key": "wrong"}, 401, "invalid_api_key"),
        (Plan(context_tokens=1), {}, 400, "context_length_exceeded"),
        (Plan(rejects_n=True), {"n": 2}, 400, "unsupported_value"),
        (Plan(rejects_logprobs=True), {"logprobs": True}, 400, "unsupported_parameter"),
        (Plan(), {"stream": True}, 400, "unsupported_value"),
        (Plan(), {"max_tokens": "many"}, 400, None),
        (Plan(), {"messages": []}, 400, None),
        (Plan(), {"path": "embeddings"}, 404, "unknown_url"),
    ],
)
async def test_refusals_have_openai_s_form(
    plan: Plan,
    asked: dict[str, Any],
    status: int,
    code: str | None,
    openai_server: Start,
    client: aiohttp.ClientSession,
) -> None:
    got, reply = await post(client, openai_server(plan).base_url, **asked)
    assert (got, reply["error"]["code"]) == (status, code)
    assert set(reply["error"]) == {"message", "type", "param", "code"}


async def test_what_no_limit_forbids_is_answered(openai_server: Start, client: aiohttp.ClientSession) -> None:
    strict = Plan(api_key="right", context_tokens=2, rejects_n=True, rejects_logprobs=True)
    status, _ = await post(client, openai_server(strict).base_url, key="right", n=1, logprobs=False)
    assert status == 200


async def test_overflow_is_told_in_the_usual_words(
    openai_server: Start, client: aiohttp.ClientSession
) -> None:
    _, reply = await post(client, openai_server(Plan(context_tokens=1)).base_url)
    assert reply["error"]["message"].startswith(
        "This model's maximum context length is 1 tokens. However, your messages"
    )


async def test_models_are_listed(openai_server: Start, client: aiohttp.ClientSession) -> None:
    server = openai_server(Plan(models=("a", "b")))
    async with client.get(f"{server.base_url}/models") as response:
        assert [model["id"] for model in (await response.json())["data"]] == ["a", "b"]


# What goes wrong


@pytest.mark.parametrize(
    ("fault", "status", "content_type", "valid"),
    [
        (Fault("status", status=503), 503, "application/json", True),
        (Fault("status", status=429, body={"detail": "slow down"}), 429, "application/json", True),
        (Fault("status", status=502, body="Bad Gateway"), 502, "text/plain", False),
        (Fault("truncated_json"), 200, "application/json", False),
        (Fault("html"), 200, "text/html", False),
        (Fault("empty_body"), 200, "application/json", False),
        (Fault("wrong_content_type"), 200, "text/plain", True),
        (Fault("hang", seconds=0.01), 200, "application/json", True),
    ],
    ids=lambda value: value.kind if isinstance(value, Fault) else None,
)
async def test_a_fault_strikes_the_calls_that_it_is_planned_for(
    fault: Fault,
    status: int,
    content_type: str,
    valid: bool,
    openai_server: Start,
    client: aiohttp.ClientSession,
) -> None:
    server = openai_server(Plan(faults=lambda number, request: fault if number == 2 else None))
    good, _ = await post(client, server.base_url)
    body = {"model": "test-model", "messages": [{"role": "user", "content": "Say it."}]}
    async with client.post(f"{server.base_url}/chat/completions", json=body) as response:
        text = await response.text()
        found = (response.status, response.content_type, text.startswith("{") and text.endswith("}"))

    assert good == 200
    assert found == (status, content_type, valid)
    assert fault.body is None or (fault.body if isinstance(fault.body, str) else fault.body["detail"]) in text


async def test_a_status_may_say_when_to_come_back(
    openai_server: Start, client: aiohttp.ClientSession
) -> None:
    server = openai_server(Plan(faults=lambda number, request: Fault("status", status=429, retry_after=0.5)))
    body = {"model": "test-model", "messages": [{"role": "user", "content": "Say it."}]}
    async with client.post(f"{server.base_url}/chat/completions", json=body) as response:
        assert (response.status, response.headers["Retry-After"]) == (429, "0.5")


async def test_a_reset_drops_the_connection(openai_server: Start, client: aiohttp.ClientSession) -> None:
    server = openai_server(Plan(faults=lambda number, request: Fault("reset") if number == 1 else None))
    with pytest.raises(aiohttp.ClientError):
        await post(client, server.base_url)
    status, _ = await post(client, server.base_url)

    assert status == 200
    assert [(call.status, call.answered is None) for call in server.calls] == [(0, True), (200, False)]


async def test_a_hanging_call_does_not_hold_up_the_end(client: aiohttp.ClientSession) -> None:
    with serve(Plan(faults=lambda number, request: Fault("hang"))) as server:
        call = asyncio.create_task(post(client, server.base_url))
        await asyncio.wait([call], timeout=0.1)
        began = time.monotonic()
    assert time.monotonic() - began < 0.5
    assert [(one.status, one.answered) for one in server.calls] == [(0, None)]
    with pytest.raises(aiohttp.ClientError):
        await call


async def test_an_exception_in_the_plan_fails_the_test(client: aiohttp.ClientSession) -> None:
    with (
        pytest.raises(RuntimeError, match="plan"),
        serve(Plan(reply=lambda request, index: str(1 // index))) as server,
    ):
        status, _ = await post(client, server.base_url)
        assert status == 500


# What it remembers


async def test_calls_are_kept_without_the_key(openai_server: Start, client: aiohttp.ClientSession) -> None:
    server = openai_server(Plan())
    await post(client, server.base_url, key="very-secret", n=2)
    await post(client, server.base_url, path="completions", model="other", prompt="p")
    first, second = server.calls

    assert (first.path, first.body["n"], first.status, first.sent_key) == (
        "/v1/chat/completions",
        2,
        200,
        True,
    )
    assert (second.path, second.body["prompt"], second.status, second.sent_key) == (
        "/v1/completions",
        "p",
        404,
        False,
    )
    assert first.headers["content-type"] == "application/json"
    assert first.answered is not None and first.arrived <= first.answered <= second.arrived
    assert "very-secret" not in repr(server.calls)


async def test_latency_delays_calls_side_by_side(openai_server: Start, client: aiohttp.ClientSession) -> None:
    server = openai_server(Plan(latency=lambda number, request: 0.05 * number))
    await asyncio.gather(*(post(client, server.base_url) for _ in range(4)))
    waits = [call.answered - call.arrived for call in server.calls if call.answered]
    assert server.in_flight_peak == 4
    assert [wait >= 0.05 * number for number, wait in enumerate(waits, start=1)] == [True] * 4


def test_a_taken_port_is_an_error(openai_server: Start) -> None:
    taken = int(openai_server(Plan()).base_url.split(":")[2].split("/")[0])
    with pytest.raises(OSError), serve(Plan(), port=taken):
        pass


# As a process of its own


async def test_a_process_logs_calls_before_it_is_killed(
    tmp_path: Path, client: aiohttp.ClientSession
) -> None:
    log = tmp_path / "calls.jsonl"
    options = ["--model", "test-model", "--fail-every", "2", "503", "--slow-after", "3", "--log", str(log)]
    with spawn(*options, "--fusor-text", "fused", "--no-honour-n", "--api-key", "right") as url:
        _, fused = await post(client, url, key="right", temperature=0, n=5)
        failed, _ = await post(client, url, key="right")
        _, sampled = await post(client, url, key="right", temperature=0.7)
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(post(client, url, key="right"), timeout=0.1)

    assert texts(fused) == ["fused"]
    assert failed == 503
    assert texts(sampled) == [default_text("test-model", "Say it.", 0, 0.7)]
    assert [call.status for call in read_calls(log)][:3] == [200, 503, 200]
    assert "right" not in log.read_text()
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", int(url.split(":")[2].split("/")[0])), timeout=1)
