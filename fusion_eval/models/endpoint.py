"""The state of one endpoint, shared by all models that use it: slots, pace, and failures in a row."""

from __future__ import annotations

import time
from collections.abc import Hashable

from fusion_eval.errors import ContextOverflowError, EndpointError, RequestError, TransientError
from fusion_eval.models.pace import Pace
from fusion_eval.models.slots import Slots

CONTINUE_HINT = "Finished calls are kept; run the same command again to continue"
GIVE_UP_AFTER = 8
"""Prompts of one role that fail for good in a row, with no success between them, before the endpoint counts as down."""


class Endpoint:
    """One endpoint: its slots, its pace, and how its requests ended.

    Args:
        concurrency: The most requests in flight at a time.
    """

    def __init__(self, concurrency: int) -> None:
        self.slots = Slots(concurrency)
        self.outstanding = 0
        """Requests that `LoadBalancer` has sent here and that wait for a slot or an answer."""
        self.lost = False
        """Whether `LoadBalancer` has stopped using it."""
        self.calls = 0
        """Requests that were answered."""
        self.retries = 0
        self._pace = Pace(concurrency)
        self._failed_in_a_row: dict[str, set[Hashable]] = {}
        """By role, the prompts that have failed since the last success."""
        self._answered = False

    def succeeded(self, started: float, role: str) -> None:
        """Record that a request was answered.

        Args:
            started: When the request was sent, by `time.monotonic`.
            role: Who asked: the sampler, the fusor or the scorer.
        """
        self._failed_in_a_row.pop(role, None)
        self._answered = True
        self.calls += 1
        self._pace.answered(started, time.monotonic())
        if self._pace.limit != self.slots.size:
            self.slots.resize(self._pace.limit)

    def slowed(self, started: float, error: TransientError) -> None:
        """Record a transient failure; an overloaded endpoint then gets fewer requests at a time.

        Args:
            started: When the request was sent, by `time.monotonic`.
            error: How the request failed.
        """
        if error.overloaded:
            self._pace.overloaded(started, time.monotonic())
            self.slots.resize(self._pace.limit)

    def refused(self, name: str, request: Hashable, error: RequestError, role: str) -> None:
        """Record that the endpoint refused a request.

        Before the first answer it counts as a failure, because the endpoint may refuse every request.

        Args:
            name: The model's name, for messages.
            request: What tells one prompt from another.
            error: The refusal.
            role: Who asked.

        Raises:
            EndpointError: Too many prompts in a row have failed.
        """
        if not self._answered and not isinstance(error, ContextOverflowError):
            self.failed(name, request, error, role)

    def failed(self, name: str, request: Hashable, error: Exception, role: str) -> None:
        """Record that a request failed for good.

        Several requests with one prompt count once: a sound endpoint may fail on a single prompt every time.

        Args:
            name: The model's name, for messages.
            request: What tells one prompt from another.
            error: The last failure.
            role: Who asked.

        Raises:
            EndpointError: Too many prompts in a row have failed.
        """
        failed = self._failed_in_a_row.setdefault(role, set())
        failed.add(request)
        if len(failed) >= GIVE_UP_AFTER:
            raise EndpointError(
                f"{name} failed on {len(failed)} prompts in a row and was given up: {error}. {CONTINUE_HINT}"
            ) from error
