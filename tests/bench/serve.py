"""Measure the CPU time that `fusion-eval serve` needs for a request, beyond the calls that the request makes.

    python tests/bench/serve.py [ROUNDS]

Each request makes two calls: five samples, then one fusion. A bare aiohttp proxy makes the same two calls for each request,
with bodies of the same size. Each server runs in a process of its own, as the clients and the model do. The servers are asked in
turn, in blocks of requests, and each block is compared with the proxy's block beside it: so a busy machine slows both alike.
Prints medians over the rounds: the CPU time of a request, what is beyond the proxy's, and the ratio to it.
"""

from __future__ import annotations

import asyncio
import contextlib
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

BLOCK, CLIENTS, ROUNDS = 150, 64, 12
PROXY = "bare aiohttp proxy"
QUESTION = "Question {number}: what is it that grows with what is asked? " + "Say it in one sentence. " * 8


def cpu_milliseconds(pid: int) -> float:
    """Return the CPU time that a process has used, all its threads included."""
    tasks = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(task.read_text().split()[0]) for task in tasks) / 1e6


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


def measure(servers: dict[str, tuple[int, str]], rounds: int) -> dict[str, list[float]]:
    """Return the milliseconds of CPU time of a request, for each server and round. A first round warms up."""
    results: dict[str, list[float]] = {name: [] for name in servers}
    for number in range(rounds + 1):
        questions = range(number * BLOCK, (number + 1) * BLOCK)
        for name, (pid, base_url) in servers.items():
            before = cpu_milliseconds(pid)
            asyncio.run(send(base_url, questions))
            if number:
                results[name].append((cpu_milliseconds(pid) - before) / BLOCK)
    return results


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
    """Measure all servers in alternating blocks."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    with contextlib.ExitStack() as running:
        upstream = running.enter_context(instant_server.spawn())
        folder = running.enter_context(tempfile.TemporaryDirectory())
        arguments = f"model=test-model,base_url={upstream},n=5,max_tokens=256"
        serve = ["fusion-eval", "serve", "--strategies", "fusion", "--port", "0", "--model_args"]
        commands = {
            PROXY: [sys.executable, __file__, "proxy", upstream],
            "fusion-eval serve, cache=off": [*serve, f"{arguments},cache=off"],
            "fusion-eval serve, store on disk": [*serve, f"{arguments},cache={folder}/store.sqlite"],
        }
        servers = {name: running.enter_context(started(command)) for name, command in commands.items()}
        results = measure(servers, rounds)
    median, proxy = statistics.median, results[PROXY]
    for name, values in results.items():
        beyond = median(own - bare for own, bare in zip(values, proxy, strict=True))
        ratio = median(own / bare for own, bare in zip(values, proxy, strict=True))
        print(
            f"{name}: {median(values):.2f} ms of CPU a request, {beyond:+.2f} ms beyond the proxy, {ratio:.2f} times its"
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
