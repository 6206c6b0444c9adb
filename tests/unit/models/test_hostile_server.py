"""A hostile server ends a call soon, with an answer or an error, and fills no memory."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import sys
import tracemalloc
import zlib
from collections.abc import AsyncIterator, Iterable
from itertools import chain, repeat

import pytest
from doors import PROMPT, SAMPLING, door_to

from fusion_eval.errors import FusionEvalError
from fusion_eval.models.http.response import unpacked
from fusion_eval.text.printable import printable

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n"
CHUNK = b"10000\r\n" + b"x" * 65536 + b"\r\n"
MEMORY = 100 << 20
"""Bytes that one call may add to the process."""
PACKED = zlib.compress(bytes(64 << 20), 1)
"""64 MB, packed into less than 300 KB."""


def whole(body: bytes, status: bytes = b"200 OK") -> Iterable[bytes]:
    return [b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n" % (status, len(body)) + body]


REPLIES: dict[str, Iterable[bytes]] = {
    "a header without an end": chain([OK + b"X-A: "], repeat(b"a" * 65536)),
    "headers without an end": chain([OK], repeat(b"X-A: a\r\n" * 5_000)),
    "trailers without an end": chain([CHUNKED + b"\r\n1\r\n{\r\n0\r\n"], repeat(b"X-T: a\r\n" * 5_000)),
    "chunks without an end": chain([CHUNKED + b"\r\n"], repeat(CHUNK)),
    "chunks of one byte": chain([CHUNKED + b"\r\n"], repeat(b"1\r\nx\r\n" * 5_000)),
    "a body without an end": chain([OK + b"\r\n"], repeat(b"x" * 65536)),
    "interim answers without an end": repeat(b"HTTP/1.1 100 Continue\r\n\r\n" * 100),
    "a packed body that is far larger": whole(PACKED, b"200 OK\r\nContent-Encoding: deflate"),
    "a packed error that is far larger": whole(PACKED, b"400 X\r\nContent-Encoding: deflate"),
    "an unknown packing": whole(b"\x0b\x02\x80abc\x03", b"200 OK\r\nContent-Encoding: br"),
    "brackets without an end": whole(b"[" * 30_000_000),
    "deep errors": whole(b'{"error":' * 200_000 + b"1" + b"}" * 200_000, b"400 Bad"),
    "a status that does not exist": whole(b"x", b"999 Zz"),
    "an answer without content": [b"HTTP/1.1 204 No Content\r\n\r\n"],
    "control codes in a header": [b"HTTP/1.1 500 \x1b[31mX\r\nX: \x00\r\n\r\n"],
    "no HTTP at all": [os.urandom(2_000)],
    "an old protocol": [b"hello"],
    "silence": [],
}


@contextlib.asynccontextmanager
async def server(parts: Iterable[bytes]) -> AsyncIterator[str]:
    """Serve these bytes for each request, and yield the base URL."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, EOFError):
            await reader.readuntil(b"\r\n\r\n")
            for part in parts:
                writer.write(part)
                await writer.drain()
        writer.close()

    serving = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{serving.sockets[0].getsockname()[1]}/v1"
    finally:
        serving.close()


@pytest.mark.parametrize("reply", REPLIES)
async def test_a_call_ends_soon_and_in_bounded_memory(reply: str) -> None:
    before = _largest_memory()
    async with server(REPLIES[reply]) as url, door_to(url, timeout=1.0) as door:
        try:
            await asyncio.wait_for(door.sample(PROMPT, SAMPLING, 1), timeout=20)
        except FusionEvalError as error:
            assert str(error) == printable(str(error))
    assert _largest_memory() - before < MEMORY


def test_a_packed_body_is_unpacked_no_further_than_it_may_be() -> None:
    tracemalloc.start()
    plain = unpacked(PACKED, "deflate", 1000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(plain) == 1001
    assert peak < 500_000


def _largest_memory() -> int:
    """Return the most bytes that this process has held so far."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
