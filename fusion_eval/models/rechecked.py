"""Ask again for answers that a server has lost: choices that failed beside good ones, and replies that contradict themselves.

Nothing else is asked for again, because that would change the distribution that is measured: an honest empty or short
answer stays the model's answer. Each candidate counts how often it was asked for again.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence

import msgspec

from fusion_eval.errors import RequestError
from fusion_eval.models import Model
from fusion_eval.types import Candidate, Prompt, Sampling

_END_TOKENS = 1
"""Tokens of an answer that is honestly empty: many servers count the one that ends it."""
_STOP_TOKEN = re.compile(r"[A-Za-z]{1,4}|[^A-Za-z]", re.DOTALL)
"""About one token of a stop string."""


class Rechecked:
    """Sample from `model`, and ask up to `times` times more for each answer that contradicts itself.

    If every reply contradicts itself, the last one counts.
    """

    def __init__(self, model: Model, times: int) -> None:
        self.name, self.identity, self.chat = model.name, model.identity, model.chat
        self._model, self._times = model, times
        self._limits: set[int] = set()
        """Numbers of tokens at which the endpoint ends answers, whatever `max_tokens` says."""

    @property
    def max_n(self) -> int | None:
        """The most candidates that one request to the model brings; None where no limit is known."""
        return self._model.max_n

    async def sample(self, prompt: Prompt, sampling: Sampling, n: int) -> list[Candidate]:
        """Return the candidates of one request for n, after asking again for those that were lost."""
        candidates = await self._model.sample(prompt, sampling, n)
        if n == 1 and candidates[0].text and candidates[0].finish_reason != "length":
            return candidates  # as nearly all are
        failed = [place for place, candidate in enumerate(candidates) if candidate.error is not None]
        if failed and len(failed) < len(candidates):  # else the whole request failed, after all its retries
            for place in failed:
                candidates[place] = await self._replace_failed(prompt, sampling, candidates[place])
        if self._times:
            for place in contradictions(candidates, sampling, self._limits):
                candidates[place] = await self._recheck(prompt, sampling, candidates[place])
        return candidates

    async def _replace_failed(self, prompt: Prompt, sampling: Sampling, failed: Candidate) -> Candidate:
        """Ask again for a choice that failed while others of its reply are good."""
        own = dataclasses.replace(sampling, seed=failed.seed)
        try:
            again = (await self._model.sample(prompt, own, 1))[0]
        except RequestError:
            return failed
        return msgspec.structs.replace(add_request(again, failed), retries=failed.retries + again.retries + 1)

    async def _recheck(self, prompt: Prompt, sampling: Sampling, candidate: Candidate) -> Candidate:
        own = dataclasses.replace(sampling, seed=candidate.seed)
        for _ in range(self._times):
            try:
                again = (await self._model.sample(prompt, own, 1))[0]
            except RequestError:
                break
            if again.error is not None:
                break
            if again.finish_reason == "length" and again.completion_tokens == candidate.completion_tokens:
                self._limits.add(again.completion_tokens)
            candidate = msgspec.structs.replace(
                add_request(again, candidate),
                retries=candidate.retries + again.retries,
                rechecks=candidate.rechecks + 1,
            )
            if not contradictions([again], own, self._limits):
                break
        return candidate

    async def close(self) -> None:
        """Close the model."""
        await self._model.close()


def add_request(again: Candidate, earlier: Candidate) -> Candidate:
    """Return the candidate of a repeated request with the tokens read and the costs of both requests."""
    return msgspec.structs.replace(
        again,
        prompt_tokens=earlier.prompt_tokens + again.prompt_tokens,
        cost=None if again.cost is None else again.cost + (earlier.cost or 0.0),
    )


def contradictions(
    candidates: Sequence[Candidate], sampling: Sampling, limits: Sequence[int] | set[int] = ()
) -> list[int]:
    """Return the places of the candidates of one request whose reply contradicts itself.

    A reply does so where tokens were counted and no text came, or where its length ended it at half of `max_tokens` or
    less. Servers count the tokens of a whole request, so an empty candidate beside others is believed.

    Args:
        candidates: The candidates of one request.
        sampling: The sampling options of the request.
        limits: Numbers of tokens at which the endpoint ends answers, whatever `max_tokens` says.
    """
    suspects = [
        (place, candidate)
        for place, candidate in enumerate(candidates)
        if candidate.error is None and (candidate.finish_reason == "length" or not candidate.text)
    ]
    if not suspects:
        return []
    written = sum(candidate.completion_tokens for candidate in candidates)
    places = []
    for place, candidate in suspects:
        if candidate.finish_reason == "length":
            if 0 < written <= sampling.max_tokens // 2 and written not in limits:
                places.append(place)
        elif not (candidate.text or candidate.reasoning) and candidate.finish_reason in ("stop", "unknown"):
            hidden = sum(other.reasoning_tokens for other in candidates)
            lost = 0 if any(other.text or other.reasoning for other in candidates) else written - hidden
            if lost > len(candidates) * _tokens_of_an_empty_answer(sampling):
                places.append(place)
    return places


def _tokens_of_an_empty_answer(sampling: Sampling) -> int:
    """Return how many tokens a server may count for an answer that begins with a stop string or ends at once."""
    return _END_TOKENS + max((len(_STOP_TOKEN.findall(stop)) for stop in sampling.stop), default=0)
