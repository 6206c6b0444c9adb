"""Models with prices: an opener for a test server, and a door that knows what a provider would have been paid."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from openai_server import Server

from fusion_eval.errors import TransientError
from fusion_eval.model_arguments import parse
from fusion_eval.models.opener import Opener
from fusion_eval.models.prices import Price
from fusion_eval.models.store.store import Store
from fusion_eval.models.together import gather_or_cancel
from fusion_eval.types import Candidate, Prompt, Sampling

SAMPLING = Sampling(max_tokens=32, temperature=0.7, seed=0)
PRICE = Price(1e-6, 2e-6)
PROMPTS = [Prompt(f"Question {i}: why is the sky blue?") for i in range(20)]


def opener(server: Server, store: Store | None = None, **arguments: Any) -> Opener:
    """Return an opener for models that cost 1 dollar per million prompt tokens and 2 per million completion tokens."""
    defaults = {"model": "test-model", "base_url": server.base_url, "price_in": 1, "price_out": 2}
    chosen = {name: value for name, value in (defaults | arguments).items() if value != ""}
    return Opener(parse(chosen), store or Store(None))


async def sample_all(opener: Opener, prompts: list[Prompt], n: int = 1) -> list[list[Candidate]]:
    (model,) = opener.sampler()
    try:
        return await gather_or_cancel(model.sample(prompt, SAMPLING, n) for prompt in prompts)
    finally:
        await opener.close()


def count_words(text: str) -> int:
    """Count a text's tokens as the test server does."""
    return len(text.split())


class ProviderDoor:
    """A door at `PRICE` that counts what a provider would have been paid at each moment.

    `used_share()` says how much of `max_tokens` a reply uses, `wait()` how many seconds it takes, and `fails()` whether
    the request fails.
    """

    name = identity = "provider"
    chat = True
    max_n: int | None = None

    def __init__(
        self,
        used_share: Callable[[], float] = lambda: 1.0,
        wait: Callable[[], float] = lambda: 0.0,
        fails: Callable[[], bool] = lambda: False,
    ) -> None:
        self.used_share, self.wait, self.fails = used_share, wait, fails
        self.spent, self.in_flight, self.calls = 0.0, 0.0, 0
        self.highest = 0.0
        """The most that was ever spent, if all calls in flight had written as much as they may."""

    async def sample(self, prompt: Prompt, sampling: Sampling, n: int) -> list[Candidate]:
        most = sampling.max_tokens * n * PRICE.completion
        self.calls += 1
        self.in_flight += most
        self.highest = max(self.highest, self.spent + self.in_flight)
        await asyncio.sleep(self.wait())
        self.in_flight -= most
        if self.fails():
            raise TransientError("busy")
        written = round(sampling.max_tokens * self.used_share())
        self.spent += written * PRICE.completion + PRICE.prompt
        return [Candidate("x", self.name, sampling.seed, prompt_tokens=1, completion_tokens=written)]

    async def close(self) -> None:
        """Do nothing: nothing is open."""
