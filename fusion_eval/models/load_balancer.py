"""Serve one model from several endpoints: each request goes to the least busy one that works."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from fusion_eval.errors import EndpointError, RequestError, TransientError
from fusion_eval.models.endpoint import CONTINUE_HINT
from fusion_eval.models.limited import Limited, add_retries, pause
from fusion_eval.types import Candidate, Prompt, Sampling


class LoadBalancer:
    """One model at several addresses. The first address identifies the model in the store.

    A request goes to the endpoint with the fewest outstanding requests, so a slow endpoint gets fewer. An endpoint that
    fails as a whole gets no more requests, and its requests go to the others. If the last one fails, its error is
    raised.

    Args:
        models: The model at each address.
        warn: Called with one sentence when an endpoint is lost.
        max_retries: Retries of a request, over all endpoints.
    """

    def __init__(self, models: Sequence[Limited], warn: Callable[[str], None], max_retries: int) -> None:
        first = models[0]
        self.name, self.identity, self.chat = first.name, first.identity, first.chat
        self._models = list(models)
        self._warn, self._max_retries = warn, max_retries

    @property
    def max_n(self) -> int | None:
        """The most candidates that one request brings at any endpoint that works; None where no limit is known."""
        return min((model.max_n for model in self._working() if model.max_n), default=None)

    async def sample(self, prompt: Prompt, sampling: Sampling, n: int) -> list[Candidate]:
        """Return the candidates of one request for n, at least one; n failed ones where it fails for good.

        A request that fails at one endpoint goes to another at once. After it has failed at all of them, it waits.
        """
        failed: list[Limited] = []
        retries = 0
        while True:
            try:
                return add_retries(await self._request(prompt, sampling, n, failed), retries)
            except RequestError as error:
                return self._models[0].failed(sampling, n, error)
            except TransientError as error:
                if len(failed) > self._max_retries:
                    return add_retries(self._models[0].failed(sampling, n, error), retries)
                retries += error.retries + 1
                if set(self._working()) <= set(failed):
                    await asyncio.sleep(pause(len(failed), error))

    async def _request(
        self, prompt: Prompt, sampling: Sampling, n: int, failed: list[Limited]
    ) -> list[Candidate]:
        """Send a request to the least busy endpoint. If that is lost, use the next; if it fails, add it to `failed`."""
        while True:
            model = self._least_busy(failed)
            model.endpoint.outstanding += 1
            try:
                return await model.request(prompt, sampling, n)
            except EndpointError as error:
                self._lose(model, error)
            except TransientError:
                failed.append(model)
                raise
            finally:
                model.endpoint.outstanding -= 1

    def _least_busy(self, failed: Sequence[Limited]) -> Limited:
        """Return the endpoint where the request has failed least often, and of those the least busy one."""
        return min(self._working(), key=lambda model: (failed.count(model), model.endpoint.outstanding))

    def _lose(self, model: Limited, error: EndpointError) -> None:
        """Stop using an endpoint. Raise its error if it is the last one."""
        if not model.endpoint.lost:
            left = len(self._working()) - 1
            if not left:
                raise error
            model.endpoint.lost = True
            reason = str(error).removesuffix(CONTINUE_HINT).strip().removesuffix(".")
            self._warn(f"{reason}. The other {left} of {len(self._models)} endpoints go on")

    def _working(self) -> list[Limited]:
        """Return the endpoints that no role has lost: all roles share their endpoints."""
        return [model for model in self._models if not model.endpoint.lost]

    async def close(self) -> None:
        """Close all doors."""
        for model in self._models:
            await model.close()
