"""Compare the speed of one LLM call through the whole package with a bare aiohttp client and with litellm.

    python tests/bench/hot_path.py

Prints calls per second and CPU time per call of each client, and the package's ratio to the other two: medians of
alternating rounds. One server in a process of its own answers all calls at once. Quote ratios, because absolute
numbers depend on the machine.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import aiohttp

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from openai_server import spawn

from fusion_eval.model_arguments import parse
from fusion_eval.models.opener import Opener
from fusion_eval.models.store.store import Store
from fusion_eval.types import Prompt, Sampling

CALLS, AT_ONCE, ROUNDS = 2000, 64, 5
LITELLM_CALLS = 200
"""Few calls, because each takes long."""


@dataclass(frozen=True, slots=True)
class Speed:
    """Calls per second, and milliseconds of this process's CPU time per call."""

    rate: float
    cpu: float


async def measure(call: Callable[[int], Awaitable[object]], calls: int = CALLS) -> Speed:
    """Make `calls` calls, `AT_ONCE` at a time."""
    numbers = iter(range(calls))

    async def work() -> None:
        for number in numbers:
            await call(number)

    wall, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(work() for _ in range(AT_ONCE)))
    return Speed(calls / (time.perf_counter() - wall), (time.process_time() - cpu) / calls * 1000)


async def bare(base_url: str) -> Speed:
    """Send the request and read the text, without checks, counts or a store."""
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def call(number: int) -> str:
            body = {
                "model": "test-model",
                "messages": [{"role": "user", "content": f"Question {number}"}],
                "max_tokens": 32,
                "temperature": 0.7,
                "seed": 0,
            }
            async with session.post(f"{base_url}/chat/completions", json=body) as response:
                return str((await response.json())["choices"][0]["message"]["content"])

        return await measure(call)


async def through_the_package(base_url: str, store_file: Path) -> Speed:
    """Call the model as a strategy does: through store, slots, retries and parsing."""
    settings = parse({"model": "test-model", "base_url": base_url, "concurrency": AT_ONCE})
    store = Store(store_file)
    opener = Opener(settings, store)
    (model,) = opener.sampler()
    sampling = Sampling(max_tokens=32, temperature=0.7, seed=0)
    speed = await measure(lambda number: model.sample(Prompt(f"Question {number}"), sampling, 1))
    await opener.close()
    store.close()
    return speed


async def through_litellm(base_url: str) -> Speed:
    """Make the same call with litellm, without a store. It runs last, because its memory slows later clients."""
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # prices from the package, not from the network
    import litellm

    async def call(number: int) -> str:
        answer = await litellm.acompletion(
            model="openai/test-model",
            api_base=base_url,
            api_key="none",
            messages=[{"role": "user", "content": f"Question {number}"}],
            max_tokens=32,
            temperature=0.7,
            seed=0,
        )
        return str(answer.choices[0].message.content)

    return await measure(call, LITELLM_CALLS)


def report(name: str, theirs: list[Speed], ours: list[Speed]) -> None:
    """Print the medians of the rounds and of their ratios."""
    for who, speeds in ((name, theirs), ("fusion_eval", ours)):
        rate, cpu = statistics.median(s.rate for s in speeds), statistics.median(s.cpu for s in speeds)
        print(f"{who:13} {rate:7,.0f} calls/s  {cpu:.2f} ms CPU per call")
    rate = statistics.median(a.rate / b.rate for a, b in zip(ours, theirs, strict=True))
    cpu = statistics.median(a.cpu / b.cpu for a, b in zip(ours, theirs, strict=True))
    print(f"ratio         {rate:.2f} of the calls/s  {cpu:.2f} times the CPU per call\n")


def main() -> None:
    """Alternate the clients, so that changes of the machine's speed affect both."""
    with spawn() as base_url, tempfile.TemporaryDirectory() as folder:
        for name, client in (("bare aiohttp", bare), ("litellm", through_litellm)):
            ours: list[Speed] = []
            theirs: list[Speed] = []
            for number in range(ROUNDS + 1):
                theirs.append(asyncio.run(client(base_url)))
                ours.append(
                    asyncio.run(through_the_package(base_url, Path(folder) / f"{name}-{number}.sqlite"))
                )
            report(name, theirs[1:], ours[1:])  # the first round warms up


if __name__ == "__main__":
    main()
