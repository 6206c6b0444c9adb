"""For tests of the HTTP client: a server that sends raw bytes, as no HTTP library would, and clients of it."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from fusion_eval.models.event_loop import new_event_loop
from fusion_eval.models.http.direct import DirectClient

Run = Callable[[Coroutine[Any, Any, None]], None]
"""The fixture `run`."""
LOOPS = {"asyncio": asyncio.new_event_loop, "ours": new_event_loop}
"""What makes an event loop. Ours is uvloop's, where that is installed."""
OK = b"HTTP/1.1 200 OK\r\n"


def whole(body: bytes, head: bytes = OK) -> bytes:
    """Return a response whose length is in its head."""
    return head + b"Content-Length: %d\r\n\r\n" % len(body) + body


@dataclass
class Peer:
    """One connection, as the server sees it."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    server: RawServer

    async def request(self) -> bytes:
        """Read a request to its end and return it."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
        request = head + await self.reader.readexactly(length)
        self.server.requests.append(request)
        return request

    async def send(self, *parts: bytes, pause: float = 0.0) -> None:
        """Send the parts one after another."""
        for part in parts:
            self.writer.write(part)
            await self.writer.drain()
            await asyncio.sleep(pause)


Serve = Callable[[Peer], Awaitable[None]]
"""What a server does with a connection. The connection ends when it returns."""


@dataclass
class RawServer:
    """What a running server has seen."""

    port: int = 0
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0
    """How many connections were opened."""
    open: set[asyncio.Task[None]] = field(default_factory=set)
    """The connections that are open."""

    @property
    def url(self) -> str:
        """A base URL."""
        return f"http://127.0.0.1:{self.port}/v1"

    async def all_closed(self) -> None:
        """Wait until no connection is open; fail after five seconds."""
        if self.open:
            await asyncio.wait(self.open, timeout=5)
        assert not self.open


@contextlib.asynccontextmanager
async def serving(
    serve: Serve, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1", port: int = 0
) -> AsyncIterator[RawServer]:
    """Run a server while the block runs."""
    seen = RawServer()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        seen.open.add(task)
        seen.connections += 1
        try:
            with contextlib.suppress(OSError, EOFError, asyncio.CancelledError):
                await serve(Peer(reader, writer, seen))
        finally:
            writer.close()
            seen.open.discard(task)

    server = await asyncio.start_server(accept, host, port, ssl=tls)
    seen.port = server.sockets[0].getsockname()[1]
    try:
        yield seen
    finally:
        server.close()
        for task in seen.open:
            task.cancel()


def answering(*parts: bytes, closes: bool = False, pause: float = 0.0) -> Serve:
    """Return a server that answers each request with these parts, and closes after the first where told so."""

    async def serve(peer: Peer) -> None:
        while True:
            await peer.request()
            await peer.send(*parts, pause=pause)
            if closes:
                return

    return serve


async def echo(peer: Peer) -> None:
    """Answer each request with its path; one to `/v1/slow` never."""
    while True:
        path = (await peer.request()).split()[1]
        if path.endswith(b"slow"):
            await asyncio.sleep(60)
        await peer.send(whole(path))


@contextlib.asynccontextmanager
async def client_of(serve: Serve, seconds: float = 5.0) -> AsyncIterator[tuple[DirectClient, RawServer]]:
    """Run a server and a client of it. Fail if a connection is left open at the end."""
    async with serving(serve) as server:
        client = DirectClient(server.url, {}, seconds)
        yield client, server
        await client.close()
        await server.all_closed()


async def body_of(client: DirectClient, path: str = "x", body: bytes = b"{}") -> bytes:
    """Send a request and return the body of its response."""
    return (await client.request("POST", path, body, 1000)).body
