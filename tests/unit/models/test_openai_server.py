"""The test server, which other tests use as their endpoint, follows its plan and records its calls."""

from __future__ import annotations

import asyncio
import socket
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
    """Request the default model; return status and JSON. The request is a chat unless the path says otherwise."""
    prompt = {} if path == "completions" else {"messages": [{"role": "user", "content": "Say it."}]}
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    body = {"model": "test-model", **prompt, **fields}
    async with client.post(f"{base_url}/{path}", json=body, headers=headers) as response:
        return response.status, await response.json()


def texts(reply: dict[str, Any]) -> list[str]:
    return [choice["message"]["content"] for choice in reply["choices"]]


# Replies


async def test_choices_depend_only_on_model_prompt_seed_and_temperature(
    openai_server: Start, client: aiohttp.ClientSession
) -> None:
    url = openai_server(Plan()).base_url

    _, both = await post(client, url, seed=3, temperature=0.7, n=2)
    _, second = await post(client, url, seed=4, temperature=0.7)

    assert texts(both) == [default_text("test-model", "Say it.", seed, 0.7) for seed in (3, 4)]
    assert texts(second) == texts(both)[1:]


def test_the_default_text_changes_with_each_of_its_arguments() -> None:
    arguments = [
        ("m", "p", 0, 0.0),
        ("n", "p", 0, 0.0),
        ("m", "q", 0, 0.0),
        ("m", "p", 1, 0.0),
        ("m", "p", 0, 0.5),
    ]
    assert len({default_text(*each) for each in arguments}) == len(arguments)


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
async def test_the_plan_decides_how_many_choices_come(
    plan: Plan, choices: int, openai_server: Start, client: aiohttp.ClientSession
) -> None:
    _, reply = await post(client, openai_server(plan).base_url, n=5)
    assert [choice["index"] for choice in reply["choices"]] == list(range(choices))


@pytest.mark.parametrize(
    ("options", "plan", "text", "reason"),
    [
        ({}, Plan(), "one two three four", "stop"),
        ({"max_tokens": 2}, Plan(), "one two", "length"),
        ({"max_completion_tokens": 4}, Plan(), "one two three four", "stop"),
        ({"stop": ["four", " three"]}, Plan(), "one two", "stop"),
        ({"stop": "two", "max_tokens": 1}, Plan(), "one", "length"),
        ({"stop": "two"}, Plan(ignores_stop=True), "one two three four", "stop"),
    ],
)
async def test_max_tokens_and_stop_strings_cut_the_text(
    options: dict[str, Any],
    plan: Plan,
    text: str,
    reason: str,
    openai_server: Start,
    client: aiohttp.ClientSession,
) -> None:
    words = Plan(reply=lambda request, index: "one two three four", ignores_stop=plan.ignores_stop)
    _, reply = await post(client, openai_server(words).base_url, **options)
    assert (texts(reply), reply["choices"][0]["finish_reason"]) == ([text], reason)


async def test_a_choice_can_hold_reasoning_refusal_and_finish_reason(
    openai_server: Start, client: aiohttp.ClientSession
) -> None:
    planned = Reply(None, finish_reason="content_filter", reasoning_content="hm", refusal="no")
    _, reply = await post(client, openai_server(Plan(reply=lambda request, index: planned)).base_url)
    message = {"role": "assistant", "content": None, "reasoning_content": "hm", "refusal": "no"}
    assert (reply["choices"][0]["message"], reply["choices"][0]["finish_reason"]) == (
        message,
        "content_filter",
    )


async def test_a_completion_answers_a_prompt(openai_server: Start, client: aiohttp.ClientSession) -> None:
    url = openai_server(Plan(reply=lambda request, index: f"{request['prompt']}{index}")).base_url
    _, reply = await post(client, url, path="completions", prompt="a", n=2)
    assert [(choice["index"], choice["text"]) for choice in reply["choices"]] == [(0, "a0"), (1, "a1")]


# Log-probabilities


async def test_chat_reports_log_probabilities_on_request(
    openai_server: Start, client: aiohttp.ClientSession
) -> None:
    url = openai_server(Plan(reply=lambda request, index: "ça va\n")).base_url
    _, without = await post(client, url)
    _, reply = await post(client, url, logprobs=True)
    tokens = reply["choices"][0]["logprobs"]["content"]

    assert without["choices"][0]["logprobs"] is None
    assert [(t["token"], t["logprob"]) for t in tokens] == [(t, token_logprob(t)) for t in ("ça", " va\n")]
    assert b"".join(bytes(t["bytes"]) for t in tokens).decode() == "ça va\n"


