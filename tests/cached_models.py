"""Cached models of a test server, composed as the opener composes them, and what the server was asked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from openai_server import Server, default_text

from fusion_eval.models.cached import Cached
from fusion_eval.models.endpoint import Endpoint
from fusion_eval.models.limited import Limited
from fusion_eval.models.openai.door import OpenAIModel
from fusion_eval.models.store.store import Store
from fusion_eval.types import Candidate, Prompt, Sampling

PROMPT = Prompt("Why is the sky blue?")
SAMPLING = Sampling(max_tokens=32, temperature=0.7, seed=0)
QUESTIONS = [Prompt(f"question {i}") for i in range(8)]


class SimultaneousDoor:
    """A door that waits until `expected` requests have come, and answers them all in one turn."""

    name, identity, chat, max_n = "m", "m", True, None

    def __init__(self, expected: int) -> None:
        self._barrier = asyncio.Barrier(expected)

    async def sample(self, prompt: Prompt, sampling: Sampling, n: int) -> list[Candidate]:
        await self._barrier.wait()
        return [Candidate(f"{prompt.text} {i}", self.name, seed=sampling.seed + i) for i in range(n)]

    async def close(self) -> None:
        pass


def cached_model(
    server: Server, store: Store, name: str = "test-model", *, retries: int = 0, concurrency: int = 16
) -> Cached:
    door = OpenAIModel(name, server.base_url, timeout=10)
    return Cached(Limited(door, Endpoint(concurrency), max_retries=retries), store)


async def sample(model: Cached, n: int, prompt: Prompt = PROMPT) -> list[Candidate]:
    """Sample as one run does: with connections of its own, closed at the end."""
    try:
        return await model.sample(prompt, SAMPLING, n)
    finally:
        await model.close()


def expected_text(seed: int, name: str = "test-model", prompt: Prompt = PROMPT) -> str:
    """Return the server's default reply to a prompt of these tests."""
    return default_text(name, prompt.text, seed, SAMPLING.temperature)


def texts(candidates: list[Candidate]) -> list[str]:
    return [candidate.text for candidate in candidates]


def seeds_and_n(server: Server) -> list[tuple[int, int]]:
    """Return seed and n of each call, in order of arrival."""
    return [(call.body["seed"], call.body.get("n", 1)) for call in server.calls]


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - the server is in another thread
            await asyncio.sleep(0.01)
