"""The litellm door follows no redirect, and no message of a provider crashes it or holds it up."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator, Callable

import httpx
import pytest
from aiohttp import web
from doors import PROMPT, SAMPLING
from openai_server import Plan, Server

from fusion_eval.errors import FusionEvalError, RequestError
from fusion_eval.models.http.bounds import LARGEST, LARGEST_ERROR
from fusion_eval.models.litellm.bounded import BoundedTransport, largest_reply_now
from fusion_eval.models.litellm.door import LiteLLMModel
from fusion_eval.models.litellm.errors import message_of
from fusion_eval.types import Prompt, Sampling

KEY = "unit0123456789abcdef"
Start = Callable[[Plan], Server]


@pytest.mark.parametrize(
    "name", ["hosted_vllm/m", "openai/m", "anthropic/m", "gemini/m", "azure/m", "mistral/m"]
)
async def test_no_redirect_is_followed(
    name: str, openai_server: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keys in headers such as x-api-key would travel to the other host."""
    # given a server that redirects every request to another one
    other = openai_server(Plan())
    host = other.base_url.replace("127.0.0.1", "localhost")
    body, status = web.Response, 307
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", lambda _: _redirect(body, status, host))
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    provider = name.partition("/")[0].upper()
    monkeypatch.setenv(f"{provider}_API_BASE", url)
    monkeypatch.setenv(f"{provider}_API_KEY", KEY)
    monkeypatch.setenv("AZURE_API_VERSION", "2024-02-01")
    # when
    door = LiteLLMModel(name, timeout=5.0)
    with pytest.raises(FusionEvalError):
        await door.sample(Prompt("Hi"), Sampling(max_tokens=20, temperature=0.7, seed=3), 1)
    await door.close()
    await runner.cleanup()
    # then
    assert other.calls == ()


async def _redirect(response: type[web.Response], status: int, host: str) -> web.Response:
    return response(status=status, headers={"Location": f"{host}/chat/completions"})


def test_an_invalid_escape_in_a_message_of_a_provider_is_no_crash() -> None:
    text = message_of('litellm.BadRequestError: {"error": {"message": "bad \\q escape"}}')
    assert "escape" in text


@pytest.mark.parametrize(
    "text", [" " * 200_000, '"message":' * 50_000, "To drop " * 50_000, "Error: " * 50_000]
)
def test_a_long_message_is_read_in_bounded_time(text: str) -> None:
    assert len(message_of(text)) <= 300


def test_the_query_of_a_providers_address_is_no_part_of_the_identity(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOSTED_VLLM_API_BASE", f"http://me:{KEY}@host/v1?api-key={KEY}")
    assert LiteLLMModel("hosted_vllm/m").identity == "litellm|hosted_vllm/m|chat|http://host/v1"


class Endless(httpx.AsyncByteStream):
    """A body without an end, which counts what is read of it."""

    def __init__(self, part: bytes) -> None:
        self.part, self.read = part, 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            self.read += len(self.part)
            yield self.part


def client_of(response: httpx.Response) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=BoundedTransport(httpx.MockTransport(lambda _: response)))


@pytest.mark.parametrize("packed", [False, True])
async def test_an_answer_without_an_end_is_not_read_on(packed: bool) -> None:
    # given
    part, headers = (
        (gzip.compress(bytes(1 << 24)), {"Content-Encoding": "gzip"}) if packed else (b"x" * 999, {})
    )
    body = Endless(part)
    largest_reply_now.set(10_000)
    # when
    async with client_of(httpx.Response(200, headers=headers, stream=body)) as client:
        with pytest.raises(httpx.ReadError, match="more than 0 MB in one answer"):
            await client.get("http://here")
    # then
    assert body.read < 20_000


async def test_of_an_error_without_an_end_the_beginning_is_kept() -> None:
    async with client_of(httpx.Response(400, stream=Endless(b"bad option "))) as client:
        response = await client.get("http://here")
    assert response.text.startswith("bad option bad option")
    assert len(response.content) == LARGEST_ERROR


async def test_a_compressed_answer_is_unpacked() -> None:
    body = gzip.compress(b'{"answer": 4}')
    async with client_of(
        httpx.Response(200, headers={"Content-Encoding": "gzip"}, stream=httpx.ByteStream(body))
    ) as client:
        assert (await client.get("http://here")).json() == {"answer": 4}


async def test_a_compression_that_nobody_asked_for_is_an_error() -> None:
    response = httpx.Response(200, headers={"Content-Encoding": "br"}, stream=Endless(b"x"))
    async with client_of(response) as client:
        with pytest.raises(httpx.DecodingError, match="compressed its answer as br"):
            await client.get("http://here")


class InParts(httpx.AsyncByteStream):
    """A body that arrives in parts of 1,000 bytes."""

    def __init__(self, body: bytes) -> None:
        self.body = body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for start in range(0, len(self.body), 1000):
            yield self.body[start : start + 1000]


async def read(body: bytes) -> bytes:
    async with client_of(httpx.Response(200, stream=InParts(body))) as client:
        return (await client.get("http://server.test/")).content


async def test_an_answer_that_is_nested_without_end_is_refused_before_litellm_walks_it() -> None:
    # given a field that nobody knows
    largest_reply_now.set(LARGEST)
    body = b'{"text": "]]]]]]", "unknown": ' + b"[" * 300_000 + b"]" * 300_000 + b"}"
    # when / then
    with pytest.raises(httpx.ReadError, match="nested deeper than 200 levels"):
        await read(body)


@pytest.mark.parametrize(
    "body", [b'{"text": "' + b"[{" * 9_999 + b'\\"["}', b'["\\"[' * 9_999, b"[{}]" * 999]
)
async def test_brackets_in_texts_and_side_by_side_are_no_nesting(body: bytes) -> None:
    # given brackets in a text, in a text without an end, or in lists beside each other
    largest_reply_now.set(LARGEST)
    # when / then
    assert await read(body) == body


async def test_an_answer_nested_without_end_is_an_error_that_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    # given a server whose answer has a field that is nested 300,000 deep
    body = b'{"unknown": ' + b"[" * 300_000 + b"]" * 300_000 + b"}"

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as serving:
        port = serving.sockets[0].getsockname()[1]
        monkeypatch.setenv("HOSTED_VLLM_API_BASE", f"http://127.0.0.1:{port}/v1")
        # when
        door = LiteLLMModel("hosted_vllm/test-model", timeout=30.0)
        with pytest.raises(RequestError) as caught:
            await door.sample(PROMPT, SAMPLING, 1)
        await door.close()
    # then
    assert str(caught.value) == (
        "hosted_vllm/test-model answered in a form that cannot be read: "
        "the server sent an answer that is nested deeper than 200 levels"
    )
