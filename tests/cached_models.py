"""Cached models of a test server, composed as the opener composes them, and what the server was asked."""

from __future__ import annotations

from openai_server import Server, default_text

from fusion_eval.models.cached import Cached
from fusion_eval.models.endpoint import Endpoint
from fusion_eval.models.limited import Limited
from fusion_eval.models.openai.door import OpenAIModel
from fusion_eval.models.store.store import Store
from fusion_eval.types import Candidate, Prompt, Sampling

PROMPT = Prompt("Why is the sky blue?")
SAMPLING = Sampling(max_tokens=32, temperature=0.7, seed=0)


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
