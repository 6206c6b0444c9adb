"""The server under load and in bad company: many clients, a full queue, keys, limits, and clients that go away."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable

import aiohttp
import pytest
from openai_server import Fault, Plan, Server
from served import served

from fusion_eval.errors import ConfigError
from fusion_eval.serve import server
from fusion_eval.serve.options import ServeOptions
from fusion_eval.serve.server import serve

CHAT = "/chat/completions"


def question(text: str = "Why?", model: str = "fusion", **options: object) -> dict[str, object]:
    return {"model": model, "messages": [{"role": "user", "content": text}], **options}


async def until(condition: Callable[[], bool], seconds: float = 10) -> None:
    """Wait until a condition holds."""
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:  # noqa: ASYNC110 - the server runs in another thread
        await asyncio.sleep(0.01)


@pytest.fixture
def start(openai_server: Callable[[Plan], Server]) -> Callable[..., Server]:
    return lambda **plan: openai_server(Plan(**plan))


async def post(http: aiohttp.ClientSession, url: str, body: object) -> tuple[int, dict, dict]:
    async with http.post(url, json=body) as response:
        return response.status, await response.json(), dict(response.headers)


@pytest.mark.slow
async def test_500_clients_at_a_time_get_500_answers(start: Callable[..., Server]) -> None:
    # given
    upstream = start(reply=lambda request, index: request["messages"][-1]["content"][-400:])
    with served("single", model="test-model", base_url=upstream.base_url, n=1) as url:
        # when
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(connector=connector) as http:
            replies = await asyncio.gather(
                *(post(http, url + CHAT, question(f"question {i}", "single")) for i in range(500))
            )
    # then
    assert [status for status, _, _ in replies] == [200] * 500
    texts = [body["choices"][0]["message"]["content"] for _, body, _ in replies]
    assert texts == [f"question {i}" for i in range(500)]
    assert upstream.in_flight_peak <= 64


async def test_a_full_queue_sends_clients_away_with_a_time_to_wait(start: Callable[..., Server]) -> None:
    upstream = start(latency=0.5)
    limits = {"max_requests": 2}
    with served("single", limits=limits, model="test-model", base_url=upstream.base_url, n=1) as url:
        async with aiohttp.ClientSession() as http:
            replies = await asyncio.gather(
                *(post(http, url + CHAT, question(f"question {i}", "single")) for i in range(5))
            )
    assert sorted(status for status, _, _ in replies) == [200, 200, 429, 429, 429]
    for status, body, headers in replies:
        if status == 429:
            assert body["error"]["code"] == "queue_full"
            assert int(headers["Retry-After"]) >= 1


async def test_a_client_that_goes_away_cancels_its_calls(start: Callable[..., Server]) -> None:
    # given
    upstream = start(faults=lambda number, request: Fault("hang"))
    with served("fusion", model="test-model", base_url=upstream.base_url) as url:
        async with aiohttp.ClientSession() as http:
            # when
            asking = asyncio.ensure_future(post(http, url + CHAT, question()))
            await until(lambda: bool(upstream.calls))
            asking.cancel()
            # then
            await until(lambda: not upstream._in_flight)
            async with http.get(url.replace("/v1", "/healthz")) as health:
                in_work = (await health.json())["requests_in_work"]
    assert upstream._in_flight == 0
    assert in_work == 0
    assert len(upstream.calls) == 1


async def test_clients_need_the_key_and_no_answer_holds_any_key(
    start: Callable[..., Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    # given
    monkeypatch.setenv("CLIENT_KEY", "a-key-for-clients")
    monkeypatch.setenv("UPSTREAM_KEY", "sk-the-key-of-upstream-12345678")
    refusal = {"error": {"message": "Incorrect API key provided: sk-the-key-of-upstream-12345678"}}
    upstream = start(faults=lambda number, request: Fault("status", status=401, body=refusal))
    limits = {"api_key_env": "CLIENT_KEY"}
    model = {"model": "test-model", "base_url": upstream.base_url, "api_key_env": "UPSTREAM_KEY"}
    with served("fusion", limits=limits, **model) as url:
        async with aiohttp.ClientSession() as http:
            # when
            without = await post(http, url + CHAT, question())
            key = {"Authorization": "Bearer a-key-for-clients"}
            async with http.post(url + CHAT, json=question(), headers=key) as response:
                status, text = response.status, await response.text()
            async with http.get(url + "/models") as models:
                unlisted = models.status
            async with http.get(url.replace("/v1", "/healthz")) as health:
                healthy = health.status
    # then
    assert (without[0], without[1]["error"]["code"], unlisted) == (401, "invalid_api_key", 401)
    assert healthy == 200
    assert status in (502, 503)
    assert "the-key-of-upstream" not in text


async def test_metrics_count_requests_tokens_and_calls(start: Callable[..., Server]) -> None:
    upstream = start()
    with served("fusion", model="test-model", base_url=upstream.base_url, n=3) as url:
        async with aiohttp.ClientSession() as http:
            await post(http, url + CHAT, question())
            await post(http, url + CHAT, question(model="fuson"))
            async with http.get(url.replace("/v1", "/metrics")) as response:
                text = await response.text()
    numbers = dict(re.findall(r"^(\S+) (\S+)$", text, re.MULTILINE))
    assert numbers['fusion_eval_requests_total{model="fusion",status="200"}'] == "1"
    assert numbers['fusion_eval_requests_total{model="",status="404"}'] == "1"
    assert numbers["fusion_eval_upstream_calls_total"] == "2"
    assert numbers["fusion_eval_generations_total"] == "4"


def test_a_server_that_others_reach_needs_a_key() -> None:
    with pytest.raises(ConfigError, match="--api_key_env NAME"):
        ServeOptions(("fusion",), host="0.0.0.0")
    with pytest.raises(ConfigError, match="ABSENT is not set"):
        ServeOptions(("fusion",), api_key_env="ABSENT")


def test_a_port_that_is_none_or_taken_is_named(start: Callable[..., Server]) -> None:
    taken = int(start().base_url.rpartition(":")[2].partition("/")[0])
    with pytest.raises(ConfigError, match="--port 99999 is no port"):
        ServeOptions(("fusion",), port=99_999)
    options = ServeOptions(("fusion",), {"model": "m", "base_url": "http://127.0.0.1:9/v1"}, port=taken)
    with pytest.raises(ConfigError, match="Address already in use; choose another"):
        serve(options, lambda line: None)


async def test_a_request_that_does_not_end_delays_the_servers_end_by_the_grace_alone(
    start: Callable[..., Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a request that its model never answers
    monkeypatch.setattr(server, "GRACE", 3.0)
    upstream = start(faults=lambda number, request: Fault("hang"))
    async with aiohttp.ClientSession() as http:
        with served("single", model="test-model", base_url=upstream.base_url, n=1, timeout=60) as url:
            asking = asyncio.ensure_future(post(http, url + CHAT, question(model="single")))
            await until(lambda: bool(upstream.calls))
            # when
            stopped = time.monotonic()
        # then
        assert 2.9 < time.monotonic() - stopped < 5.5
        with pytest.raises(aiohttp.ClientError):
            await asking


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_sigterm_lets_a_request_end_and_exits_with_0(start: Callable[..., Server]) -> None:
    # given
    upstream = start(latency=0.5)
    model = f"model=test-model,base_url={upstream.base_url},cache=off,n=1"
    code = "import sys; from fusion_eval.cli.main import main; sys.exit(main())"
    command = [
        sys.executable,
        "-c",
        code,
        "serve",
        "--strategies",
        "single",
        "--model_args",
        model,
        "--port",
        "0",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        address = re.search(r"http\S+", process.stdout.readline())
        assert address is not None

        async def ask() -> int:
            async with aiohttp.ClientSession() as http:
                asking = asyncio.ensure_future(post(http, address[0] + CHAT, question(model="single")))
                await until(lambda: bool(upstream.calls))
                # when
                process.send_signal(signal.SIGTERM)
                return (await asking)[0]

        # then
        assert asyncio.run(ask()) == 200
        assert process.wait(20) == 0
        assert "Traceback" not in (process.stderr.read() if process.stderr else "")
