"""What the HTTP client makes of a response's bytes, however they are split, framed and packed."""

from __future__ import annotations

import asyncio
import gzip
import tracemalloc

import aiohttp
import pytest
from http_messages import PLACES, Message, messages, split
from hypothesis import given
from hypothesis import strategies as st
from raw_server import OK, answering, serving, whole

from fusion_eval.models.http.bounds import LARGEST_ERROR
from fusion_eval.models.http.channel import Channel
from fusion_eval.models.http.direct import DirectClient
from fusion_eval.models.http.response import PACKINGS, Response, TooLargeError

LIMIT = 100_000
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n"
ANSWER = b'{"answer": 7}'


async def response_to(*parts: bytes, closes: bool = False, largest: int = LIMIT) -> Response:
    """Return the response of a server that sends these parts."""
    async with serving(answering(*parts, closes=closes)) as server:
        client = DirectClient(server.url, {}, 5.0)
        try:
            return await client.request("POST", "x", b"{}", largest)
        finally:
            await client.close()


class Wire(asyncio.Transport):
    """A transport on which the bytes of a response arrive in given parts."""

    def __init__(self, channel: Channel, parts: list[bytes]) -> None:
        super().__init__()
        self._channel, self._parts = channel, parts
        channel.connection_made(self)

    def write(self, data: object) -> None:
        for part in self._parts:
            self._channel.data_received(part)
        if not self._channel.usable:
            self._channel.connection_lost(None)

    def get_write_buffer_size(self) -> int:
        return 0

    def abort(self) -> None:
        self._parts = []


def parsed(parts: list[bytes]) -> tuple[Response, bool]:
    """Return the response that arrives in these parts, and whether the connection can be used again."""

    async def exchange() -> tuple[Response, bool]:
        channel = Channel()
        Wire(channel, parts)
        return await channel.exchange(b"", LIMIT, 5.0), channel.usable

    return asyncio.run(exchange())


# Any response


@given(messages("length chunked"), PLACES)
def test_a_response_is_the_same_however_it_is_split(message: Message, places: list[int]) -> None:
    assert parsed(split(message.data, places)) == parsed([message.data])
    assert parsed([bytes([byte]) for byte in message.data]) == parsed([message.data])


@given(messages(), PLACES)
def test_a_response_is_what_aiohttp_reads(message: Message, places: list[int]) -> None:
    async def both() -> tuple[Response, Response]:
        parts = split(message.data, places)
        async with serving(answering(*parts, closes=message.closes)) as server:
            client = DirectClient(server.url, {}, 5.0)
            ours = await client.request("POST", "x", b"{}", LIMIT)
            await client.close()
            headers = {"Accept-Encoding": PACKINGS}
            async with (
                aiohttp.ClientSession(headers=headers) as session,
                session.post(f"{server.url}/x", data=b"{}") as response,
            ):
                fields = {name.lower(): value for name, value in response.raw_headers}
                return ours, Response(response.status, await response.read(), fields)

    ours, theirs = asyncio.run(both())
    assert ours == theirs


@given(messages("length chunked"), messages("length chunked"), st.integers(1, 2000))
def test_what_follows_a_response_is_never_the_next_ones_answer(
    message: Message, second: Message, length: int
) -> None:
    """A proxy that mixes up its connections sends the answer to somebody else's request."""
    response, usable = parsed([message.data + second.data[:length]])
    assert response == parsed([message.data])[0]
    assert not usable


# One response after another


@pytest.mark.parametrize(
    "stray",
    [whole(b"stray"), b"HTTP/1.1 200 OK\r\n", b"H", b"\x00"],
    ids=["whole", "a line", "a letter", "no HTTP"],
)
async def test_a_response_behind_the_first_costs_only_the_connection(stray: bytes) -> None:
    async with serving(answering(whole(ANSWER) + stray)) as server:
        client = DirectClient(server.url, {}, 5.0)
        bodies = [(await client.request("POST", "x", b"{}", LIMIT)).body for _ in range(3)]
        await client.close()
    assert bodies == [ANSWER] * 3
    assert server.connections == 3


async def test_a_trailer_is_no_header_of_the_next_response() -> None:
    sent = CHUNKED + b"\r\n2\r\n{}\r\n0\r\nContent-Encoding: gzip\r\n\r\n"
    async with serving(answering(sent)) as server:
        client = DirectClient(server.url, {}, 5.0)
        for _ in range(2):
            response = await client.request("POST", "x", b"{}", LIMIT)
            assert response == Response(200, b"{}", {b"transfer-encoding": b"chunked"})
        await client.close()
    assert server.connections == 1


async def test_a_connection_that_the_server_ends_is_not_used_again_even_before_it_is_closed() -> None:
    channel = Channel()
    Wire(channel, [])
    channel.eof_received()
    assert not channel.usable


# Single forms


