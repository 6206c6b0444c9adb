"""Ask again for answers that a server seems to have lost: empty ones, and those cut short of `max_tokens`."""

from __future__ import annotations

import dataclasses

from fusion_eval.errors import RequestError
from fusion_eval.models import Model
from fusion_eval.types import Candidate, Prompt, Sampling


class Rechecked:
    """Sample from `model`, and ask up to `times` times more for each answer that looks lost.

    If every answer looks lost, the last one counts: the model may write nothing, and the context may be full.
    """

    def __init__(self, model: Model, times: int) -> None:
        self.name, self.identity, self.chat = model.name, model.identity, model.chat
        self._model, self._times = model, times

    @property
    def max_n(self) -> int | None:
        """The most candidates that one request to the model brings; None where no limit is known."""
        return self._model.max_n

    async def sample(self, prompt: Prompt, sampling: Sampling, n: int) -> list[Candidate]:
        """Return the candidates of one request for n, after asking again for those that look lost."""
        candidates = await self._model.sample(prompt, sampling, n)
        for place in lost_answers(candidates, sampling):
            candidates[place] = await self._recheck(prompt, sampling, candidates[place])
        return candidates

    async def _recheck(self, prompt: Prompt, sampling: Sampling, candidate: Candidate) -> Candidate:
        own = dataclasses.replace(sampling, seed=candidate.seed)
        for _ in range(self._times):
            try:
                again = (await self._model.sample(prompt, own, 1))[0]
            except RequestError:
                break
            if again.error is not None:
                break
            # Text and tokens are those of the last answer; tokens read, cost and retries are those of all tries.
            candidate = dataclasses.replace(
                again,
                prompt_tokens=candidate.prompt_tokens + again.prompt_tokens,
                cost=None if again.cost is None else again.cost + (candidate.cost or 0.0),
                retries=candidate.retries + again.retries + 1,
            )
            if not lost_answers([again], own):
                break
        return candidate

    async def close(self) -> None:
        """Close the model."""
        await self._model.close()


def lost_answers(candidates: list[Candidate], sampling: Sampling) -> list[int]:
    """Return the places of the candidates of one request that look lost.

    An answer looks lost where it is empty, or where it was cut for its length before it had `max_tokens`.
    """
    written = sum(candidate.completion_tokens for candidate in candidates)
    places = []
    for place, candidate in enumerate(candidates):
        if candidate.finish_reason == "length":
            if 0 < written < sampling.max_tokens:
                places.append(place)
        elif not (candidate.text or candidate.reasoning) and candidate.finish_reason in ("stop", "unknown"):
            places.append(place)
    return places
