"""A door made reliable: slots, retries with backoff, and exactly n candidates.

It is the one owner of retries. A request that fails for good becomes failed candidates; an endpoint that
fails request after request is given up with one message instead of thousands.
"""

from __future__ import annotations

import asyncio
import dataclasses
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

from fusion_eval.errors import EndpointError, RequestError, TransientError
from fusion_eval.models import LikelihoodModel, Model
from fusion_eval.models.slots import Slots
from fusion_eval.types import Candidate, Prompt, Sampling

T = TypeVar("T")

FIRST_PAUSE, LONGEST_PAUSE, LONGEST_ASKED = 0.5, 30.0, 120.0
"""Seconds: of the first retry, of any retry, and the most that a server's Retry-After may ask for."""
GIVE_UP_AFTER = 8
"""Requests that fail for good in a row, without one success between, before the endpoint counts as down."""


class Endpoint:
    """What all models behind one endpoint share: its slots, and how it has fared."""

    def __init__(self, concurrency: int) -> None:
        self.slots = Slots(concurrency)
        self._failed_in_a_row = 0

    def succeeded(self) -> None:
        """A request was answered."""
        self._failed_in_a_row = 0

    def failed(self, name: str, error: Exception) -> None:
        """A request failed for good; raises `EndpointError` where that has become the rule."""
        self._failed_in_a_row += 1
        if self._failed_in_a_row >= GIVE_UP_AFTER:
            raise EndpointError(
                f"{name} failed {self._failed_in_a_row} requests in a row and was given up: {error}. "
                "What is finished is kept; run again to go on"
            ) from error


class Limited:
    """`door` within its endpoint's slots; `urgent` requests go ahead of the others."""

    def __init__(
        self, door: Model, endpoint: Endpoint, *, urgent: bool = False, max_retries: int = 5
    ) -> None:
        self.name, self.identity, self.chat = door.name, door.identity, door.chat
        self.max_n: int | None = None
        self._door, self._endpoint, self._urgent, self._max_retries = door, endpoint, urgent, max_retries

    async def sample(self, prompt: Prompt, sampling: Sampling, n: int) -> list[Candidate]:
        """Exactly n candidates, in the order of their seeds; those that failed for good carry `error`."""
        limit = self._door.max_n or n
        if limit < n:
            return await self._sample_parts(prompt, sampling, n, limit)
        try:
            got = await self._request(lambda: self._door.sample(prompt, sampling, n))
        except RequestError as error:
            if self._urgent:  # a strategy can answer a refusal, e.g. with a shorter prompt
                raise
            return _failures(self.name, sampling, n, error)
        except TransientError as error:
            return _failures(self.name, sampling, n, error)
        missing = n - len(got)
        if not missing:
            return got
        later = dataclasses.replace(sampling, seed=sampling.seed + len(got))
        return got + await self._sample_parts(prompt, later, missing, len(got))

    async def _sample_parts(self, prompt: Prompt, sampling: Sampling, n: int, size: int) -> list[Candidate]:
        parts = (
            self.sample(
                prompt, dataclasses.replace(sampling, seed=sampling.seed + start), min(size, n - start)
            )
            for start in range(0, n, size)
        )
        return [candidate for part in await asyncio.gather(*parts) for candidate in part]

    async def loglikelihood(self, context: str, continuation: str) -> tuple[float, bool]:
        """As the door's; a request that fails for good raises, as a missing likelihood has no stand-in."""
        door = self._door
        if not isinstance(door, LikelihoodModel):
            raise EndpointError(
                f"{self.name} tells no log-probability of a given text, which this task needs; "
                "use model=embedded, an endpoint with completion=true, or model=lm_eval:hf,pretrained=…"
            )
        return await self._request(lambda: door.loglikelihood(context, continuation))

    async def _request(self, call: Callable[[], Awaitable[T]]) -> T:
        """One request with its retries. Waiting between tries holds no slot."""
        for attempt in range(self._max_retries + 1):
            try:
                async with self._endpoint.slots.one(self._urgent):
                    result = await call()
            except TransientError as error:
                if attempt == self._max_retries:
                    self._endpoint.failed(self.name, error)
                    raise
                await asyncio.sleep(_pause(attempt, error.retry_after))
            except RequestError as error:
                self._endpoint.failed(self.name, error)
                raise
            else:
                self._endpoint.succeeded()
                return result
        raise AssertionError("unreachable: the last attempt returns or raises")

    async def close(self) -> None:
        """Close the door."""
        await self._door.close()


def _pause(attempt: int, asked: float | None) -> float:
    """Exponential backoff with full jitter, never less than the server asked for."""
    ceiling = min(LONGEST_PAUSE, FIRST_PAUSE * 2**attempt)
    jittered = random.random() * ceiling  # noqa: S311 - spreads retries in time, decides no result
    return jittered if asked is None else min(asked, LONGEST_ASKED) + (jittered if asked else 0.0)


def _failures(name: str, sampling: Sampling, n: int, error: Exception) -> list[Candidate]:
    return [
        Candidate(text="", model=name, seed=sampling.seed + i, finish_reason="error", error=str(error))
        for i in range(n)
    ]
