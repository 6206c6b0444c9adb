"""Compare whole runs of strategies that work in rounds with the shortest run that their slots allow, on a virtual clock.

    python tests/bench/rounds.py [PROMPTS] [STRATEGY …]

Each prompt takes N = 5 samples, each a request of its own, and the calls of the strategy. The endpoint has 32 slots. Its
service times are lognormal (median 1 s, sigma 0.5). The real strategies, slots and store run; only the clock and the model
are replaced, so a run of hours takes seconds. Prints the run's time and its ratio to two bounds: the work of all calls
divided by the slots, which no run can beat, and the slots' work with the tail that any run has once the last request has
begun: an ideal list schedule of the same calls without dependencies between them.
"""

from __future__ import annotations

import asyncio
import heapq
import random
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from choosing_models import shown
from scripted import text_of

from fusion_eval.model_arguments import parse
from fusion_eval.models import Model
from fusion_eval.models.opener import Opener
from fusion_eval.models.store.store import Store
from fusion_eval.strategies.question import Question
from fusion_eval.strategies.shares import solve_all
from fusion_eval.strategies.solver import Solver
from fusion_eval.types import Candidate, Prompt, Sampling, Trace

SLOTS, N, SIGMA = 32, 5, 0.5
STRATEGIES = (
    "rsa",
    "rsa(population=4,k=2,rounds=3)",
    "moa",
    "pairrank",
    "genselect(window=2)",
    "refine(by=chrf)",
)
STRATEGIES += ("council", "chops", "usc", "fusion")


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock jumps to the next timer as soon as nothing else is to be done."""

    now = 0.0

    def time(self) -> float:
        """Return the virtual time."""
        return self.now

    def _run_once(self) -> None:
        loop: Any = self  # its queues are private
        if not loop._ready and loop._scheduled:
            self.now = max(self.now, loop._scheduled[0]._when)
        loop_class: Any = asyncio.SelectorEventLoop
        loop_class._run_once(self)


class SlowModel:
    """A chat model that needs a random time for each reply, and names the first candidate that it is shown."""

    name = identity = "slow"
    chat = True
    max_n: int | None = 1

    def __init__(self) -> None:
        self.times: list[float] = []
        self._dice = random.Random(1)

    async def sample(self, prompt: Prompt, sampling: Sampling, n: int) -> list[Candidate]:
        """Wait, then return a reply that every strategy can read."""
        seconds = self._dice.lognormvariate(0, SIGMA)
        self.times.append(seconds)
        await asyncio.sleep(seconds)
        asked = text_of(prompt)
        if "[[CHANGE]]" in asked:
            text = "It lacks a reason. [[CHANGE]]"
        elif "the best one first and each number once" in asked:
            text = f"[[{', '.join(str(i + 1) for i in range(len(shown(asked))))}]]"
        elif "[[" in asked and shown(asked):
            text = "The first. [[1]]" if "Answer: [[" not in asked else "Alike.\nAnswer: [[ all of them ]]"
        else:
            text = f"A new text {len(self.times)}"
        return [Candidate(text, self.name, sampling.seed)]

    async def close(self) -> None:
        """Do nothing: nothing is open."""


class SlowOpener(Opener):
    """Opens the slow model under every name."""

    door: Model

    def _door(self, *_: object) -> Model:
        return self.door


async def run(strategy: str, prompts: int) -> tuple[float, list[float], int]:
    """Return the virtual time of a run, the times of its calls in their order, and how many answers fell back."""
    arguments = parse(
        {"model": "slow", "base_url": "http://slow/v1", "n": N, "concurrency": SLOTS, "cache": "off"}
    )
    opener, model = SlowOpener(arguments, Store(None)), SlowModel()
    opener.door = model
    sampling = Sampling(max_tokens=64, temperature=0.7, seed=0)
    questions = [
        Question("bench", i, 0, None, Prompt(f"Question {i}"), sampling, (0.7,)) for i in range(prompts)
    ]
    traces: list[Trace] = []
    solver = Solver(strategy, arguments, opener)
    await solve_all(questions, solver, 2 * SLOTS, lambda index, trace: traces.append(trace))
    return (
        asyncio.get_running_loop().time(),
        model.times,
        sum(bool(trace.answer.fallback) for trace in traces),
    )


def list_schedule(times: Sequence[float]) -> float:
    """Return the time that the calls take on the slots, each begun as soon as a slot is free."""
    ends = [0.0] * SLOTS
    for seconds in times:
        heapq.heapreplace(ends, ends[0] + seconds)
    return max(ends)


def main() -> None:
    """Run every strategy once."""
    prompts = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    print(f"{prompts} prompts, N = {N}, {SLOTS} slots")
    for strategy in sys.argv[2:] or STRATEGIES:
        loop = VirtualLoop()
        seconds, times, fallbacks = loop.run_until_complete(run(strategy, prompts))
        loop.close()
        work, ideal = sum(times) / SLOTS, list_schedule(times)
        print(
            f"{strategy:32} {len(times) / prompts:6.1f} calls a prompt {seconds:9.1f} s   "
            f"{seconds / work:.3f} of work / slots   {seconds / ideal:.3f} of the list schedule   {fallbacks} fallbacks"
        )


if __name__ == "__main__":
    main()
