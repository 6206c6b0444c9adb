"""A malformed request gets OpenAI's error form with a clear message, never a traceback."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from typing import Any

import aiohttp
import pytest
from openai_server import Plan, Server
from served import served

CHAT, TEXT = "/chat/completions", "/completions"
TURNS = [{"role": "user", "content": "Why?"}]


@pytest.fixture(scope="module")
def base_url() -> Iterator[str]:
    limits = {"max_body": 10_000}
    with served(
        "fusion", limits=limits, model="test-model", base_url="http://127.0.0.1:9/v1", max_retries=0
    ) as url:
        yield url


async def send(url: str, body: bytes, kind: str = "application/json") -> tuple[int, dict[str, Any]]:
    async with (
        aiohttp.ClientSession() as http,
        http.post(url, data=body, headers={"Content-Type": kind}) as response,
    ):
        return response.status, (await response.json())["error"]


@pytest.mark.parametrize(
    ("path", "fields", "param", "message"),
    [
        (CHAT, {"messages": TURNS}, None, "missing required field `model`"),
        (CHAT, {"model": "fusion"}, None, "missing required field `messages`"),
        (CHAT, {"model": "fusion", "messages": []}, "messages", "length >= 1"),
        (CHAT, {"model": "fusion", "messages": "Why?"}, "messages", "Expected `array`"),
        (CHAT, {"model": "fusion", "messages": [{"role": "wizard", "content": "?"}]}, "messages", "wizard"),
        (CHAT, {"model": "fusion", "messages": [{"role": "user"}]}, "messages", "role 'user' needs content"),
        (CHAT, {"model": "fusion", "messages": TURNS, "temperature": "hot"}, "temperature", "got `str`"),
        (CHAT, {"model": "fusion", "messages": TURNS, "max_tokens": 0}, "max_tokens", ">= 1"),
        (CHAT, {"model": "fusion", "messages": TURNS, "n": 1000}, "n", "<= 128"),
        (CHAT, {"model": "fusion", "messages": TURNS, "seed": -1}, "seed", ">= 0"),
        (CHAT, {"model": "fusion", "messages": TURNS, "max_tokns": 5}, "max_tokns", "Did you mean 'max_tokens'?"),
        (CHAT, {"model": "fusion", "messages": TURNS, "tools": [{}]}, "tools", "call no tools"),
        (CHAT, {"model": "fusion", "messages": TURNS, "logprobs": True}, "logprobs", "x-fusion-eval"),
        (TEXT, {"model": "fusion", "prompt": [1, 2, 3]}, "prompt", "Expected `str`"),
        (TEXT, {"model": "fusion", "prompt": "x", "echo": True, "logprobs": 0}, "echo", "cannot be served"),
        (TEXT, {"model": "fusion", "prompt": ["x"] * 100, "n": 2}, "prompt", "more than 128"),
    ],
)  # fmt: skip
async def test_a_wrong_field_is_named(
    base_url: str, path: str, fields: dict, param: str | None, message: str
) -> None:
    status, error = await send(base_url + path, json.dumps(fields).encode())
    assert (status, error["type"], error["param"]) == (400, "invalid_request_error", param)
    assert message in error["message"]


async def test_an_image_is_refused(base_url: str) -> None:
    parts = [{"type": "text", "text": "What is it?"}, {"type": "image_url", "image_url": {"url": "data:,"}}]
    body = {"model": "fusion", "messages": [{"role": "user", "content": parts}]}
    status, error = await send(base_url + CHAT, json.dumps(body).encode())
    assert status == 400
    assert "image_url" in error["message"]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff\xfe", b"[" * 5000, b'{"model": "\xff"}'])
async def test_a_body_that_is_no_json_object_is_refused(base_url: str, body: bytes) -> None:
    status, error = await send(base_url + CHAT, body)
    assert status == 400
    assert "not a JSON object" in error["message"]


async def test_other_models_paths_types_and_sizes_are_refused(base_url: str) -> None:
    asked = json.dumps({"model": "fuson", "messages": TURNS}).encode()
    unknown_model = await send(base_url + CHAT, asked)
    unknown_path = await send(base_url + "/chat/completion", asked)
    responses = await send(base_url + "/responses", asked)
    form = await send(base_url + CHAT, asked, "text/plain")
    too_large = await send(base_url + CHAT, b" " * 20_000)
    assert (unknown_model[0], unknown_model[1]["code"]) == (404, "model_not_found")
    assert "Did you mean 'fusion'?" in unknown_model[1]["message"]
    assert "There is no POST /v1/chat/completion;" in unknown_path[1]["message"]
    assert "set your client to chat completions" in responses[1]["message"]
    assert (unknown_path[0], form[0], too_large[0]) == (404, 415, 413)
    assert "10,000 bytes" in too_large[1]["message"]


async def test_options_that_name_files_and_addresses_are_the_servers_alone(base_url: str) -> None:
    asked = json.dumps({"model": "fusion(prompt=/etc/passwd)", "messages": TURNS}).encode()
    status, error = await send(base_url + CHAT, asked)
    assert (status, error["code"]) == (404, "model_not_found")


async def test_an_endpoint_that_is_down_is_an_error_of_the_server(base_url: str) -> None:
    asked = json.dumps({"model": "fusion", "messages": TURNS}).encode()
    status, error = await send(base_url + CHAT, asked)
    assert (status, error["type"]) == (503, "server_error")


async def test_an_error_after_the_start_of_a_stream_is_an_event(
    base_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given
    monkeypatch.setattr("fusion_eval.serve.app.KEEP_ALIVE", 0.0)
    body = {"model": "fusion", "messages": TURNS, "stream": True}
    # when
    async with aiohttp.ClientSession() as http, http.post(base_url + CHAT, json=body) as response:
        text = await response.text()
    # then
    assert response.status == 200
    assert text.startswith(": waiting")
    assert json.loads(text.split("data: ")[1])["error"]["type"] == "server_error"
    assert text.endswith("data: [DONE]\n\n")


async def test_a_page_that_points_its_own_name_to_this_machine_is_refused(base_url: str) -> None:
    body = json.dumps({"model": "fusion", "messages": TURNS})
    headers = {"Content-Type": "application/json", "Host": "pages.example:8000"}
    async with aiohttp.ClientSession() as http:
        async with http.post(base_url + CHAT, data=body, headers=headers) as response:
            assert response.status == 403
            assert "set --api_key_env" in (await response.json())["error"]["message"]
        async with http.get(base_url + "/models", headers={"Host": "localhost"}) as response:
            assert response.status == 200


async def test_a_long_name_is_not_repeated_in_full(base_url: str) -> None:
    status, error = await send(base_url + CHAT, json.dumps({"model": "m" * 5000, "messages": TURNS}).encode())
    assert status == 404
    assert len(error["message"]) <= 1000


async def test_a_bug_in_the_midst_of_a_stream_is_an_event(
    base_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given
    async def fail(*_: object) -> None:
        await asyncio.sleep(0.05)
        raise ValueError("a bug")

    monkeypatch.setattr("fusion_eval.serve.app.KEEP_ALIVE", 0.0)
    monkeypatch.setattr("fusion_eval.serve.engine.gather_or_cancel", fail)
    body = {"model": "fusion", "messages": TURNS, "stream": True}
    # when
    async with aiohttp.ClientSession() as http, http.post(base_url + CHAT, json=body) as response:
        text = await response.text()
    # then
    assert response.status == 200
    assert text.count("HTTP/1.1") == 0
    assert "the server has failed" in text.lower() and text.endswith("data: [DONE]\n\n")


async def test_missing_log_probabilities_cost_one_candidate_and_not_a_pool(
    openai_server: Callable[[Plan], Server],
) -> None:
    # given an endpoint without log-probabilities
    upstream = openai_server(Plan(logprobs=False))
    asked = json.dumps({"model": "bon(scorer=logprob)", "messages": TURNS}).encode()
    # when
    with served("bon(scorer=logprob)", model="test-model", base_url=upstream.base_url, n=4) as url:
        _, error = await send(url + CHAT, asked)
    # then
    assert "test-model reports none; use scorer=chrf, or scorer=judge" in error["message"]
    assert [call.body.get("n") or 1 for call in upstream.calls] == [1]
