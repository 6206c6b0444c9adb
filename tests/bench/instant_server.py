"""An OpenAI-compatible server that answers at once, with texts that it prepared before. Its speed bounds no client.

    python tests/bench/instant_server.py [LOG]

Prints its base URL. Appends the body of each request to the file LOG, one line each. `GET /calls` returns how many
requests it has answered.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec

with contextlib.suppress(ImportError):
    import uvloop

    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())

WORDS = "an answer of some length, as a small model writes it to a short question, "
FUSED = f"Comparison: the candidates agree in all but words.\nAnswer: [[ {WORDS * 2}fused ]]"


class Options(msgspec.Struct):
    """The fields of a request that shape the reply."""

    n: int = 1
    temperature: float | None = 1.0


@functools.cache
def response(n: int, fuses: bool) -> bytes:
    """Return the whole response with n choices."""
    texts = [FUSED if fuses else f"{i}: {WORDS * 2}" for i in range(n)]
    body = msgspec.json.encode(
        {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1_700_000_000,
            "model": "test-model",
            "choices": [
                {"index": i, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
                for i, text in enumerate(texts)
            ],
            "usage": {"prompt_tokens": 90, "completion_tokens": 40 * n, "total_tokens": 90 + 40 * n},
        }
    )
    return http(body)


def http(body: bytes) -> bytes:
    """Return a response with this body."""
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


class Connection(asyncio.Protocol):
    """One connection: requests come one after another, each with its length."""

    calls = 0
    log: Path | None = None
    decode = msgspec.json.Decoder(Options).decode

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._received = b""

    def data_received(self, data: bytes) -> None:
        self._received += data
        while (end := self._received.find(b"\r\n\r\n")) >= 0:
            head = self._received[:end].lower()
            _, found, rest = head.partition(b"content-length:")
            size = int(rest.split(b"\r\n", 1)[0]) if found else 0
            if len(self._received) < end + 4 + size:
                return
            body, self._received = self._received[end + 4 : end + 4 + size], self._received[end + 4 + size :]
            self._transport.write(self._answer(head, body))

    def _answer(self, head: bytes, body: bytes) -> bytes:
        if head.startswith(b"get"):
            return http(str(Connection.calls).encode())
        Connection.calls += 1
        if self.log:
            with self.log.open("ab") as file:
                file.write(body + b"\n")
        options = Connection.decode(body)
        return response(options.n, options.temperature == 0)


@contextlib.contextmanager
def spawn(log: Path | None = None) -> Iterator[str]:
    """Run the server in a process of its own, yield its base URL, and kill it at the end."""
    command = [sys.executable, __file__, *([str(log)] if log else [])]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip()
        finally:
            process.kill()


async def main() -> None:
    """Serve until the process is killed."""
    Connection.log = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    server = await asyncio.get_running_loop().create_server(Connection, "127.0.0.1", 0, backlog=1024)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
