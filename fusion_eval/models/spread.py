"""One model behind several endpoints: each request goes to the least busy, and the loss of one is survived."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from fusion_eval.errors import EndpointError
from fusion_eval.models import Model
from fusion_eval.models.limited import Limited, after_retries
from fusion_eval.types import Candidate, Prompt, Sampling

T = TypeVar("T")


class Spread:
    """`models` are one model at several addresses, the first of which names it in the store.

    Whoever starts a request chooses by what is outstanding, waiting included, so a slow endpoint gets less. An endpoint
    that fails as a whole is left out from then on, and what it was asked is asked of the others; the last one's error
    is everybody's.
    """

    def __init__(self, models: Sequence[Limited], say: Callable[[str], None]) -> None:
        first = models[0]
        self.name, self.identity, self.chat = first.name, first.identity, first.chat
        self._models = list(models)
        self._say = say

    async def sample(self, prompt: Prompt, sampling: Sampling, n: int) -> list[Candidate]:
        """As the least busy endpoint's; where that fails on all candidates, another one is tried once."""
        tried: list[Limited] = []

        async def ask(model: Limited) -> list[Candidate]:
            tried.append(model)
            return await model.sample(prompt, sampling, n)

        candidates = await self._survive(ask)
        if all(candidate.error for candidate in candidates) and len(self._alive()) > 1:
            elsewhere = await self._survive(ask, without=tried[-1])
            candidates = after_retries(elsewhere, candidates[0].retries + 1)
        return candidates

    @property
    def max_n(self) -> int | None:
        """The least of those of the endpoints that are left."""
        return min((model.max_n for model in self._alive() if model.max_n), default=None)

    async def loglikelihood(self, context: str, continuation: str) -> tuple[float, bool]:
        """As the least busy endpoint's."""

        async def ask(model: Limited) -> tuple[float, bool]:
            return await model.loglikelihood(context, continuation)

        return await self._survive(ask)

    async def _survive(self, ask: Callable[[Limited], Awaitable[T]], without: Model | None = None) -> T:
        while True:
            alive = [model for model in self._alive() if model is not without] or self._alive()
            model = min(alive, key=lambda model: model.endpoint.outstanding)
            model.endpoint.outstanding += 1
            try:
                return await ask(model)
            except EndpointError as error:
                self._lose(model, error)
            finally:
                model.endpoint.outstanding -= 1

    def _lose(self, model: Limited, error: EndpointError) -> None:
        """Leave an endpoint out; of the last one the error is raised."""
        if not model.endpoint.lost:
            left = len(self._alive()) - 1
            if not left:
                raise error
            model.endpoint.lost = True
            self._say(f"{error} The other {left} of {len(self._models)} endpoints go on.")

    def _alive(self) -> list[Limited]:
        """Those that are not lost, to whatever role it happened: endpoints are shared by all that ask there."""
        return [model for model in self._models if not model.endpoint.lost]

    async def close(self) -> None:
        """Close all doors."""
        for model in self._models:
            await model.close()
