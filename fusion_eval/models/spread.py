"""One model behind several endpoints: each request goes to the least busy, and the loss of one is survived."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from fusion_eval.errors import EndpointError, RequestError, TransientError
from fusion_eval.models.endpoint import GO_ON
from fusion_eval.models.limited import Limited, after_retries, pause
from fusion_eval.types import Candidate, Prompt, Sampling

T = TypeVar("T")


class Spread:
    """`models` are one model at several addresses, the first of which names it in the store.

    Whoever starts a request chooses by what is outstanding, waiting included, so a slow endpoint gets less. An endpoint
    that fails as a whole is left out from then on, and what it was asked is asked of the others; the last one's error
    is everybody's.
    """

    def __init__(self, models: Sequence[Limited], say: Callable[[str], None], max_retries: int) -> None:
        first = models[0]
        self.name, self.identity, self.chat = first.name, first.identity, first.chat
        self._models = list(models)
        self._say, self._max_retries = say, max_retries

    async def sample(self, prompt: Prompt, sampling: Sampling, n: int) -> list[Candidate]:
        """As the least busy endpoint's; what fails there is asked of another at once, and of all again after a pause."""
        failed: list[Limited] = []
        retries = 0

        async def ask(model: Limited) -> list[Candidate]:
            try:
                return await model.attempt(prompt, sampling, n)
            except TransientError:
                failed.append(model)
                raise

        while True:
            try:
                return after_retries(await self._survive(ask, failed), retries)
            except RequestError as error:
                return self._models[0].failed(sampling, n, error)
            except TransientError as error:
                retries += error.retries + 1
                if len(failed) > self._max_retries:
                    return after_retries(self._models[0].failed(sampling, n, error), retries - 1)
                if set(self._alive()) <= set(failed):
                    await asyncio.sleep(pause(len(failed), error))

    @property
    def max_n(self) -> int | None:
        """The least of those of the endpoints that are left."""
        return min((model.max_n for model in self._alive() if model.max_n), default=None)

    async def loglikelihood(self, context: str, continuation: str) -> tuple[float, bool]:
        """As the least busy endpoint's."""

        async def ask(model: Limited) -> tuple[float, bool]:
            return await model.loglikelihood(context, continuation)

        return await self._survive(ask)

    async def _survive(self, ask: Callable[[Limited], Awaitable[T]], failed: Sequence[Limited] = ()) -> T:
        while True:
            alive = self._alive()
            model = min(alive, key=lambda model: (failed.count(model), model.endpoint.outstanding))
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
            said = str(error).removesuffix(GO_ON).strip().removesuffix(".")
            self._say(f"{said}. The other {left} of {len(self._models)} endpoints go on")

    def _alive(self) -> list[Limited]:
        """Those that are not lost, to whatever role it happened: endpoints are shared by all that ask there."""
        return [model for model in self._models if not model.endpoint.lost]

    async def close(self) -> None:
        """Close all doors."""
        for model in self._models:
            await model.close()
