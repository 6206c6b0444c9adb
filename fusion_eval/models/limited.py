"""A door made reliable: slots, retries with backoff, and an end where retrying has none.

It is the one owner of retries. A request that fails for good becomes failed candidates; an endpoint that
fails request after request is given up with one message instead of thousands.
"""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
import logging
import random
from collections.abc import Awaitable, Callable, Hashable
from typing import TypeVar

from fusion_eval.errors import ContextOverflowError, EndpointError, RequestError, TransientError
from fusion_eval.logs import log
from fusion_eval.models import LikelihoodModel, Model
from fusion_eval.models.pace import Pace
from fusion_eval.models.slots import Slots
from fusion_eval.spans import call_span
from fusion_eval.types import Candidate, Prompt, Sampling

T = TypeVar("T")

FIRST_PAUSE, LONGEST_PAUSE, LONGEST_ASKED = 0.5, 30.0, 120.0
"""Seconds: of the first retry, of any retry, and the most that a server's Retry-After may ask for."""
OVERLOADED_PAUSE = 4.0
"""Times as long where the endpoint has too much to do: providers count requests by the minute."""
GIVE_UP_AFTER = 8
"""Prompts that fail for good in a row, without one success between, before the endpoint counts as down."""


class Endpoint:
    """What all that goes to one door shares: its slots, its pace, and how it has fared."""

    def __init__(self, concurrency: int) -> None:
        self.slots = Slots(concurrency)
        self.outstanding = 0
        """Requests that wait for a slot or an answer, where `spread` hands them out."""
        self.lost = False
        """Whether `spread` has left it out."""
        self.calls = 0
        """Requests that were answered."""
        self.retries = 0
        self._pace = Pace(concurrency)
        self._failed_in_a_row: set[Hashable] = set()
        self._answered = False

    def succeeded(self, started: float) -> None:
        """A request that was sent at this moment of the loop's clock was answered."""
        self._failed_in_a_row.clear()
        self._answered = True
        self.calls += 1
        self._pace.answered(started, asyncio.get_running_loop().time())
        self.slots.resize(self._pace.limit)

    def slowed(self, started: float, error: TransientError) -> None:
        """A request failed for now; where the endpoint has too much to do it is asked for less."""
        if error.overloaded:
            self._pace.overloaded(started, asyncio.get_running_loop().time())
            self.slots.resize(self._pace.limit)

    def refused(self, name: str, asked: Hashable, error: RequestError) -> None:
        """A request was refused for what it holds; until the first answer, that may well be so for all of them."""
        if not self._answered and not isinstance(error, ContextOverflowError):
            self.failed(name, asked, error)

    def failed(self, name: str, asked: Hashable, error: Exception) -> None:
        """A request failed for good; raises `EndpointError` where that has become the rule.

        What is asked again and again for n candidates counts once: one prompt may be poison to a sound endpoint.
        """
        self._failed_in_a_row.add(asked)
        if len(self._failed_in_a_row) >= GIVE_UP_AFTER:
            raise EndpointError(
                f"{name} failed on {len(self._failed_in_a_row)} prompts in a row and was given up: {error}. "
                "What is finished is kept; run again to go on"
            ) from error


