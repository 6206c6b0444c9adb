"""Clients that send nonsense, too much, too little or too late get one sentence or a closed connection, and no log."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import Callable, Iterator

import aiohttp
import pytest
from openai_server import Fault, Plan, Server
from served import served

KEY = "sk-the-key-of-upstream-12345678"
PATH = "/v1/chat/completions"
TURNS = [{"role": "user", "content": "Why?"}]
HOST, JSON = "Host: 127.0.0.1", "Content-Type: application/json"


@pytest.fixture
def upstream(openai_server: Callable[[Plan], Server]) -> Server:
    return openai_server(Plan(api_key=KEY, reply=lambda request, index: request["messages"][-1]["content"]))


@pytest.fixture
def url(upstream: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("UPSTREAM_KEY", KEY)
    model = {"model": "test-model", "base_url": upstream.base_url, "api_key_env": "UPSTREAM_KEY", "n": 1}
    with served("single", "fusion", **model) as address:
        yield address


@pytest.fixture
def quiet(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> Iterator[None]:
    """Check that the server logs nothing, neither a traceback nor a key."""
    yield
    assert [record for record in caplog.records if record.levelname in ("WARNING", "ERROR")] == []
    assert capfd.readouterr().err == ""


def head(*headers: str, line: str = f"POST {PATH} HTTP/1.1") -> bytes:
    return "\r\n".join((line, *headers, "", "")).encode()


def request(body: bytes, length: int | None = None) -> bytes:
    size = len(body) if length is None else length
    return head(HOST, JSON, f"Content-Length: {size}") + body


def question(**fields: object) -> bytes:
    return json.dumps({"model": "single", "messages": TURNS, **fields}).encode()


async def talk(url: str, data: bytes, *, end: bool = False) -> tuple[int, dict]:
    """Send bytes and return the status and the JSON of the first response; status 0 if the connection is closed."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2].partition("/")[0]))
    try:
        writer.write(data)
        if end:
            writer.write_eof()
        raw = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 20)).decode()
        length = int(raw.lower().partition("content-length:")[2].split()[0])
        return int(raw.split()[1]), json.loads(await reader.readexactly(length))
    except (asyncio.IncompleteReadError, ConnectionError):
        return 0, {}
    finally:
        writer.close()


