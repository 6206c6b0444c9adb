"""The clients that `hot_path.py` compares. Each runs in a process of its own.

    python tests/bench/hot_path_clients.py CLIENT BASE_URL FOLDER

Prints the speed as one line of JSON. Only the time in which answers are drawn counts. The commands of the harness are
timed in the model's method `generate_until`, and the other clients from their first request to their last answer.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
import time
import urllib.request
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

AT_ONCE = 64
TASK, REQUESTS = "hot_path", "requests.jsonl"
"""The task's name, and the file with the bodies of the command's requests, which the other clients send again."""

Pair = tuple[dict[str, Any], dict[str, Any]]
"""The bodies of a prompt's two requests: the one for samples, and the one for the fusion."""


@contextmanager
def timed(base_url: str) -> Iterator[None]:
    """Print the requests that the server answered during the block, and the seconds and CPU seconds that it took."""
    calls, wall, cpu = answered(base_url), time.perf_counter(), time.process_time()
    yield
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(json.dumps({"calls": answered(base_url) - calls, "seconds": wall, "cpu": cpu}), flush=True)


def answered(base_url: str) -> int:
    """Return how many requests the server has answered."""
    with urllib.request.urlopen(f"{base_url}/calls") as response:
        return int(response.read())


def pairs(folder: Path, limit: int | None = None) -> list[Pair]:
    """Return the bodies of the command's requests, by prompt."""
    by_prompt: dict[str, dict[bool, dict[str, Any]]] = {}
    for line in (folder / REQUESTS).read_text(encoding="utf-8").splitlines():
        body = json.loads(line)
        number = re.search(r"Question (\d+)", line)
        assert number is not None
        by_prompt.setdefault(number[1], {})[body["temperature"] == 0] = body
    return [(bodies[False], bodies[True]) for bodies in by_prompt.values()][:limit]


async def send_all(base_url: str, bodies: list[Pair], send: Callable[[Pair], Awaitable[object]]) -> None:
    """Answer all prompts, `AT_ONCE` at a time."""
    waiting = iter(bodies)

    async def work() -> None:
        for pair in waiting:
            await send(pair)

    with timed(base_url):
        await asyncio.gather(*(work() for _ in range(AT_ONCE)))


async def bare_aiohttp(base_url: str, folder: Path) -> None:
    """Send each request and read the texts of its reply, without checks, counts or a store."""
    import aiohttp

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def send(pair: Pair) -> None:
            for body in pair:
                async with session.post(f"{base_url}/chat/completions", json=body) as response:
                    reply = await response.json()
                assert [choice["message"]["content"] for choice in reply["choices"]]

        await send_all(base_url, pairs(folder), send)


async def openai_client(base_url: str, folder: Path) -> None:
    """Send each request with OpenAI's own client."""
    from openai import AsyncOpenAI

    async with AsyncOpenAI(base_url=base_url, api_key="none") as client:

        async def send(pair: Pair) -> None:
            for body in pair:
                reply = await client.chat.completions.create(**body)
                assert [choice.message.content for choice in reply.choices]

        await send_all(base_url, pairs(folder, 500), send)


async def litellm_client(base_url: str, folder: Path) -> None:
    """Send each request with litellm."""
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # prices from the package, not from the network
    import litellm

    async def send(pair: Pair) -> None:
        for body in pair:
            options = {**body, "model": f"openai/{body['model']}"}
            reply = await litellm.acompletion(api_base=base_url, api_key="none", **options)
            assert [choice.message.content for choice in reply.choices]

    await send_all(base_url, pairs(folder, 200), send)


async def its_hub_client(base_url: str, folder: Path) -> None:
    """Send each request with its_hub. It knows no `n`, so it sends one request for each sample."""
    from its_hub import LMOrchestrator, OpenAICompatibleLanguageModel
    from its_hub.api import ChatMessage

    orchestrator = LMOrchestrator(max_concurrency=AT_ONCE)
    async with OpenAICompatibleLanguageModel(base_url, "none", "test-model") as model:

        async def send(pair: Pair) -> None:
            for body in pair:
                messages = [ChatMessage(**message) for message in body["messages"]]
                replies = await orchestrator.agenerate(
                    model,
                    [messages] * body.get("n", 1),
                    max_completion_tokens=body["max_tokens"],
                    temperature=body["temperature"],
                )
                assert [reply["content"] for reply in replies]

        await send_all(base_url, pairs(folder, 200), send)


def lm_eval_fusion(base_url: str, folder: Path) -> None:
    """Run `lm_eval --model fusion` with a new store."""
    from fusion_eval.harness.lm import FusionLM

    store = folder / f"{time.time_ns()}.sqlite"
    arguments = f"model=test-model,base_url={base_url},n=5,concurrency={AT_ONCE},cache={store}"
    run_command(base_url, folder, FusionLM, "fusion", arguments)


def lm_eval_local_chat(base_url: str, folder: Path) -> None:
    """Run `lm_eval --model local-chat-completions`, which asks once for each prompt."""
    from lm_eval.models.openai_completions import LocalChatCompletion

    arguments = f"model=test-model,base_url={base_url}/chat/completions,num_concurrent={AT_ONCE}"
    run_command(base_url, folder, LocalChatCompletion, "local-chat-completions", arguments)


def run_command(base_url: str, folder: Path, model: Any, name: str, arguments: str) -> None:
    """Run the harness's command, and time the model's method that draws the answers."""
    from lm_eval.__main__ import cli_evaluate

    generate_until = model.generate_until

    def timed_generate_until(*args: Any, **options: Any) -> Any:
        with timed(base_url):
            return generate_until(*args, **options)

    model.generate_until = timed_generate_until
    sys.argv = ["lm_eval", "run", "--model", name, "--model_args", arguments, "--tasks", TASK]
    sys.argv += ["--include_path", str(folder), "--apply_chat_template"]
    sys.argv += ["--output_path", str(folder / name), "--log_samples"]
    cli_evaluate()


CLIENTS: dict[str, Callable[[str, Path], Any]] = {
    "bare aiohttp": bare_aiohttp,
    "lm_eval --model fusion": lm_eval_fusion,
    "lm_eval --model local-chat-completions": lm_eval_local_chat,
    "openai": openai_client,
    "litellm": litellm_client,
    "its_hub": its_hub_client,
}


def main() -> None:
    """Run one client."""
    name, base_url, folder = sys.argv[1:]
    result = CLIENTS[name](base_url, Path(folder))
    if asyncio.iscoroutine(result):
        asyncio.run(result)


if __name__ == "__main__":
    main()
