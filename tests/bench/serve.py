"""Measure the CPU time that `fusion-eval serve` needs for a request, beyond the calls that the request makes.

    python tests/bench/serve.py [ROUNDS]

Each request makes two calls: five samples, then one fusion. A bare aiohttp proxy makes the same two calls for each request,
with bodies of the same size. Each server runs in a process of its own, as the clients and the model do. Prints the CPU time of
each server's process for one request, medians of alternating rounds, and the difference to the proxy.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import instant_server

REQUESTS, CLIENTS, WARM_UP = 1500, 64, 200
QUESTION = "Question {number}: what is it that grows with what is asked? " + "Say it in one sentence. " * 8
_TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid: int) -> float:
    """Return the CPU time that a process has used, all its threads included."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


async def send(base_url: str, numbers: range) -> None:
    """Ask the questions with these numbers, `CLIENTS` at a time."""
    waiting = iter(numbers)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:

        async def client() -> None:
            for number in waiting:
                body = {
                    "model": "fusion",
                    "max_tokens": 256,
                    "messages": [{"role": "user", "content": QUESTION.format(number=number)}],
                }
                async with http.post(f"{base_url}/chat/completions", json=body) as response:
                    reply = await response.json()
                    assert "fused" in reply["choices"][0]["message"]["content"], reply

        await asyncio.gather(*(client() for _ in range(CLIENTS)))


@contextlib.contextmanager
def started(command: list[str]) -> Iterator[tuple[int, str]]:
    """Run a server; yield its process id and its base URL."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            address = re.search(r"http\S+", process.stdout.readline())
            assert address is not None
            yield process.pid, address[0]
        finally:
            process.terminate()


def measure(command: list[str]) -> float:
    """Return the milliseconds of CPU time of one request, in a fresh process."""
    with started(command) as (pid, base_url):
        asyncio.run(send(base_url, range(WARM_UP)))
        before = cpu_seconds(pid)
        asyncio.run(send(base_url, range(WARM_UP, WARM_UP + REQUESTS)))
        return (cpu_seconds(pid) - before) / REQUESTS * 1000


async def bare_proxy(upstream: str) -> None:
    """Serve a proxy that makes two calls for each request and reads their replies, without any check."""
    from aiohttp import web

    http = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))

    async def handle(request: web.Request) -> web.Response:
        body = await request.json()
        first = {
            "model": "m",
            "messages": body["messages"],
            "n": 5,
            "max_tokens": 256,
            "temperature": 0.7,
            "seed": 0,
        }
        async with http.post(f"{upstream}/chat/completions", json=first) as response:
            texts = [choice["message"]["content"] for choice in (await response.json())["choices"]]
        question = body["messages"][0]["content"]
        prompt = question + "\n".join(texts) + "Compare them, and write the answer. " * 40
        second = {
            "model": "m",
            "messages": [{"role": "user", "content": prompt}],
            "n": 1,
            "max_tokens": 256,
            "temperature": 0,
        }
        async with http.post(f"{upstream}/chat/completions", json=second) as response:
            fused = (await response.json())["choices"][0]["message"]["content"]
        return web.json_response(
            {"choices": [{"index": 0, "message": {"role": "assistant", "content": fused}}]}
        )

    app = web.Application()
    app.router.add_post("/v1/chat/completions", handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, backlog=1024)
    await site.start()
    print(f"http://127.0.0.1:{runner.addresses[0][1]}/v1", flush=True)
    await asyncio.Event().wait()


def main() -> None:
    """Measure all servers in alternating rounds."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    with instant_server.spawn() as upstream, tempfile.TemporaryDirectory() as folder:
        arguments = f"model=test-model,base_url={upstream},n=5,max_tokens=256"
        serve = ["fusion-eval", "serve", "--strategies", "fusion", "--port", "0", "--model_args"]
        results: dict[str, list[float]] = {}
        for number in range(rounds):
            commands = {
                "bare aiohttp proxy": [sys.executable, __file__, "proxy", upstream],
                "fusion-eval serve, cache=off": [*serve, f"{arguments},cache=off"],
                "fusion-eval serve, store on disk": [*serve, f"{arguments},cache={folder}/{number}.sqlite"],
            }
            for name, command in commands.items():
                results.setdefault(name, []).append(measure(command))
    proxy = statistics.median(results["bare aiohttp proxy"])
    for name, values in results.items():
        median = statistics.median(values)
        print(
            f"{name}: {median:.2f} ms of CPU a request ({median - proxy:+.2f} ms beyond the proxy; {len(values)} rounds)"
        )


if __name__ == "__main__":
    started_at = time.monotonic()
    if sys.argv[1:2] == ["proxy"]:
        with contextlib.suppress(ImportError):
            import uvloop

            asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
        asyncio.run(bare_proxy(sys.argv[2]))
    else:
        main()
        print(f"{time.monotonic() - started_at:.0f} s in all")
