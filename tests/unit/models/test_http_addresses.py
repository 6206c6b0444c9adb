"""What the HTTP client sends for a base URL, and which of a host's addresses it reaches."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import socket
import sys
import time

import pytest
from doors import KEY, error_at
from raw_server import Run, answering, body_of, client_of, echo, serving, whole

from fusion_eval.errors import ConfigError
from fusion_eval.models.http import opening
from fusion_eval.models.http.direct import DirectClient
from fusion_eval.models.openai.door import OpenAIModel


async def request_for(url: str, headers: dict[str, str] | None = None, host: str = "127.0.0.1") -> list[str]:
    """Return the lines that a client sends whose base URL is this one, with PORT for the server's port."""
    async with serving(answering(whole(b"{}")), host=host) as server:
        client = DirectClient(url.replace("PORT", str(server.port)), headers or {}, 5.0)
        await client.request("POST", "chat/completions", b'{"n": 1}', 1000)
        await client.close()
        [request] = server.requests
        return request.decode().replace(str(server.port), "PORT").split("\r\n")


# What is sent


async def test_a_request_has_these_lines_and_no_more() -> None:
    lines = await request_for("http://127.0.0.1:PORT/v1/", {"Content-Type": "application/json"})
    assert lines[0] == "POST /v1/chat/completions HTTP/1.1"
    assert sorted(line for line in lines[1:-2] if not line.startswith("User-Agent: fusion_eval/")) == [
        "Accept-Encoding: gzip, deflate",
        "Accept: */*",
        "Content-Length: 8",
        "Content-Type: application/json",
        "Host: 127.0.0.1:PORT",
    ]
    assert lines[-2:] == ["", '{"n": 1}']


@pytest.mark.parametrize(
    ("path", "sent"),
    [
        ("", "/chat/completions"),
        ("/", "/chat/completions"),
        ("/a b/é", "/a%20b/%C3%A9/chat/completions"),
        ("/a%20b%2Fc/%C3%A9", "/a%20b%2Fc/%C3%A9/chat/completions"),
        ("/a\r\nX: y", "/aX:%20y/chat/completions"),
        ("/a%0d%0aX:y", "/a%0D%0AX:y/chat/completions"),
    ],
)
async def test_the_path_of_the_base_url_is_escaped_once(path: str, sent: str) -> None:
    lines = await request_for(f"http://127.0.0.1:PORT{path}")
    assert lines[0] == f"POST {sent} HTTP/1.1"
    assert not any(line.startswith("X") for line in lines)


async def test_localhost_is_found() -> None:
    assert "Host: localhost:PORT" in await request_for("http://localhost:PORT/v1")


async def test_an_address_of_ipv6_keeps_its_brackets() -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6")
    assert "Host: [::1]:PORT" in await request_for("http://[::1]:PORT/v1", host="::1")


@pytest.mark.parametrize(
    ("url", "host", "port", "header"),
    [
        ("http://bücher.example", "xn--bcher-kva.example", 80, "xn--bcher-kva.example"),
        ("https://EXAMPLE.org/v1", "example.org", 443, "example.org"),
        ("https://example.org:443/v1", "example.org", 443, "example.org"),
        ("http://example.org.:443", "example.org.", 443, "example.org:443"),
    ],
)
def test_the_host_is_written_as_a_resolver_and_a_server_know_it(
    url: str, host: str, port: int, header: str
) -> None:
    client = DirectClient(url, {}, 5.0)
    assert (client._host, client._port) == (host, port)
    assert f"Host: {header}\r\n" in client._head


@pytest.mark.parametrize(
    ("user", "sent"),
    [
        ("me:pass", "me:pass"),
        ("me", "me:"),
        (":pass", ":pass"),
        ("m%40e:p%3Ass%0d%0aX:%20y", "m@e:p:ss\r\nX: y"),
        ("mé:pä", "mé:pä"),
    ],
)
async def test_the_user_of_the_base_url_is_sent(user: str, sent: str) -> None:
    lines = await request_for(f"http://{user}@127.0.0.1:PORT/v1")
    assert f"Authorization: Basic {base64.b64encode(sent.encode()).decode()}" in lines
    # a key takes its place
    lines = await request_for(f"http://{user}@127.0.0.1:PORT/v1", {"Authorization": f"Bearer {KEY}"})
    assert [line for line in lines if "Authorization" in line] == [f"Authorization: Bearer {KEY}"]


