"""Measure a model in this process, idle and beside busy processes, against llama.cpp's own server asked directly.

    python tests/bench/embedded.py [MODEL] [REQUESTS]

MODEL is `embedded` (the default) or `qwen-coder-1.5b`. Each of the REQUESTS (6 by default) takes a prompt of its own and
draws 4 sequences of 32 tokens, 3 requests at once: what a run does. Prints tokens per second for

- ours: `open_embedded`, which chooses threads, and whether they spin or sleep at barriers;
- bare: llama.cpp's server with its default threads, whose barriers spin, and the same requests.

Both have the same slots and context, and start in a process of their own. Beside busy processes the bare server can
fall to a tenth, so only the idle ratio is a goal: at least 0.9. The last column is the time of ours beside busy processes
as a multiple of its idle time: at most 1.7 beside one and 2.4 beside two, on two cores. Idle figures need an idle machine:
the first line says how many cores were free.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from fusion_eval.models.embedded.door import REQUESTS_AT_ONCE, open_embedded
from fusion_eval.models.embedded.server import CONTEXT, SLOTS
from fusion_eval.models.embedded.threads import WAITING, cores, free_cores
from fusion_eval.models.embedded.weights import BUNDLED, joined
from fusion_eval.types import Prompt, Sampling

SEQUENCES, TOKENS = 4, 32
TEXT = "English: The weather is nice today, and we walk along the river with old friends.\nFrench:"
BUSY = "while True: pass"


def prompts(count: int) -> list[str]:
    """Return prompts that share their beginning, as the items of a task do."""
    return [f"{TEXT}\n\n{TEXT}\n\nNumber {number}. {TEXT}" for number in range(count)]


async def ours(name: str, count: int) -> tuple[int, float]:
    """Return the tokens and seconds of our door, its start not counted."""
    model, slots = open_embedded(name, completion=True), asyncio.Semaphore(REQUESTS_AT_ONCE)
    sampling = Sampling(max_tokens=TOKENS, temperature=0.7, seed=0, extra={"ignore_eos": True})

    async def request(prompt: str) -> int:
        async with slots:
            candidates = await model.sample(Prompt(prompt), sampling, SEQUENCES)
        return sum(candidate.completion_tokens for candidate in candidates)

    await request("Start.")
    started = time.perf_counter()
    tokens = sum(await asyncio.gather(*map(request, prompts(count))))
    seconds = time.perf_counter() - started
    await model.close()
    return tokens, seconds


def bare(name: str, count: int) -> tuple[int, float]:
    """Return the tokens and seconds of llama.cpp's server with its own defaults."""
    import xllamacpp

    params: Any = xllamacpp.CommonParams()
    params.model.path = str(joined(BUNDLED[name]).resolve())
    params.n_ctx, params.n_parallel, params.kv_unified, params.swa_full = CONTEXT, SLOTS, True, True
    params.verbosity = 0
    server = xllamacpp.Server(params)

    def request(prompt: str) -> int:
        body = {"prompt": prompt, "n": SEQUENCES, "max_tokens": TOKENS, "temperature": 0.7, "seed": 0}
        body |= {"ignore_eos": True, "logprobs": 1}
        call = urllib.request.Request(
            f"{server.listening_address}/v1/completions",
            json.dumps(body).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(call) as reply:
            choices = json.load(reply)["choices"]
        return sum(len(choice["logprobs"]["content"]) for choice in choices)

    request("Start.")
    started = time.perf_counter()
    with ThreadPoolExecutor(REQUESTS_AT_ONCE) as pool:
        tokens = sum(pool.map(request, prompts(count)))
    return tokens, time.perf_counter() - started


def measure(side: str, name: str, count: int, busy: int) -> float:
    """Return the tokens per second of one side in a process of its own, beside busy processes."""
    others = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(busy)]
    try:
        command = [sys.executable, str(Path(__file__).resolve()), "--side", side, name, str(count)]
        spinning = {key: value for key, value in os.environ.items() if key not in WAITING}
        env = spinning if side == "bare" else None
        output = subprocess.run(command, check=True, capture_output=True, text=True, env=env).stdout
    finally:
        for other in others:
            other.kill()
            other.wait()
    tokens, seconds = json.loads(output.splitlines()[-1])
    return float(tokens / seconds)


def main() -> None:
    """Print the table, or one measurement for `--side`."""
    arguments = sys.argv[1:]
    if arguments[:1] == ["--side"]:
        _, side, name, count = arguments
        result = asyncio.run(ours(name, int(count))) if side == "ours" else bare(name, int(count))
        print(json.dumps(result), flush=True)
        return
    name = arguments[0] if arguments else "embedded"
    count = int(arguments[1]) if len(arguments) > 1 else 6
    print(f"{name}: {cores()} cores, {free_cores(1.0):.2f} of them free at the start")
    print("busy processes   ours tokens/s   bare tokens/s   ours/bare   ours: time/idle")
    idle = 0.0
    for busy in (0, 1, 2):
        own, reference = (measure(side, name, count, busy) for side in ("ours", "bare"))
        idle = idle or own
        print(
            f"{busy:14}   {own:13.1f}   {reference:13.1f}   {own / reference:9.2f}   {idle / own:15.2f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