async def test_completions_report_log_probabilities_on_request(
    openai_server: Start, client: aiohttp.ClientSession
) -> None:
    url = openai_server(Plan(reply=lambda request, index: " sat down")).base_url
    _, reply = await post(client, url, path="completions", prompt="The cat", logprobs=1)
    tokens = [" sat", " down"]
    assert reply["choices"][0]["logprobs"] == {
        "tokens": tokens,
        "token_logprobs": [token_logprob(token) for token in tokens],
    }


async def test_the_plan_can_leave_out_log_probabilities(
    openai_server: Start, client: aiohttp.ClientSession
) -> None:
    _, reply = await post(client, openai_server(Plan(logprobs=False)).base_url, logprobs=True)
    assert reply["choices"][0]["logprobs"] is None


# Refusals


@pytest.mark.parametrize(
    ("plan", "request_fields", "status", "code"),
    [
        (Plan(), {"model": "other"}, 404, "model_not_found"),
        (Plan(api_key="right"), {}, 401, "invalid_api_key"),
        (Plan(api_key="right"), {"key": "wrong"}, 401, "invalid_api_key"),
        (Plan(context_tokens=1), {}, 400, "context_length_exceeded"),
        (Plan(rejects_n=True), {"n": 2}, 400, "unsupported_value"),
        (Plan(), {"stream": True}, 400, "unsupported_value"),
        (Plan(), {"max_tokens": "many"}, 400, None),
        (Plan(), {"messages": []}, 400, None),
        (Plan(), {"path": "embeddings"}, 404, "unknown_url"),
    ],
)
async def test_refusals_have_openais_form(
    plan: Plan,
    request_fields: dict[str, Any],
    status: int,
    code: str | None,
    openai_server: Start,
    client: aiohttp.ClientSession,
) -> None:
    received, reply = await post(client, openai_server(plan).base_url, **request_fields)
    assert (received, reply["error"]["code"]) == (status, code)
    assert set(reply["error"]) == {"message", "type", "param", "code"}


async def test_a_request_within_all_limits_is_answered(
    openai_server: Start, client: aiohttp.ClientSession
) -> None:
    strict = Plan(api_key="right", context_tokens=2, rejects_n=True)
    status, _ = await post(client, openai_server(strict).base_url, key="right", n=1)
    assert status == 200


async def test_a_context_overflow_is_reported_in_openais_words(
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


# Faults


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
async def test_a_fault_happens_only_in_the_planned_calls(
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
        received = (response.status, response.content_type, text.startswith("{") and text.endswith("}"))

    assert good == 200
    assert received == (status, content_type, valid)
    assert fault.body is None or (fault.body if isinstance(fault.body, str) else fault.body["detail"]) in text


async def test_a_status_can_have_a_retry_after_header(
    openai_server: Start, client: aiohttp.ClientSession
) -> None:
    server = openai_server(Plan(faults=lambda number, request: Fault("status", status=429, retry_after=0.5)))
    body = {"model": "test-model", "messages": [{"role": "user", "content": "Say it."}]}
    async with client.post(f"{server.base_url}/chat/completions", json=body) as response:
        assert (response.status, response.headers["Retry-After"]) == (429, "0.5")


async def test_a_reset_ends_the_connection(openai_server: Start, client: aiohttp.ClientSession) -> None:
    server = openai_server(Plan(faults=lambda number, request: Fault("reset") if number == 1 else None))
    with pytest.raises(aiohttp.ClientError):
        await post(client, server.base_url)
    status, _ = await post(client, server.base_url)

    assert status == 200
    assert [(call.status, call.answered is None) for call in server.calls] == [(0, True), (200, False)]


async def test_the_server_ends_while_a_call_hangs(client: aiohttp.ClientSession) -> None:
    with serve(Plan(faults=lambda number, request: Fault("hang"))) as server:
        call = asyncio.create_task(post(client, server.base_url))
        await asyncio.wait([call], timeout=0.1)
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


# The record of calls


async def test_calls_are_recorded_without_the_key(
    openai_server: Start, client: aiohttp.ClientSession
) -> None:
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


async def test_calls_wait_for_their_latency_at_the_same_time(
    openai_server: Start, client: aiohttp.ClientSession
) -> None:
    # given: the first call waits longest
    server = openai_server(Plan(latency=lambda number, request: 0.1 * (4 - number)))
    # when
    await asyncio.gather(*(post(client, server.base_url) for _ in range(4)))
    # then
    answered = [call.answered for call in server.calls if call.answered]
    assert server.in_flight_peak == 4
    assert answered == sorted(answered, reverse=True)


def test_a_taken_port_is_an_error(openai_server: Start) -> None:
    taken = int(openai_server(Plan()).base_url.split(":")[2].split("/")[0])
    with pytest.raises(OSError), serve(Plan(), port=taken):
        pass


# In a process of its own


async def test_the_log_holds_all_calls_that_ended_before_the_kill(
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
