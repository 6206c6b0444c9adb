"""For tests of the OpenAI door: open one at a test server, sample through it, or get the error that it raises."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from openai_server import Fault, Plan, Server

from fusion_eval.errors import FusionEvalError
from fusion_eval.models.openai.door import OpenAIModel
from fusion_eval.types import Candidate, Prompt, Sampling

StartServer = Callable[[Plan], Server]
"""The fixture `openai_server`."""
PROMPT = Prompt("Why?")
SAMPLING = Sampling(max_tokens=32, temperature=0.7, seed=3)
KEY = "sk-live-0123456789abcdef"


@contextlib.asynccontextmanager
async def door_to(base_url: str, name: str = "test-model", **options: Any) -> AsyncIterator[OpenAIModel]:
    """Open a door, and close it at the end."""
    door = OpenAIModel(name, base_url, **{"timeout": 5.0, **options})
    try:
        yield door
    finally:
        await door.close()


async def sample(
    server: Server, sampling: Sampling = SAMPLING, n: int = 1, prompt: Prompt = PROMPT, **options: Any
) -> list[Candidate]:
    """Sample once through a new door."""
    async with door_to(server.base_url, **options) as door:
        return await door.sample(prompt, sampling, n)


async def error_at(base_url: str, name: str = "test-model", **options: Any) -> FusionEvalError:
    """Return the error of one request through a new door."""
    async with door_to(base_url, name, **options) as door:
        with pytest.raises(FusionEvalError) as caught:
            await door.sample(PROMPT, SAMPLING, 1)
    return caught.value


async def error_for(openai_server: StartServer, fault: Fault) -> FusionEvalError:
    """Return the error of one request to a server on which every call has this fault."""
    return await error_at(openai_server(Plan(faults=lambda number, request: fault)).base_url)


def closed_port() -> int:
    """Return a port where nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])
