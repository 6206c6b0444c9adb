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

from fusion_eval.errors import EndpointError, RequestError, TransientError
from fusion_eval.logs import log
from fusion_eval.models import LikelihoodModel, Model
from fusion_eval.models.endpoint import GO_ON, Endpoint
from fusion_eval.models.spans import call_span
from fusion_eval.types import Candidate, Prompt, Sampling

T = TypeVar("T")

FIRST_PAUSE, LONGEST_PAUSE, LONGEST_ASKED = 0.5, 30.0, 120.0
"""Seconds: of the first retry, of any retry, and the most that a server may ask for before it counts as down."""
OVERLOADED_PAUSE = 4.0
"""Times as long where the endpoint has too much to do: providers count requests by the minute."""


class Limited:
    """`door` within its endpoint's slots; `urgent` requests go ahead of the others.

    A request is tried `max_retries` times again where it fails, and, where the endpoint has too much to do, as many
    times again as `waits` says. An answer that seems to have gone astray is looked at again `looks` times. `where` is the
    address, for logs and spans.
    """

    def __init__(
        self,
        door: Model,
        endpoint: Endpoint,
        *,
        urgent: bool = False,
        max_retries: int = 5,
        waits: int | None = None,
        looks: int = 0,
        where: str = "",
    ) -> None:
        self.name, self.identity, self.chat = door.name, door.identity, door.chat
        self.endpoint = endpoint
        self._door, self._urgent, self._max_retries = door, urgent, max_retries
        self._waits, self._looks = max_retries if waits is None else waits, looks
        self._where = where

    @property
    def max_n(self) -> int | None:
        """As the door's."""
        return self._door.max_n

    async def sample(self, prompt: Prompt, sampling: Sampling, n: int) -> list[Candidate]:
        """What one request for n brings, one candidate at the least; where it fails for good, n that carry `error`."""
        try:
            return await self.attempt(prompt, sampling, n)
        except (RequestError, TransientError) as error:
            return self.failed(sampling, n, error)

    async def attempt(self, prompt: Prompt, sampling: Sampling, n: int) -> list[Candidate]:
        """The same, but raises where it fails for good."""
        candidates = await self._sampled(prompt, sampling, min(n, self.max_n or n))
        for place in astray(candidates, sampling) if self._looks else ():
            candidates[place] = await self._look_again(prompt, sampling, candidates[place])
        return candidates

    def failed(self, sampling: Sampling, n: int, error: RequestError | TransientError) -> list[Candidate]:
        """What stands in the place of candidates that could not be had; who aggregates is raised a refusal."""
        if self._urgent and isinstance(error, RequestError):
            raise error  # a strategy can answer it, e.g. with a shorter prompt
        failures = [
            Candidate(
                text="", model=self.name, seed=sampling.seed + i, finish_reason="error", error=str(error)
            )
            for i in range(min(n, self.max_n or n))
        ]
        return after_retries(failures, error.retries)

    async def _sampled(self, prompt: Prompt, sampling: Sampling, n: int) -> list[Candidate]:
        candidates, retries = await self._request(prompt, lambda: self._door.sample(prompt, sampling, n))
        if not candidates:
            raise TransientError(f"{self.name} answered without any candidate")
        return after_retries(candidates, retries) if retries else candidates

    async def _look_again(self, prompt: Prompt, sampling: Sampling, found: Candidate) -> Candidate:
        """An answer in the place of one that went astray; the last, where all do: then that is what the model writes."""
        own = dataclasses.replace(sampling, seed=found.seed)
        for _ in range(self._looks):
            try:
                again = (await self._sampled(prompt, own, 1))[0]
            except (RequestError, TransientError):  # then what there is has to do
                break
            # The text is the last one's, and so are its tokens; what was read, and paid, is that of all tries.
            found = dataclasses.replace(
                again,
                prompt_tokens=found.prompt_tokens + again.prompt_tokens,
                cost=None if again.cost is None else again.cost + (found.cost or 0.0),
                retries=found.retries + again.retries + 1,
            )
            if not astray([again], own):
                break
        return found

    async def loglikelihood(self, context: str, continuation: str) -> tuple[float, bool]:
        """As the door's; a request that fails for good raises, as a missing likelihood has no stand-in."""
        door = self._door
        if not isinstance(door, LikelihoodModel):
            raise EndpointError(
                f"{self.name} tells no log-probability of a given text, which this task needs; "
                "use model=embedded, an endpoint with completion=true, or model=lm_eval:hf,pretrained=…"
            )
        asked = context, continuation
        return (await self._request(asked, lambda: door.loglikelihood(context, continuation)))[0]

    async def _request(self, asked: Hashable, call: Callable[[], Awaitable[T]]) -> tuple[T, int]:
        """(What one request brings, how many tries had failed before).

        Waiting for another try keeps the slot, unless the endpoint has fewer by then: one that asks for patience gets
        fewer requests, and not those of all other prompts in their place.
        """
        loop = asyncio.get_running_loop()
        failed = waited = 0
        answered = self.endpoint.calls
        async with self.endpoint.slots.one(self._urgent):
            for attempt in itertools.count():
                if self.endpoint.lost:  # while this one waited for its turn: `spread` asks elsewhere
                    raise EndpointError(f"{self.name} at {self._where} was given up")
                started = loop.time()
                try:
                    with call_span(self.name, self._where, attempt):
                        result = await call()
                except TransientError as error:
                    error.retries = attempt
                    self.endpoint.slowed(started, error)
                    self._told(attempt, loop.time() - started, f"failed for now: {error}")
                    self._bear(error)
                    # An endpoint that answers others meanwhile is not failing: this request has to wait its turn.
                    waited += error.overloaded and self.endpoint.calls == answered
                    failed += not error.overloaded
                    answered = self.endpoint.calls
                    if failed > self._max_retries or waited > self._waits:
                        self.endpoint.failed(self.name, asked, error)
                        raise
                    self.endpoint.retries += 1
                    await asyncio.sleep(pause(attempt, error))
                    await self.endpoint.slots.again()
                except RequestError as error:
                    error.retries = attempt
                    self._told(attempt, loop.time() - started, f"refused: {error}")
                    self.endpoint.refused(self.name, asked, error)
                    raise
                else:
                    self.endpoint.succeeded(started)
                    self._told(attempt, loop.time() - started, "answered")
                    return result, attempt
        raise AssertionError("unreachable: the last try returns or raises")

    def _bear(self, error: TransientError) -> None:
        """Wait as long as a server asks for, within reason; `EndpointError` beyond."""
        if error.retry_after is not None and error.retry_after > LONGEST_ASKED:
            raise EndpointError(
                f"{self.name} asks to wait {error.retry_after:,.0f} s before the next request ({error}). {GO_ON}"
            ) from error

    def _told(self, attempt: int, seconds: float, outcome: str) -> None:
        if log.isEnabledFor(logging.DEBUG):  # the path of every call
            where = f" at {self._where}" if self._where else ""
            log.debug("%s%s, try %d, %.3f s: %s", self.name, where, attempt + 1, seconds, outcome)

    async def close(self) -> None:
        """Close the door."""
        await self._door.close()