@pytest.mark.parametrize(
    ("sent", "status", "body"),
    [
        (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b""),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", 304, b""),
        (b"HTTP/1.1 401 No\r\nContent-Encoding: gzip\r\nContent-Length: 0\r\n\r\n", 401, b""),
        (b"HTTP/1.1 204 No Content\r\nContent-Encoding: gzip\r\n\r\n", 204, b""),
        (whole(b"?", b"HTTP/1.1 401 No\r\nContent-Encoding: br\r\n"), 401, b""),
        (whole(b"?", b"HTTP/1.1 401 No\r\nContent-Encoding: gzip\r\n"), 401, b""),
        (whole(ANSWER, OK + b"Upgrade: h2c\r\nConnection: Upgrade\r\n"), 200, ANSWER),
        (CHUNKED + b"\r\n2\r\n{}\r\n0\r\nContent-Encoding: gzip\r\n\r\n", 200, b"{}"),
        (b"HTTP/1.1 103 Hints\r\n\r\n" * 3 + whole(b"x" * 70_000), 200, b"x" * 70_000),
    ],
    ids=[
        *(
            "204",
            "304",
            "empty and packed",
            "204 and packed",
            "an error packed otherwise",
            "an error packed badly",
        ),
        *("an offer to upgrade", "a trailer like a header", "a long body behind hints"),
    ],
)
async def test_a_response_of_an_unusual_form_is_read(sent: bytes, status: int, body: bytes) -> None:
    response = await response_to(sent)
    assert (response.status, response.body) == (status, body)


@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
async def test_a_body_without_a_length_ends_with_the_connection(version: bytes) -> None:
    response = await response_to(b"HTTP/%b 200 OK\r\n\r\n{" % version, b"}", closes=True)
    assert response.body == b"{}"


@pytest.mark.parametrize(
    ("sent", "message"),
    [
        (b"", "the server closed the connection"),
        (OK + b"Content-Le", "the server closed the connection"),
        (OK + b"Content-Length: 3\r\n\r\n{}", "the server closed the connection"),
        (CHUNKED + b"\r\n2\r\n{}\r\n", "the server closed the connection"),
        (b"HTTP/1.1 100 Continue\r\n\r\n", "the server closed the connection"),
        (b"HTTP/1.1 101 X\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n", "switched to another protocol"),
        (whole(b"{}", CHUNKED), "is not HTTP"),
        (OK + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", "is not HTTP"),
        (whole(b"{}", OK + b"Content-Encoding: br\r\n"), "packed with 'br', and only gzip, deflate were"),
        (whole(gzip.compress(b"{}")[:-1], OK + b"Content-Encoding: gzip\r\n"), "is not complete"),
        (whole(gzip.compress(b"{}") + b"???", OK + b"Content-Encoding: gzip\r\n"), "cannot be unpacked"),
        (whole(gzip.compress(b"") * 101, OK + b"Content-Encoding: gzip\r\n"), "in more than 100 parts"),
        (OK + b"X-A: a\r\n" * 40_000, "endless headers"),
    ],
    ids=[
        *("nothing", "a head cut off", "a body cut off", "chunks cut off", "only a hint", "an upgrade"),
        *("two framings", "two lengths", "an unknown packing", "packed and cut off", "packed and more"),
        *("packed in many parts", "many headers"),
    ],
)
async def test_what_is_no_whole_response_is_an_error(sent: bytes, message: str) -> None:
    with pytest.raises(ConnectionError, match=message):
        await response_to(sent, closes=True)


def test_headers_keep_their_letters() -> None:
    response, _ = parsed([whole(b"", OK + "A: é\r\nB: ".encode() + b"\xe9\r\nc: 1\r\nC: 2\r\n")])
    assert response.headers == {"a": "é", "b": "\ufffd", "c": "2", "content-length": "0"}


# Limits


@pytest.mark.parametrize("head", [OK, OK + b"Content-Encoding: gzip\r\n"], ids=["plain", "packed"])
@pytest.mark.parametrize("size", [1000, 1001])
async def test_a_success_may_have_so_many_bytes_and_no_more(head: bytes, size: int) -> None:
    body = b"x" * size
    sent = whole(gzip.compress(body) if b"gzip" in head else body, head)
    if size == 1000:
        assert (await response_to(sent, largest=1000)).body == body
    else:
        with pytest.raises(TooLargeError):
            await response_to(sent, largest=1000)


@pytest.mark.parametrize("head", [b"", b"Content-Encoding: gzip\r\n"], ids=["plain", "packed"])
async def test_of_an_error_the_beginning_is_read(head: bytes) -> None:
    body = b"x" * 200_000
    sent = whole(gzip.compress(body) if head else body, b"HTTP/1.1 500 No\r\n" + head)
    response = await response_to(sent, largest=10)
    assert response.body == body[:LARGEST_ERROR]


def test_a_body_of_tiny_chunks_takes_no_more_memory_than_others() -> None:
    tiny = CHUNKED + b"\r\n" + b"1\r\nx\r\n" * 90_000 + b"0\r\n\r\n"
    tracemalloc.start()
    response, _ = parsed([tiny])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(response.body) == 90_000
    assert peak < 500_000
