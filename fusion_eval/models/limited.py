"""Make the requests of one door reliable: a limit on requests in flight, retries, and an end to retrying.

No other code retries. A request that fails for good becomes failed candidates. An endpoint that fails request after
request is given up with one message instead of thousands.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import random
import time

import msgspec

from fusion_eval.errors import EndpointError, RequestError, TransientError
from fusion_eval.models import Model
from fusion_eval.models.endpoint import CONTINUE_HINT, Endpoint
from fusion_eval.models.logs import log
from fusion_eval.models.spans import call_spans
from fusion_eval.types import Candidate, Prompt, Sampling

FIRST_PAUSE = 0.5
"""Seconds before the first retry, at most."""
LONGEST_PAUSE = 30.0
"""Seconds before any retry, at most, unless the server asks for more."""
LONGEST_RETRY_AFTER = 120.0
"""Seconds that a server may ask to wait. A server that asks for more counts as down."""
OVERLOADED_PAUSE = 4.0
"""Factor on the pause where the endpoint is overloaded: providers count requests by the minute."""


class Limited:
    """Send requests to `door` within the slots of its endpoint, and retry those that fail.

    Args:
        door: The model that sends one request at a time.
        endpoint: The slots and the health that all models at this address share.
        urgent: Whether its requests go ahead of those that are not urgent. An urgent model raises `RequestError`
            where another one returns failed candidates, because a strategy can shorten the prompt.
        max_retries: Retries of a request that fails.
        max_overload_retries: Retries of a request while the endpoint is overloaded; default: `max_retries`.
        where: The address, for logs and spans.
        role: Who asks. A fusor that always fails is given up, even if the sampler at the same endpoint succeeds.
    """

    def __init__(
        self,
        door: Model,
        endpoint: Endpoint,
        *,
        urgent: bool = False,
        max_retries: int = 5,
        max_overload_retries: int | None = None,
        where: str = "",
        role: str = "sampler",
    ) -> None:
        self.name, self.identity, self.chat = door.name, door.identity, door.chat
        self.endpoint = endpoint
        self._door, self._urgent, self._where, self._role = door, urgent, where, role
        self._span = call_spans(self.name, where)
        self._max_retries = max_retries
        self._max_overload_retries = max_retries if max_overload_retries is None else max_overload_retries

    @property
    def max_n(self) -> int | None:
        """The most candidates that one request to the door brings; None where no limit is known."""
        return self._door.max_n

    async def sample(self, prompt: Prompt, sampling: Sampling, n: int) -> list[Candidate]:
        """Return the candidates of one request for n, at least one; n failed ones where it fails for good."""
        try:
            return await self.request(prompt, sampling, n)
        except (RequestError, TransientError) as error:
            return self.failed(sampling, n, error)

    async def request(self, prompt: Prompt, sampling: Sampling, n: int) -> list[Candidate]:
        """Return the candidates of one request for n, at least one.

        A request keeps its slot while it waits for a retry, unless the endpoint has fewer slots by then. An overloaded
        endpoint thus gets fewer requests, and no other prompt takes the place of one that waits.

        Raises:
            TransientError: Every try failed.
            RequestError: The server refused the request.
            EndpointError: The endpoint was given up.
        """
        endpoint = self.endpoint
        failures = _Failures(endpoint)
        async with endpoint.slots.hold(self._urgent):
            for attempt in itertools.count():
                # It was lost while this request waited for its slot. `LoadBalancer` then sends the request elsewhere.
                if endpoint.lost:
                    raise EndpointError(f"{self.name} at {self._where} was given up")
                started = time.monotonic()
                try:
                    with self._span(attempt):
                        candidates = await self._door.sample(prompt, sampling, n)
                except TransientError as error:
                    error.retries = attempt
                    endpoint.slowed(started, error)
                    self._log(attempt, started, f"failed for now: {error}")
                    self._check_retry_after(error)
                    failures.add(error)
                    if failures.errors > self._max_retries or failures.overloads > self._max_overload_retries:
                        endpoint.failed(self.name, prompt, error, self._role)
                        raise
                    endpoint.retries += 1
                    await asyncio.sleep(pause(attempt, error))
                    await endpoint.slots.reacquire()
                except RequestError as error:
                    error.retries = attempt
                    self._log(attempt, started, f"refused: {error}")
                    endpoint.refused(self.name, prompt, error, self._role)
                    raise
                else:
                    endpoint.succeeded(started, self._role)
                    self._log(attempt, started, "answered")
                    break
        if not candidates:
            raise TransientError(f"{self.name} answered without any candidate")
        return add_retries(candidates, attempt)

    def failed(self, sampling: Sampling, n: int, error: RequestError | TransientError) -> list[Candidate]:
        """Return n candidates that record `error`. An urgent model raises a `RequestError` instead."""
        if self._urgent and isinstance(error, RequestError):
            raise error
        failures = [
            Candidate(
                text="", model=self.name, seed=sampling.seed + i, finish_reason="error", error=str(error)
            )
            for i in range(n)
        ]
        return add_retries(failures, error.retries)

    def _check_retry_after(self, error: TransientError) -> None:
        if error.retry_after is not None and error.retry_after > LONGEST_RETRY_AFTER:
            raise EndpointError(
                f"{self.name} asks to wait {min(error.retry_after, 1e12):,.0f} s before the next request ({error}). {CONTINUE_HINT}"
            ) from error

    def _log(self, attempt: int, started: float, outcome: str) -> None:
        if log.isEnabledFor(logging.DEBUG):  # every call comes here
            seconds = time.monotonic() - started
            where = f" at {self._where}" if self._where else ""
            log.debug("%s%s, try %d, %.3f s: %s", self.name, where, attempt + 1, seconds, outcome)

    async def close(self) -> None:
        """Close the door."""
        await self._door.close()


class _Failures:
    """Count the failures of one request: `errors`, and `overloads` in which the endpoint answered nobody else."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.errors = self.overloads = 0
        self._endpoint = endpoint
        self._answered_before = endpoint.calls

    def add(self, error: TransientError) -> None:
        if not error.overloaded:
            self.errors += 1
        elif self._endpoint.calls == self._answered_before:
            self.overloads += 1  # an endpoint that answers others in the meantime only lets this request wait
        self._answered_before = self._endpoint.calls


def pause(attempt: int, error: TransientError) -> float:
    """Return the seconds before a retry: exponential backoff with full jitter, plus what the server asked for."""
    first = FIRST_PAUSE * OVERLOADED_PAUSE if error.overloaded else FIRST_PAUSE
    ceiling = min(LONGEST_PAUSE, first * 2.0 ** min(attempt, 16))
    jittered = random.random() * ceiling  # noqa: S311 - spreads retries in time, decides no result
    return jittered + (error.retry_after or 0.0)


def add_retries(candidates: list[Candidate], retries: int) -> list[Candidate]:
    """Add the retries of a request to its first candidate."""
    if not retries:
        return candidates
    first = candidates[0]
    return [msgspec.structs.replace(first, retries=first.retries + retries), *candidates[1:]]
