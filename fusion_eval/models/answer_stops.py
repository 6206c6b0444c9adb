"""Keep a task's stop strings away from endpoints that think: they belong to the answer and would end a thought.

Every answer is cut at the stop strings afterwards, so an endpoint that gets none gives the same answers.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Sequence

import msgspec

from fusion_eval.models import Model
from fusion_eval.models.rechecked import add_request
from fusion_eval.types import Candidate, Prompt, Sampling

_UNDECIDED_PROBES = 3
"""Replies that were cut for their length before they showed a thought, after which the endpoint counts as one that
does not think."""


class Thinking:
    """What is known about whether an endpoint's model thinks before it answers; shared by all roles that use it."""

    def __init__(self) -> None:
        self.thinks: bool | None = None
        """None until a reply without stop strings has shown it."""
        self.probe: asyncio.Event | None = None
        """Set when the request that finds out has its reply; None while none is in flight."""
        self._undecided = 0

    def learn(self, candidates: Sequence[Candidate], *, stopped: bool) -> None:
        """Learn from the candidates of one request.

        Args:
            candidates: The candidates.
            stopped: Whether the request held stop strings, which can hide that the model thinks.
        """
        for candidate in candidates:
            if candidate.reasoning:
                self.thinks = True
                return
        if self.thinks is not None or stopped:
            return
        usable = [candidate for candidate in candidates if candidate.error is None]
        if usable:
            if all(candidate.finish_reason == "length" for candidate in usable):
                self._undecided += 1  # it may all be a thought whose opening tag the chat template wrote
                if self._undecided < _UNDECIDED_PROBES:
                    return
            self.thinks = False


class AnswerStops:
    """Sample from `model` with stop strings only where it does not think.

    The first request goes without stop strings. Requests beside it hold them and wait for what it shows.

    Args:
        model: The model that is asked.
        thinking: What is known of the model's endpoint.
        probes: Whether to find out by a first request without stop strings. Without it, only replies that show
            reasoning are a sign.
    """

    def __init__(self, model: Model, thinking: Thinking, *, probes: bool) -> None:
        self.name, self.identity, self.chat = model.name, model.identity, model.chat
        self._model, self._thinking, self._probes = model, thinking, probes

    @property
    def max_n(self) -> int | None:
        """The most candidates that one request to the model brings; None where no limit is known."""
        return self._model.max_n

    async def sample(self, prompt: Prompt, sampling: Sampling, n: int) -> list[Candidate]:
        """Return the candidates of one request for n; those that were stopped in thought are asked for again."""
        thinking = self._thinking
        if not sampling.stop:
            candidates = await self._model.sample(prompt, sampling, n)
            if not thinking.thinks:
                thinking.learn(candidates, stopped=False)
            return candidates
        if thinking.thinks:
            return await self._model.sample(prompt, _without_stops(sampling), n)
        if self._probes and thinking.thinks is None and thinking.probe is None:
            candidates = await self._probe(prompt, _without_stops(sampling), n)
            if thinking.thinks or not (sampling.logprobs and _goes_on(candidates, sampling.stop)):
                return candidates
            # Log-probabilities behind a stop string would count for the answer.
            return _merged(await self._model.sample(prompt, sampling, n), candidates)
        candidates = await self._model.sample(prompt, sampling, n)
        if thinking.probe is not None:
            await thinking.probe.wait()
        thinking.learn(candidates, stopped=True)
        if thinking.thinks:
            return await self._ask_again(prompt, _without_stops(sampling), candidates)
        return candidates

    async def _probe(self, prompt: Prompt, sampling: Sampling, n: int) -> list[Candidate]:
        """Find out whether the model thinks, by a request without stop strings."""
        thinking = self._thinking
        done = thinking.probe = asyncio.Event()
        try:
            candidates = await self._model.sample(prompt, sampling, n)
            thinking.learn(candidates, stopped=False)
            return candidates
        finally:
            thinking.probe = None
            done.set()

    async def _ask_again(
        self, prompt: Prompt, sampling: Sampling, candidates: list[Candidate]
    ) -> list[Candidate]:
        """Ask again, without stop strings, for the candidates that may have been stopped in thought."""
        places = [
            place for place, candidate in enumerate(candidates) if _may_be_stopped_in_thought(candidate)
        ]
        if len(places) == len(candidates):
            return _merged(await self._model.sample(prompt, sampling, len(candidates)), candidates)
        for place in places:
            own = dataclasses.replace(sampling, seed=candidates[place].seed)
            [candidates[place]] = _merged(
                await self._model.sample(prompt, own, 1), candidates[place : place + 1]
            )
        return candidates

    async def close(self) -> None:
        """Close the model."""
        await self._model.close()


def _without_stops(sampling: Sampling) -> Sampling:
    return dataclasses.replace(sampling, stop=())


def _may_be_stopped_in_thought(candidate: Candidate) -> bool:
    """Return whether a candidate of a model that thinks has no answer, or no reasoning before it."""
    ended = candidate.error is None and candidate.finish_reason in ("stop", "unknown")
    return ended and not (candidate.text and candidate.reasoning)


def _goes_on(candidates: Sequence[Candidate], stops: Sequence[str]) -> bool:
    return any(stop and stop in candidate.text for candidate in candidates for stop in stops)


def _merged(again: list[Candidate], earlier: Sequence[Candidate]) -> list[Candidate]:
    """Return the candidates of a repeated request with what both requests cost."""
    return [
        msgspec.structs.replace(
            add_request(candidate, before),
            retries=candidate.retries + before.retries,
            rechecks=candidate.rechecks + before.rechecks + 1,
        )
        for candidate, before in zip(again, earlier, strict=False)
    ]