class Limited:
    """`door` within its endpoint's slots; `urgent` requests go ahead of the others."""

    def __init__(
        self, door: Model, endpoint: Endpoint, *, urgent: bool = False, max_retries: int = 5
    ) -> None:
        self.name, self.identity, self.chat = door.name, door.identity, door.chat
        self.endpoint = endpoint
        self._door, self._urgent, self._max_retries = door, urgent, max_retries

    @property
    def max_n(self) -> int | None:
        """As the door's."""
        return self._door.max_n

    async def sample(self, prompt: Prompt, sampling: Sampling, n: int) -> list[Candidate]:
        """What one request for n brings, one candidate at the least; where it fails for good, n that carry `error`."""
        n = min(n, self.max_n or n)
        retries = -1

        async def ask() -> list[Candidate]:
            nonlocal retries
            retries += 1
            got = await self._door.sample(prompt, sampling, n)
            if not got:
                raise TransientError(f"{self.name} answered without any candidate")
            return got

        try:
            candidates = await self._request(prompt, ask)
        except RequestError as error:
            if self._urgent:  # a strategy can answer a refusal, e.g. with a shorter prompt
                raise
            candidates = _failures(self.name, sampling, n, error)
        except TransientError as error:
            candidates = _failures(self.name, sampling, n, error)
        return after_retries(candidates, retries) if retries else candidates

    async def loglikelihood(self, context: str, continuation: str) -> tuple[float, bool]:
        """As the door's; a request that fails for good raises, as a missing likelihood has no stand-in."""
        door = self._door
        if not isinstance(door, LikelihoodModel):
            raise EndpointError(
                f"{self.name} tells no log-probability of a given text, which this task needs; "
                "use model=embedded, an endpoint with completion=true, or model=lm_eval:hf,pretrained=…"
            )
        return await self._request((context, continuation), lambda: door.loglikelihood(context, continuation))

    async def _request(self, asked: Hashable, call: Callable[[], Awaitable[T]]) -> T:
        """One request with its retries.

        Waiting for another try keeps the slot, unless the endpoint has fewer by then: one that asks for patience gets
        fewer requests, and not those of all other prompts in their place.
        """
        loop = asyncio.get_running_loop()
        failed = 0
        async with self.endpoint.slots.one(self._urgent):
            for attempt in itertools.count():
                started, answered = loop.time(), self.endpoint.calls
                try:
                    with call_span(self.name, attempt):
                        result = await call()
                except TransientError as error:
                    self.endpoint.slowed(started, error)
                    self._told(attempt, loop.time() - started, f"failed for now: {error}")
                    # An endpoint that answers others meanwhile is not failing: this request has to wait its turn.
                    failed += not (error.overloaded and self.endpoint.calls > answered)
                    if failed > self._max_retries:
                        self.endpoint.failed(self.name, asked, error)
                        raise
                    self.endpoint.retries += 1
                    await asyncio.sleep(_pause(attempt, error))
                    await self.endpoint.slots.again()
                except RequestError as error:
                    self._told(attempt, loop.time() - started, f"refused: {error}")
                    self.endpoint.refused(self.name, asked, error)
                    raise
                else:
                    self.endpoint.succeeded(started)
                    self._told(attempt, loop.time() - started, "answered")
                    return result
        raise AssertionError("unreachable: the last try returns or raises")

    def _told(self, attempt: int, seconds: float, outcome: str) -> None:
        if log.isEnabledFor(logging.DEBUG):  # the path of every call
            log.debug("%s, try %d, %.3f s: %s", self.name, attempt + 1, seconds, outcome)

    async def close(self) -> None:
        """Close the door."""
        await self._door.close()


def _pause(attempt: int, error: TransientError) -> float:
    """Seconds: exponential backoff with full jitter, on top of what the server asked for."""
    first = FIRST_PAUSE * OVERLOADED_PAUSE if error.overloaded else FIRST_PAUSE
    ceiling = min(LONGEST_PAUSE, first * 2.0 ** min(attempt, 16))
    jittered = random.random() * ceiling  # noqa: S311 - spreads retries in time, decides no result
    return jittered + min(error.retry_after or 0.0, LONGEST_ASKED)


def after_retries(candidates: list[Candidate], retries: int) -> list[Candidate]:
    """The candidates of a request that so many more tries went before."""
    first = candidates[0]
    return [dataclasses.replace(first, retries=first.retries + retries), *candidates[1:]]


def _failures(name: str, sampling: Sampling, n: int, error: Exception) -> list[Candidate]:
    return [
        Candidate(text="", model=name, seed=sampling.seed + i, finish_reason="error", error=str(error))
        for i in range(n)
    ]
