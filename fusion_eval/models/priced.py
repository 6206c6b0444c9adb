"""A door that tells what its generations cost, and a budget that no request may exceed.

It stands behind `limited`, so a try that a provider answers is counted, be it the first or the last, and behind
`cached`, so what is in the store costs nothing again. A try that the server refuses counts nothing; one whose answer is
lost may be billed, so it counts for the most it can have cost.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable

from fusion_eval.errors import FusionEvalError, RequestError, TransientError
from fusion_eval.models import LikelihoodModel, Model
from fusion_eval.models.prices import FREE, Price
from fusion_eval.runs.traces import dollars
from fusion_eval.types import Candidate, Prompt, Sampling

Likelihood = Callable[[str, str], Awaitable[tuple[float, bool]]]

_PER_MESSAGE = 16
"""Tokens that a chat template may put around a message, and around the whole."""
_ROUNDING = 1e-9
"""US dollars, which sums of floats may be off by."""


class BudgetError(FusionEvalError):
    """The next call could cost more than is left of the budget."""


class Budget:
    """US dollars for one command, shared by all its models; None is no limit."""

    def __init__(self, limit: float | None) -> None:
        self.limit = self._whole = limit
        self.spent = 0.0
        self.calls = 0
        self._reserved = 0.0
        self._in_flight = 0
        self._waiting: list[asyncio.Future[None]] = []

    def share(self, ranks: int) -> None:
        """Each rank of a parallel run counts by itself, and so may spend its part."""
        if self._whole is not None:
            self.limit = self._whole / ranks

    async def reserve(self, name: str, most: float) -> None:
        """Set `most` dollars aside for a call to the model `name`; each needs its `settle`.

        Where the rest is only reserved, by calls in flight, it waits for what these really cost. So when
        `BudgetError` is raised nothing is in flight, and nothing that is paid for is lost.
        """
        while most and self.limit is not None and self.spent + self._reserved + most > self.limit + _ROUNDING:
            if not self._in_flight:
                raise BudgetError(self._too_much(name, most))
            settled: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(settled)
            await settled
        self._in_flight += 1
        self._reserved += most

    def settle(self, most: float, cost: float | None) -> None:
        """Turn a reservation into what the call cost; None where it failed."""
        self._in_flight -= 1
        self._reserved = self._reserved - most if self._in_flight else 0.0  # leaves no dust of floats
        if cost is not None:
            self.calls += 1
            self.spent += cost
        waiting, self._waiting = self._waiting, []
        for settled in waiting:
            if not settled.done():  # cancelled
                settled.set_result(None)

    def told(self) -> str:
        """How much of it is gone."""
        return f"{dollars(self.spent)} of {dollars(self.limit or 0.0)} went to {self.calls:,} calls"

    def _too_much(self, name: str, most: float) -> str:
        return (
            f"The next call, to {name}, could cost {dollars(most)}, more than is left of the budget: {self.told()}. What "
            "is finished is kept and costs nothing again; the same command with a larger budget= goes on from there"
        )


class Priced:
    """`door` with its price: each candidate gets its cost, and each request is within the budget."""

    def __init__(self, door: Model, price: Price, budget: Budget) -> None:
        self.name, self.identity, self.chat = door.name, door.identity, door.chat
        self._price = price
        self._door, self._budget = door, budget
        self._beyond = 0
        """Tokens by which a prompt has exceeded the estimate: some providers put a long system prompt before it."""

    async def sample(self, prompt: Prompt, sampling: Sampling, n: int) -> list[Candidate]:
        """As the door's. A reply without usage leaves the costs unknown, and counts for the most it can have cost."""
        n = min(n, self.max_n or n)
        estimate = _most_tokens(prompt)
        most = self._price.of(estimate + self._beyond, sampling.max_tokens * n)
        cost: float | None = None
        await self._budget.reserve(self.name, most)
        try:
            candidates = self._with_cost(await self._door.sample(prompt, sampling, n))
            self._beyond = max(self._beyond, sum(c.prompt_tokens for c in candidates) - estimate)
            known = [candidate.cost for candidate in candidates if candidate.cost is not None]
            cost = sum(known) if known else most
        except (TransientError, RequestError) as error:
            cost = most if error.lost else None
            raise
        finally:
            self._budget.settle(most, cost)
        return candidates

    @property
    def max_n(self) -> int | None:
        """As the door's."""
        return self._door.max_n

    def _with_cost(self, candidates: list[Candidate]) -> list[Candidate]:
        """What the door says itself, as litellm does, is nearer to the truth: it knows of discounts."""
        told = any(candidate.prompt_tokens for candidate in candidates)
        if not told and self._price != FREE:
            return candidates
        return [
            dataclasses.replace(c, cost=self._price.of(c.prompt_tokens, c.completion_tokens))
            if c.cost is None
            else c
            for c in candidates
        ]

    async def close(self) -> None:
        """Close the door."""
        await self._door.close()


class PricedLikelihood(Priced):
    """A door that scores given texts as well. It tells no tokens of these, so each counts for the most it can cost."""

    def __init__(self, door: Model, price: Price, budget: Budget, likelihood: Likelihood) -> None:
        super().__init__(door, price, budget)
        self._likelihood = likelihood

    async def loglikelihood(self, context: str, continuation: str) -> tuple[float, bool]:
        """As the door's."""
        asked = Prompt(context + continuation + context)  # an endpoint that echoes is sent the context twice
        most = self._price.of(_most_tokens(asked), 2)
        cost: float | None = None
        await self._budget.reserve(self.name, most)
        try:
            found = await self._likelihood(context, continuation)
            cost = most
        except (TransientError, RequestError) as error:
            cost = most if error.lost else None
            raise
        finally:
            self._budget.settle(most, cost)
        return found


def priced(door: Model, price: Price, budget: Budget) -> Priced:
    """`door` with its price; what it costs counts on the budget."""
    if isinstance(door, LikelihoodModel):
        return PricedLikelihood(door, price, budget, door.loglikelihood)
    return Priced(door, price, budget)


def _most_tokens(prompt: Prompt) -> int:
    """No tokenizer makes more tokens than there are bytes."""
    texts = [prompt.text, *(message.content for message in prompt.messages)]
    return sum(len(text.encode(errors="replace")) + _PER_MESSAGE for text in texts)
