"""Compute what generations cost, and keep all requests of a command within a budget.

A priced door stands behind `Limited`, so each try that a provider answers is counted. It stands behind `Cached`, so
stored answers cost nothing again. A try that the server refuses costs nothing. A try whose answer is lost may be billed,
so it counts as the most that it can have cost.
"""

from __future__ import annotations

import asyncio

import msgspec

from fusion_eval.errors import FusionEvalError, RequestError, TransientError
from fusion_eval.models import Model
from fusion_eval.models.prices import FREE, Price
from fusion_eval.runs.usage import dollars
from fusion_eval.types import Candidate, Prompt, Sampling

_TOKENS_PER_MESSAGE = 16
"""Tokens that a chat template adds to a message, and to the whole chat, at most."""
_ROUNDING = 1e-9
"""US dollars by which sums of floats may be off."""


class BudgetError(FusionEvalError):
    """The next call could cost more than is left of the budget."""


class Budget:
    """US dollars that one command may spend, over all its models.

    Args:
        limit: The US dollars, or None for no limit.
    """

    def __init__(self, limit: float | None) -> None:
        self.limit = self._whole_limit = limit
        self.spent = 0.0
        self.calls = 0
        self._reserved = 0.0
        self._in_flight = 0
        self._waiting: list[asyncio.Future[None]] = []

    def share(self, ranks: int) -> None:
        """Set the limit to one rank's part. Each rank of a parallel run counts its own calls."""
        if self._whole_limit is not None:
            self.limit = self._whole_limit / ranks

    async def reserve(self, name: str, most: float) -> None:
        """Reserve money for a call. Each call of `reserve` needs one of `settle`.

        Where calls in flight have reserved the rest, it waits until they have settled. So when `BudgetError` is raised,
        nothing is in flight and no answer that was paid for is lost.

        Args:
            name: The model that is called, for messages.
            most: US dollars that the call can cost at most.

        Raises:
            BudgetError: The call can cost more than is left.
        """
        while most and self.limit is not None and self.spent + self._reserved + most > self.limit + _ROUNDING:
            if not self._in_flight:
                raise BudgetError(self._exhausted(name, most))
            settled: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(settled)
            await settled
        self._in_flight += 1
        self._reserved += most

    def settle(self, most: float, cost: float | None) -> None:
        """Replace a reservation of `most` US dollars by what the call cost; None for a call that cost nothing."""
        self._in_flight -= 1
        # Zero is exact where nothing is in flight, so that rounding errors do not add up.
        self._reserved = self._reserved - most if self._in_flight else 0.0
        if cost is not None:
            self.calls += 1
            self.spent += cost
        waiting, self._waiting = self._waiting, []
        for settled in waiting:
            if not settled.done():  # else it was cancelled
                settled.set_result(None)

    def describe(self) -> str:
        """Say how much of the budget is spent."""
        return f"{dollars(self.spent)} of {dollars(self.limit or 0.0)} went to {self.calls:,} calls"

    def _exhausted(self, name: str, most: float) -> str:
        return (
            f"The next call, to {name}, could cost {dollars(most)}, more than is left of the budget: {self.describe()}. "
            "Finished calls are kept and cost nothing again; run the same command with a larger budget= to continue"
        )


class Priced:
    """Add its cost to each candidate of `door`, and keep each request within the budget."""

    def __init__(self, door: Model, price: Price, budget: Budget) -> None:
        self.name, self.identity, self.chat = door.name, door.identity, door.chat
        self._door, self._price, self._budget = door, price, budget
        self._excess_tokens = 0
        """Tokens by which a prompt exceeded its estimate: some providers put a long system prompt before it."""

    @property
    def max_n(self) -> int | None:
        """The most candidates that one request to the door brings; None where no limit is known."""
        return self._door.max_n

    async def sample(self, prompt: Prompt, sampling: Sampling, n: int) -> list[Candidate]:
        """Return the door's candidates with their costs.

        A reply without usage has no known cost, and counts as the most that it can have cost.

        Raises:
            BudgetError: The request can cost more than is left of the budget.
        """
        estimate = _most_tokens(prompt)
        most = self._price.of(estimate + self._excess_tokens, sampling.max_tokens * n)
        cost: float | None = None
        await self._budget.reserve(self.name, most)
        try:
            candidates = self._with_costs(await self._door.sample(prompt, sampling, n))
            read = sum(candidate.prompt_tokens for candidate in candidates)
            self._excess_tokens = max(self._excess_tokens, read - estimate)
            known = [candidate.cost for candidate in candidates if candidate.cost is not None]
            cost = sum(known) if known else most
        except (TransientError, RequestError) as error:
            cost = most if error.lost else None
            raise
        finally:
            self._budget.settle(most, cost)
        return candidates

    def _with_costs(self, candidates: list[Candidate]) -> list[Candidate]:
        """Add costs where the door reports none. A cost that litellm reports is exact: it includes discounts."""
        has_usage = any(candidate.prompt_tokens for candidate in candidates)
        if not has_usage and self._price != FREE:
            return candidates
        price = self._price
        return [
            msgspec.structs.replace(
                candidate, cost=price.of(candidate.prompt_tokens, candidate.completion_tokens)
            )
            if candidate.cost is None
            else candidate
            for candidate in candidates
        ]

    async def close(self) -> None:
        """Close the door."""
        await self._door.close()


def _most_tokens(prompt: Prompt) -> int:
    """Return the most tokens that a prompt can have: no tokenizer makes more tokens than there are bytes."""
    texts = [prompt.text, *(message.content for message in prompt.messages)]
    return sum(len(text.encode(errors="replace")) + _TOKENS_PER_MESSAGE for text in texts)
