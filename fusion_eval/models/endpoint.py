"""What all that goes to one address shares: slots, pace, and whether it can be relied on."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable

from fusion_eval.errors import ContextOverflowError, EndpointError, RequestError, TransientError
from fusion_eval.models.pace import Pace
from fusion_eval.models.slots import Slots

GO_ON = "What is finished is kept; run again to go on"
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
                f"{name} failed on {len(self._failed_in_a_row)} prompts in a row and was given up: {error}. {GO_ON}"
            ) from error
