"""A limited model of a test server, and the faults that its tests use."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

from openai_server import Fault, Server

from fusion_eval.models.endpoint import Endpoint
from fusion_eval.models.limited import Limited
from fusion_eval.models.openai.door import OpenAIModel
from fusion_eval.types import Prompt, Sampling

PROMPT = Prompt("Why?")
SAMPLING = Sampling(max_tokens=32, temperature=0.7, seed=3)


@contextlib.asynccontextmanager
async def limited_model(server: Server, concurrency: int = 4, **options: Any) -> AsyncIterator[Limited]:
    door = OpenAIModel("test-model", server.base_url, timeout=10)
    model = Limited(door, Endpoint(concurrency), **options)
    try:
        yield model
    finally:
        await model.close()


def always(fault: Fault) -> Callable[[int, Any], Fault]:
    return lambda number, request: fault


def refusal(message: str) -> Fault:
    return Fault("status", 400, body={"error": {"message": message}})


def prompts(count: int) -> list[Prompt]:
    return [Prompt(f"prompt {i}") for i in range(count)]
