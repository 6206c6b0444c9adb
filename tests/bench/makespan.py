"""Compare the duration of a whole run with the shortest that its slots allow, on a server with a long tail.

    python tests/bench/makespan.py [PROMPTS]

Each prompt takes N = 5 samples, each a request of its own, and a fusion. The server has 64 slots. Its service times are
lognormal (median 200 ms, sigma 1) and depend on the request alone. Prints the time from the first to the last call, and
its ratio to an ideal list schedule. That schedule starts each of the same calls as soon as a slot is free and its inputs
are there, fusions first, without any cost of the client. Prints also the best time of a run in stages: all samples, then
all fusions.
"""

from __future__ import annotations

import asyncio
import hashlib
import heapq
import json
import math
import random
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from openai_server import Plan, prompt_text, serve

from fusion_eval.model_arguments import parse
from fusion_eval.models.opener import Opener
from fusion_eval.models.store.store import Store
from fusion_eval.strategies.question import Question
from fusion_eval.strategies.shares import solve_all
from fusion_eval.strategies.solver import Solver
from fusion_eval.types import Prompt, Sampling, Trace

SLOTS, N, MEDIAN, SIGMA = 64, 5, 0.2, 1.0
FUSION = "Comparison: alike.\nAnswer: [[ all of them ]]"


def service_time(request: Mapping[str, Any]) -> float:
    """Return the seconds that a request takes: the same for equal requests."""
    text = json.dumps([prompt_text(dict(request)), request.get("seed"), request.get("temperature")])
    dice = random.Random(hashlib.sha256(text.encode()).digest())
    return MEDIAN * math.exp(dice.gauss(0, SIGMA))


def is_fusion(request: Mapping[str, Any]) -> bool:
    """Return whether a request is for a fusion: the fusor has temperature 0."""
    return not request.get("temperature")


def list_schedule(
    samples: Sequence[Sequence[float]], fusions: Sequence[float], *, stages: bool = False
) -> float:
    """Return the makespan of the calls on `SLOTS` slots. A free slot takes a fusion that is ready, or the next sample.

    With `stages`, no fusion starts before all samples have started.
    """
    waiting = [(prompt, seconds) for prompt, each in enumerate(samples) for seconds in each][::-1]
    left = [len(each) for each in samples]
    ready: list[float] = []
    running: list[tuple[float, int]] = []  # (end, prompt whose sample it is, or -1)
    now = 0.0
    while waiting or ready or running:
        while len(running) < SLOTS and (waiting or ready):
            if ready and not (stages and waiting):
                heapq.heappush(running, (now + ready.pop(), -1))
            elif waiting:
                prompt, seconds = waiting.pop()
                heapq.heappush(running, (now + seconds, prompt))
            else:
                break
        now, prompt = heapq.heappop(running)
        if prompt >= 0:
            left[prompt] -= 1
            if not left[prompt]:
                ready.append(fusions[prompt])
    return now


def questions(count: int) -> list[Question]:
    """Return artificial prompts of one task."""
    sampling = Sampling(max_tokens=64, temperature=0.7, seed=0)
    return [
        Question(
            task="bench",
            doc_id=i,
            copy=0,
            prompt=Prompt(f"Question {i}"),
            sampling=sampling,
            temperatures=(0.7,),
            language=None,
        )
        for i in range(count)
    ]


def run(count: int) -> tuple[float, list[Mapping[str, Any]]]:
    """Return the seconds from the first call to the last answer, and the bodies of all calls."""
    plan = Plan(
        honours_n=False,
        latency=lambda number, request: service_time(request),
        reply=lambda request, index: FUSION if is_fusion(request) else f"A {request.get('seed')}",
    )
    with serve(plan) as server:
        settings = parse(
            {"model": "test-model", "base_url": server.base_url, "n": N, "concurrency": SLOTS, "cache": "off"}
        )

        async def solve() -> None:
            opener = Opener(settings, Store(None))
            answered: list[Trace] = []
            await solve_all(
                questions(count),
                Solver("fusion", settings, opener),
                2 * SLOTS,
                lambda index, trace: answered.append(trace),
            )
            await opener.close()
            assert len(answered) == count

        started = time.perf_counter()
        asyncio.run(solve())
        return time.perf_counter() - started, [call.body for call in server.calls]


def main() -> None:
    """Run once, and compute the schedules of the run's own calls."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 2_000
    seconds, calls = run(count)
    times: dict[int, list[float]] = {i: [] for i in range(count)}
    fusions = {}
    for body in calls:
        number = int(prompt_text(dict(body)).split("Question ")[1].split()[0])
        if is_fusion(body):
            fusions[number] = service_time(body)
        else:
            times[number].append(service_time(body))
    samples = [times[i] for i in range(count)]
    ends = [fusions[i] for i in range(count)]
    ideal, staged = list_schedule(samples, ends), list_schedule(samples, ends, stages=True)
    busy = (sum(map(sum, samples)) + sum(ends)) / SLOTS
    print(f"{count:,} prompts, {len(calls):,} calls, {SLOTS} slots: busy time / slots {busy:.1f} s")
    print(
        f"ideal list schedule {ideal:6.1f} s   in stages at best {staged:6.1f} s, {staged / ideal:.2f} of it"
    )
    print(f"fusion_eval         {seconds:6.1f} s   {seconds / ideal:.3f} of the ideal")


if __name__ == "__main__":
    main()
