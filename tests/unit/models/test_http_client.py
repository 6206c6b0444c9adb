"""The connections of the HTTP client: when one is used again, and that each request gets its own answer or an error soon."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from typing import Any

import pytest
from doors import StartServer
from openai_server import Plan
from raw_server import LOOPS, OK, Peer, Run, Serve, answering, body_of, client_of, echo, serving, whole

from fusion_eval.models.http import direct
from fusion_eval.models.http.channel import Channel
from fusion_eval.models.http.direct import DirectClient

FOREVER = 60.0
UNFINISHED = OK + b"Connection: close\r\n\r\n{"
"""The beginning of a response that ends with the connection."""


async def silent(peer: Peer) -> None:
    await peer.request()
    await peer.reader.read()


# Connections that are used again


def test_a_connection_carries_one_request_after_another(run: Run) -> None:
    async def test() -> None:
        async with client_of(echo) as (client, server):
            assert [await body_of(client, path) for path in "abc"] == [b"/v1/a", b"/v1/b", b"/v1/c"]
            assert server.connections == 1
            # when requests come at the same time
            paths = [f"path{i}" for i in range(20)]
            for _ in range(3):
                bodies = await asyncio.gather(*(body_of(client, path) for path in paths))
                assert bodies == [f"/v1/{path}".encode() for path in paths]
            assert server.connections == 20

    run(test())


@pytest.mark.parametrize("head", [OK + b"Connection: close\r\n", b"HTTP/1.0 200 OK\r\n"])
def test_a_connection_that_the_response_ends_is_not_used_again(run: Run, head: bytes) -> None:
    async def test() -> None:
        async with client_of(answering(whole(b"{}", head))) as (client, server):
            assert [await body_of(client) for _ in range(3)] == [b"{}"] * 3
            assert server.connections == 3
            await server.all_closed()

    run(test())


@pytest.mark.parametrize("stray", [b"", whole(b"stray"), b"HTTP/1.1 408 Timeout\r\n", b"\r\n"])
def test_a_connection_that_ends_or_speaks_while_it_is_idle_is_not_used_again(run: Run, stray: bytes) -> None:
    async def serve(peer: Peer) -> None:
        await peer.request()
        await peer.send(whole(b"{}"))
        await asyncio.sleep(0.02)
        if stray:
            await peer.send(stray)
            await peer.reader.read()

    async def test() -> None:
        async with client_of(serve) as (client, server):
            assert await body_of(client) == b"{}"
            await server.all_closed()
            await asyncio.sleep(0.02)
            assert await body_of(client) == b"{}"
            assert server.connections == 2

    run(test())


def test_a_connection_that_was_idle_for_long_is_not_used_again(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(direct, "_IDLE_SECONDS", 0.0)

    async def test() -> None:
        async with client_of(echo) as (client, server):
            for _ in range(3):
                await body_of(client)
            assert server.connections == 3 and len(client._open) == 1

    run(test())


def test_a_connection_whose_request_was_not_sent_to_its_end_is_not_used_again(run: Run) -> None:
    """The server could take the rest of it for the next request."""

    async def serve(peer: Peer) -> None:
        await peer.reader.readuntil(b"\r\n\r\n")
        await peer.send(whole(b"too large", b"HTTP/1.1 413 No\r\n"))
        await asyncio.sleep(FOREVER)

    async def test() -> None:
        async with serving(serve) as server:
            client = DirectClient(server.url, {}, 5.0)
            for _ in range(2):
                assert await body_of(client, body=b"x" * (32 << 20)) == b"too large"
            assert server.connections == 2 and not client._open

    run(test())


def test_a_request_that_the_server_drops_is_not_sent_twice(run: Run) -> None:
    async def serve(peer: Peer) -> None:
        await peer.request()
        await peer.send(whole(b"{}"))
        await peer.request()

    async def test() -> None:
        async with client_of(serve) as (client, server):
            await body_of(client)
            with pytest.raises(ConnectionError):
                await body_of(client)
            assert len(server.requests) == 2
            assert await body_of(client) == b"{}"

    run(test())


# Requests that end without an answer


@pytest.mark.parametrize(
    "serve",
    [silent, answering(*[bytes([byte]) for byte in whole(b"x" * 100)], pause=0.02)],
    ids=["in the head", "in a trickle"],
)
def test_a_request_ends_at_its_timeout_and_its_connection_with_it(run: Run, serve: Serve) -> None:
    async def test() -> None:
        async with client_of(serve, seconds=0.2) as (client, server):
            started = time.monotonic()
            with pytest.raises(TimeoutError):
                await body_of(client)
            assert 0.15 < time.monotonic() - started < 2
            await server.all_closed()

    run(test())


def test_each_request_on_a_connection_has_its_whole_time(run: Run) -> None:
    """One timer serves all requests of a connection, and the first one sets it."""
    seconds = {b"quick": 0.0, b"slow": 0.45}

    async def serve(peer: Peer) -> None:
        while (path := (await peer.request()).split()[1].rpartition(b"/")[2]) in seconds:
            await asyncio.sleep(seconds[path])
            await peer.send(whole(b"{}"))
        await silent(peer)

    async def test() -> None:
        async with client_of(serve, seconds=0.8) as (client, server):
            # when the first timer ends within the second request, and later while the connection is idle
            await body_of(client, "quick")
            await asyncio.sleep(0.45)
            assert await body_of(client, "slow") == b"{}"
            await asyncio.sleep(0.9)
            assert await body_of(client, "slow") == b"{}"
            # then a request still ends at its own time
            started = time.monotonic()
            with pytest.raises(TimeoutError):
                await body_of(client, "never")
            assert 0.75 < time.monotonic() - started < 3
            assert server.connections == 1

    run(test())


def test_a_request_with_less_time_than_the_one_before_ends_sooner(run: Run) -> None:
    async def serve(peer: Peer) -> None:
        await peer.request()
        await peer.send(whole(b"{}"))
        await silent(peer)

    async def test() -> None:
        async with serving(serve) as server:
            loop = asyncio.get_running_loop()
            _, channel = await loop.create_connection(Channel, "127.0.0.1", server.port)
            request = b"GET / HTTP/1.1\r\nContent-Length: 0\r\n\r\n"
            await channel.exchange(request, 100, FOREVER)
            async with asyncio.timeout(5):
                with pytest.raises(TimeoutError):
                    await channel.exchange(request, 100, 0.1)

    run(test())


def test_the_time_to_connect_counts(run: Run) -> None:
    async def test() -> None:
        with socket.create_server(("127.0.0.1", 0), backlog=0) as full, contextlib.ExitStack() as clients:
            for _ in range(2):
                waiting = clients.enter_context(socket.socket())
                waiting.setblocking(False)
                waiting.connect_ex(full.getsockname())
            client = DirectClient(f"http://127.0.0.1:{full.getsockname()[1]}", {}, 0.1)
            with pytest.raises(TimeoutError):
                await body_of(client)

    run(test())


def test_the_time_to_connect_leaves_less_for_the_answer(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    async def test() -> None:
        async with client_of(silent, seconds=0.5) as (client, _):
            loop = asyncio.get_running_loop()
            find = loop.getaddrinfo

            async def find_slowly(*args: Any, **options: Any) -> Any:
                await asyncio.sleep(0.4)
                return await find(*args, **options)

            monkeypatch.setattr(loop, "getaddrinfo", find_slowly)
            started = time.monotonic()
            with pytest.raises(TimeoutError):
                await body_of(client)
            assert time.monotonic() - started < 0.8

    run(test())


def test_a_cancelled_request_leaves_no_answer_for_the_next_one(run: Run) -> None:
    async def serve(peer: Peer) -> None:
        while True:
            path = (await peer.request()).split()[1]
            await asyncio.sleep(0.01)
            await peer.send(whole(path))

    async def test() -> None:
        async with client_of(serve) as (client, _):
            await body_of(client)
            for i in range(60):  # the cancellation comes before, with or after the answer
                task = asyncio.create_task(body_of(client, f"cancelled{i}"))
                await asyncio.sleep(i % 20 * 0.001)
                task.cancel()
                await asyncio.wait([task])
                assert await body_of(client, f"next{i}") == f"/v1/next{i}".encode()

    run(test())


@pytest.mark.parametrize("serve", [silent, answering(UNFINISHED)], ids=["no answer", "an unfinished answer"])
def test_closing_the_client_ends_the_requests_in_flight(run: Run, serve: Serve) -> None:
    async def test() -> None:
        async with client_of(serve) as (client, _):
            task = asyncio.create_task(body_of(client))
            await asyncio.sleep(0.2)
            await client.close()
            with pytest.raises(ConnectionError):
                await task

    run(test())


def test_closing_the_client_while_a_request_connects_leaves_no_connection_open(run: Run) -> None:
    async def test() -> None:
        async with client_of(echo) as (client, server):
            task = asyncio.create_task(body_of(client))
            await asyncio.sleep(0)
            assert not client._open
            await client.close()
            assert await task == b"/v1/x"
            await server.all_closed()

    run(test())


@pytest.mark.parametrize("closes", [False, True])
@pytest.mark.parametrize("first", LOOPS)
def test_a_client_that_was_not_closed_works_on_the_next_event_loop(
    run: Run, first: str, closes: bool, openai_server: StartServer
) -> None:
    client = DirectClient(openai_server(Plan()).base_url, {}, 5.0)

    async def use() -> None:
        assert (await client.request("GET", "models", b"", 1000)).status == 200

    # given connections of a loop that is closed
    with asyncio.Runner(loop_factory=LOOPS[first]) as runner:
        runner.run(use())
    # when, then
    if closes:
        run(client.close())
    run(use())
    run(client.close())