@pytest.mark.parametrize("mark", ["\n", "\r", "\0", "\x85", "\u2028", "\udcff"])
def test_a_header_with_a_control_character_is_impossible(mark: str) -> None:
    with pytest.raises(ValueError, match="control character"):
        DirectClient("http://host", {"Authorization": f"Bearer {mark}X: y"}, 5.0)
    with pytest.raises(ConfigError, match="key holds a line break or another control character") as caught:
        OpenAIModel("m", "http://host/v1", api_key=f"{KEY}{mark}X: y")
    assert KEY not in str(caught.value)


@pytest.mark.parametrize("shown", ["p@ss w\N{LATIN SMALL LETTER O WITH DIAERESIS}rd", "p%40ss%20w%C3%B6rd"])
async def test_an_escaped_password_is_hidden_however_the_server_quotes_it(shown: str) -> None:
    answer = whole(f'{{"error": {{"message": "No {shown}."}}}}'.encode(), b"HTTP/1.1 400 Bad\r\n")
    async with serving(answering(answer)) as server:
        url = server.url.replace("://", "://me:p%40ss%20w%C3%B6rd@")
        error = await error_at(url)
    assert "No ***" in str(error) and "rd" not in str(error).split("No ***")[1]


# A host with several addresses


async def _resolve_to(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    async def getaddrinfo(host: str, port: int, **_: object) -> list[tuple[object, ...]]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo)


needs_second_address = pytest.mark.skipif(sys.platform != "linux", reason="other systems have no 127.0.0.2")


@needs_second_address
@pytest.mark.parametrize("dead", ["full", "refuses"])
def test_a_dead_address_of_a_host_costs_little_time(
    run: Run, monkeypatch: pytest.MonkeyPatch, dead: str
) -> None:
    async def test() -> None:
        async with client_of(echo) as (client, server):
            await _resolve_to(monkeypatch, "127.0.0.2", "127.0.0.1")
            with contextlib.ExitStack() as sockets:
                if dead == "full":
                    full = sockets.enter_context(socket.create_server(("127.0.0.2", server.port), backlog=0))
                    for _ in range(2):
                        waiting = sockets.enter_context(socket.socket())
                        waiting.setblocking(False)
                        waiting.connect_ex(full.getsockname())
                started = time.monotonic()
                assert await body_of(client) == b"/v1/x"
            assert time.monotonic() - started < 2
            await asyncio.sleep(0.01)
            names = [task.get_coro().__qualname__ for task in asyncio.all_tasks()]  # type: ignore[union-attr]  # no C coroutine
            assert not any("open_channel" in name for name in names)

    run(test())


@needs_second_address
def test_of_two_addresses_that_accept_one_connection_stays(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "_HEAD_START", 0.0)

    async def test() -> None:
        async with (
            serving(echo) as server,
            serving(echo, host="127.0.0.2", port=server.port) as other,
        ):
            client = DirectClient(server.url, {}, 5.0)
            await _resolve_to(monkeypatch, "127.0.0.1", "127.0.0.2")
            for _ in range(20):
                # when
                assert await body_of(client) == b"/v1/x"
                # then
                await asyncio.sleep(0.005)
                assert len(server.open) + len(other.open) == len(client._open) == 1
                await client.close()
                await server.all_closed()
                await other.all_closed()
            assert server.connections + other.connections > 20  # both have accepted at times

    run(test())


async def test_of_two_connections_that_open_at_once_the_second_is_closed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # given two addresses that accept in the same turn of the event loop
    monkeypatch.setattr(opening, "_HEAD_START", 0.0)
    both, accepted = asyncio.Event(), []

    class Opened:
        closed = False

        def close(self) -> None:
            self.closed = True

    async def create_connection(*_: object, **__: object) -> tuple[None, Opened]:
        accepted.append(Opened())
        if len(accepted) == 2:
            both.set()
        opened = accepted[-1]
        await both.wait()
        await asyncio.sleep(0)
        return None, opened

    await _resolve_to(monkeypatch, "127.0.0.1", "127.0.0.2")
    loop = asyncio.get_running_loop()
    monkeypatch.setattr(loop, "create_connection", create_connection)
    # when
    channel = await opening.open_channel(loop, "host", 80, None)
    await asyncio.sleep(0)
    # then
    assert sorted(opened.closed for opened in accepted) == [False, True]
    assert not channel.closed  # type: ignore[attr-defined]  # an Opened
