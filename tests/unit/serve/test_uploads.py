"""Bodies that are broken or slow: each gets a clear error, and others are answered meanwhile."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

import aiohttp
import pytest
from openai_server import Plan, Server
from served import served

BODY = json.dumps({"model": "single", "messages": [{"role": "user", "content": "Why?"}]}).encode()


class RawRequest:
    """A request that is written to a socket byte by byte."""

    def __init__(self, url: str, *headers: str) -> None:
        self._port = int(url.rpartition(":")[2].partition("/")[0])
        lines = ("POST /v1/chat/completions HTTP/1.1", "Host: 127.0.0.1", "Content-Type: application/json")
        self._head = "\r\n".join((*lines, *headers, "", "")).encode()

    async def start(self, body: bytes) -> RawRequest:
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        self._writer.write(self._head)
        await self._writer.drain()
        await asyncio.sleep(0.05)  # the handler has begun before the body arrives
        self._writer.write(body)
        await self._writer.drain()
        return self

    async def error(self) -> tuple[int, dict[str, str]]:
        """Return the status and the error of the response."""
        head = (await asyncio.wait_for(self._reader.readuntil(b"\r\n\r\n"), 20)).decode()
        length = int(head.lower().partition("content-length:")[2].split()[0])
        body = json.loads(await self._reader.readexactly(length))
        return int(head.split()[1]), body["error"]

    async def close(self) -> None:
        self._writer.close()
        await self._writer.wait_closed()


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
async def test_a_broken_body_is_the_clients_mistake(
    encoding: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    # given
    headers = f"Content-Encoding: {encoding}", "Content-Length: 7"
    with served("single", model="test-model", base_url="http://127.0.0.1:9/v1", n=1) as url:
        # when
        request = await RawRequest(url, *headers).start(b"garbage")
        status, error = await request.error()
        await request.close()
    # then
    assert (status, error["type"]) == (400, "invalid_request_error")
    assert "The body cannot be read" in error["message"]
    assert "Traceback" not in caplog.text + "".join(capfd.readouterr())


async def test_a_body_with_broken_chunks_is_ended_as_too_slow(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    # given
    monkeypatch.setattr("fusion_eval.serve.uploads.LONGEST_UPLOAD", 0.3)
    with served("single", model="test-model", base_url="http://127.0.0.1:9/v1", n=1) as url:
        # when
        request = await RawRequest(url, "Transfer-Encoding: chunked").start(b"no length\r\nand no end\r\n")
        status, error = await request.error()
        await request.close()
    # then
    assert (status, error["type"]) == (408, "invalid_request_error")
    assert "Traceback" not in caplog.text


async def test_slow_uploads_take_no_places_in_the_queue(openai_server: Callable[[Plan], Server]) -> None:
    # given
    upstream = openai_server(Plan())
    limits = {"max_requests": 2}
    with served("single", limits=limits, model="test-model", base_url=upstream.base_url, n=1) as url:
        slow = [await RawRequest(url, "Content-Length: 1000").start(b"{") for _ in range(5)]
        # when
        status = await post(url)
        # then
        for request in slow:
            await request.close()
    assert status == 200


async def test_the_oldest_of_too_many_uploads_is_ended(
    openai_server: Callable[[Plan], Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    # given
    monkeypatch.setattr("fusion_eval.serve.uploads.MOST_UPLOADS", 2)
    upstream = openai_server(Plan())
    with served("single", model="test-model", base_url=upstream.base_url, n=1) as url:
        oldest, newer = [await RawRequest(url, "Content-Length: 1000").start(b"{") for _ in range(2)]
        # when
        third = await RawRequest(url, f"Content-Length: {len(BODY)}").start(BODY[:5])
        status, error = await oldest.error()
        answered = await post(url)
        # then
        for request in (oldest, newer, third):
            await request.close()
    assert (status, answered) == (408, 200)
    assert "send it again" in error["message"]


async def post(url: str) -> int:
    headers = {"Content-Type": "application/json"}
    async with (
        aiohttp.ClientSession() as http,
        http.post(f"{url}/chat/completions", data=BODY, headers=headers) as response,
    ):
        return response.status