def pause(attempt: int, error: TransientError) -> float:
    """Seconds: exponential backoff with full jitter, on top of what the server asked for."""
    first = FIRST_PAUSE * OVERLOADED_PAUSE if error.overloaded else FIRST_PAUSE
    ceiling = min(LONGEST_PAUSE, first * 2.0 ** min(attempt, 16))
    jittered = random.random() * ceiling  # noqa: S311 - spreads retries in time, decides no result
    return jittered + (error.retry_after or 0.0)


def after_retries(candidates: list[Candidate], retries: int) -> list[Candidate]:
    """The candidates of a request that so many more tries went before."""
    first = candidates[0]
    return [dataclasses.replace(first, retries=first.retries + retries), *candidates[1:]]


def astray(candidates: list[Candidate], sampling: Sampling) -> list[int]:
    """Places of answers that look like a fault of the server's: empty ones, and those cut short of `max_tokens`.

    A model may write nothing, and a context may be full; so they are asked for once more, and believed in the end.
    """
    found = []
    for place, candidate in enumerate(candidates):
        if candidate.finish_reason == "length":
            written = sum(other.completion_tokens for other in candidates)
            if 0 < written < sampling.max_tokens:
                found.append(place)
        elif not (candidate.text or candidate.reasoning) and candidate.finish_reason in ("stop", "unknown"):
            found.append(place)
    return found