@pytest.mark.parametrize(
    ("data", "status", "message"),
    [
        (head(HOST, *(f"X-{i}: {i}" for i in range(200))), 431, "too many headers; the most are 128"),
        (head(HOST, "X-Long: " + "a" * 9_000), 431, "a header of the request is too long"),
        (head(HOST, line=f"GET /v1/{'a' * 9_000} HTTP/1.1"), 431, "The address or a header"),
        (b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", 400, "no valid HTTP request"),
        (head(HOST, line="BREW /v1/models HTTP/1.1"), 400, "Invalid method"),
        (head(HOST, JSON, "Content-Length: -5"), 400, "Invalid character in Content-Length"),
        (head(HOST, JSON, "Content-Length: 3", "Content-Length: 9"), 400, "Duplicate Content-Length"),
        (head(HOST, "Content-Length: 3", "Transfer-Encoding: chunked"), 400, "Transfer-Encoding"),
        (request(question() + b"more than its length says", len(question())), 400, "no valid HTTP request"),
    ],
)  # fmt: skip
async def test_what_is_no_http_gets_one_sentence(
    url: str, quiet: None, data: bytes, status: int, message: str
) -> None:
    code, reply = await talk(url, data)
    assert (code, reply["error"]["type"]) == (status, "invalid_request_error")
    assert message in reply["error"]["message"] and "\n" not in reply["error"]["message"]


@pytest.mark.parametrize(
    ("body", "param", "message"),
    [
        (question(max_tokens=-1), "max_tokens", ">= 1"),
        (question(max_tokens=1.5), "max_tokens", "got `float`"),
        (question(max_tokens=10**30), "max_tokens", "<= 2147483647"),
        (question(n=0), "n", ">= 1"),
        (question(n=10**9), "n", "<= 128"),
        (question(presence_penalty="high"), "presence_penalty", "got `str`"),
        (question(logit_bias={"5": {"deep": []}}), "logit_bias", "got `object`"),
        (question(messages=[5]), "messages", "messages[0]: Expected `object`"),
        (question(messages=[*TURNS, {"role": "user", "content": [{"text": "?"}]}]), "messages", "messages[1].content[0]"),
        (question(messages=[{"role": "usr", "content": "?"}]), "messages", "Did you mean 'user'?"),
        (question(messages=[{"role": "tool", "content": "4"}]), "messages", "call no tools"),
        (question(messages=[{"role": "assistant", "tool_calls": [{}]}]), "messages", "call no tools"),
        (b"[" * 100_000, None, "not a JSON object"),
        (question(metadata=0).replace(b"0", b"[" * 100_000 + b"]" * 100_000), None, "nested too deeply"),
        (question(temperature=0).replace(b"0", b"NaN"), None, "no value begins like this"),
        (question(temperature=0).replace(b"0", b"-Infinity"), None, "no value begins like this"),
        (question(temperature=0).replace(b"0", b"1e999"), None, "too large"),
    ],
)  # fmt: skip
async def test_a_hostile_value_is_named(
    url: str, quiet: None, body: bytes, param: str | None, message: str
) -> None:
    code, reply = await talk(url, request(body))
    assert (code, reply["error"]["param"]) == (400, param)
    assert message in reply["error"]["message"]


async def test_an_unknown_model_is_named_with_the_nearest(url: str, quiet: None) -> None:
    for name in ("fuson", "FUSION", "fusion\n\x1b[31m"):
        code, reply = await talk(url, request(question(model=name)))
        assert (code, reply["error"]["code"]) == (404, "model_not_found")
        assert "Did you mean 'fusion'?" in reply["error"]["message"]
        assert "\n" not in reply["error"]["message"]


async def test_a_long_name_of_a_field_is_not_repeated_in_full(url: str, quiet: None) -> None:
    _, reply = await talk(url, request(question(**{"a\n" * 100_000: 1})))
    assert len(json.dumps(reply)) < 300
    assert "\n" not in reply["error"]["message"]


async def test_half_a_surrogate_pair_is_replaced_and_a_whole_one_is_kept(
    url: str, upstream: Server, quiet: None
) -> None:
    # given
    body = question().replace(b"Why?", rb"\ud83d\ude00 \ud83d \\ud83d \ude00")
    # when
    code, _ = await talk(url, request(body))
    # then
    assert code == 200
    assert upstream.calls[0].body["messages"][0]["content"] == "\U0001f600 \ufffd \\ud83d \ufffd"


async def test_a_body_that_ends_too_early_closes_the_connection(url: str, quiet: None) -> None:
    short = await talk(url, request(question(), len(question()) + 50), end=True)
    following = await talk(url, request(question()))
    assert (short[0], following[0]) == (0, 200)


async def test_a_head_that_does_not_end_closes_the_connection(
    url: str, quiet: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given
    monkeypatch.setattr("fusion_eval.serve.connection.LONGEST_HEAD", 0.05)
    # when
    slow = await talk(url, head(HOST)[:-2] + b"X-Slow: ")
    # then
    assert slow[0] == 0
    async with aiohttp.ClientSession() as http:
        for _ in range(2):  # a connection with a request is kept
            async with http.get(f"{url}/models") as response:
                assert response.status == 200
            await asyncio.sleep(0.1)
        assert len(http.connector._conns) == 1  # type: ignore[union-attr]


async def test_a_client_that_takes_nothing_of_its_answer_is_left(
    openai_server: Callable[[Plan], Server], quiet: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given
    monkeypatch.setattr("fusion_eval.serve.connection.LONGEST_STALL", 0.05)
    upstream = openai_server(Plan(reply=lambda *_: "x" * 3_500_000))
    with served("single", model="test-model", base_url=upstream.base_url, n=1) as url:
        address = ("127.0.0.1", int(url.rpartition(":")[2].partition("/")[0]))
        with socket.create_connection(address, timeout=20) as client:
            # when
            client.sendall(request(question(stream=True, n=4)))
            metrics = ""
            async with aiohttp.ClientSession() as http:
                while 'status="499"' not in metrics:
                    await asyncio.sleep(0.01)
                    async with http.get(url.replace("/v1", "/metrics")) as response:
                        metrics = await response.text()
            taken = 0
            with contextlib.suppress(ConnectionResetError):
                while piece := client.recv(2**20):
                    taken += len(piece)
    # then
    assert "fusion_eval_requests_in_work 0\n" in metrics
    assert taken < 4 * 3_500_000


async def test_a_stream_whose_client_leaves_cancels_its_calls_and_frees_its_slots(
    openai_server: Callable[[Plan], Server], quiet: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given
    monkeypatch.setattr("fusion_eval.serve.app.KEEP_ALIVE", 0.01)
    upstream = openai_server(Plan(faults=lambda number, _: Fault("hang") if number == 1 else None))
    model = {"model": "test-model", "base_url": upstream.base_url, "n": 1, "concurrency": 1}
    with served("single", **model) as url:
        async with aiohttp.ClientSession() as http:
            # when
            async with http.post(f"{url}/chat/completions", json=json.loads(question(stream=True))) as stream:
                beginning = await stream.content.readline()
                stream.close()
            following, _ = await talk(url, request(question(seed=1)))
            # then
            async with http.get(url.replace("/v1", "/metrics")) as response:
                metrics = await response.text()
    assert beginning.startswith(b": waiting")
    assert following == 200
    assert 'fusion_eval_requests_total{model="single",status="499"} 1\n' in metrics
    assert "fusion_eval_requests_in_work 0\n" in metrics


async def test_an_upstream_that_repeats_its_key_is_not_repeated(
    openai_server: Callable[[Plan], Server],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    # given
    monkeypatch.setenv("UPSTREAM_KEY", KEY)
    body = {"error": {"message": f"no access with {KEY}"}}
    upstream = openai_server(Plan(faults=lambda *_: Fault("status", status=400, body=body)))
    model = {"model": "test-model", "base_url": upstream.base_url, "api_key_env": "UPSTREAM_KEY"}
    # when
    with served("single", n=1, max_retries=0, **model) as url:
        replies = [await talk(url, request(question(**option))) for option in ({}, {"x-fusion-eval": True})]
    # then
    assert all(code >= 400 for code, _ in replies)
    texts = json.dumps(replies) + caplog.text + "".join(capfd.readouterr())
    assert "no access with" in texts and "the-key-of-upstream" not in texts
