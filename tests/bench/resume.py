"""Measure how fast a repeated run reads its stored generations.

    python tests/bench/resume.py [GENERATIONS]

Prints generations per second, and milliseconds of this process's CPU per generation: medians over several rounds.
Each round opens the store and the model anew, as a run does; the prompts are made before. Nobody listens at the model's
address, so a generation that is not found would be an error.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import time
from pathlib import Path

from fusion_eval.model_arguments import parse
from fusion_eval.models.cached import keys_of
from fusion_eval.models.event_loop import run_anywhere
from fusion_eval.models.opener import Opener
from fusion_eval.models.store.store import Store
from fusion_eval.strategies.sampler import draw
from fusion_eval.types import Candidate, Message, Prompt, Sampling

GENERATIONS, PER_PROMPT, ROUNDS, WORKERS = 100_000, 5, 3, 128
SETTINGS = parse({"model": "test-model", "base_url": "http://127.0.0.1:9/v1"})
SAMPLING = Sampling(max_tokens=512, temperature=0.7, seed=0)
WORDS = "a reply of some length, as a small model writes it " * 12


def prompt(number: int) -> Prompt:
    """Return a chat prompt of a few hundred letters, as a task without few-shot examples has."""
    return Prompt(messages=(Message("system", WORDS[:200]), Message("user", f"{number}. {WORDS[:300]}")))


def fill(path: Path, generations: int) -> None:
    """Write the store that a finished run leaves."""
    with Store(path) as store:
        identity = Opener(SETTINGS, store).sampler()[0].identity
        for number in range(generations // PER_PROMPT):
            keys = keys_of(identity, prompt(number), SAMPLING, PER_PROMPT)
            store.keep(
                {key: Candidate(f"{number}/{i} {WORDS}", "test-model", seed=i) for i, key in enumerate(keys)}
            )


async def read_all(path: Path, prompts: list[Prompt]) -> None:
    """Draw every pool, as a run does."""
    store = Store(path)
    opener = Opener(SETTINGS, store)
    models = opener.sampler()
    waiting = iter(prompts)

    async def worker() -> None:
        for own in waiting:
            pool = await draw(models, (SAMPLING.temperature,), own, SAMPLING, PER_PROMPT)
            assert len(pool.usable) == PER_PROMPT

    await asyncio.gather(*(worker() for _ in range(WORKERS)))
    await opener.close()
    store.close()


def main() -> None:
    """Write the store once and read it several times."""
    generations = int(sys.argv[1]) if len(sys.argv) > 1 else GENERATIONS
    rates: list[float] = []
    cpus: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "store.sqlite"
        fill(path, generations)
        prompts = [prompt(number) for number in range(generations // PER_PROMPT)]
        for _ in range(ROUNDS):
            wall, cpu = time.perf_counter(), time.process_time()
            run_anywhere(lambda: read_all(path, prompts))
            rates.append(generations / (time.perf_counter() - wall))
            cpus.append((time.process_time() - cpu) / generations * 1000)
    print(f"{generations:,} generations, {PER_PROMPT} per prompt")
    print(
        f"{statistics.median(rates):,.0f} generations/s  {statistics.median(cpus):.3f} ms CPU per generation"
    )


if __name__ == "__main__":
    main()
