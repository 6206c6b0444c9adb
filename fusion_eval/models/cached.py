"""A model that keeps its promise of n candidates and never asks twice: what is finished is in the store first."""

from __future__ import annotations

import asyncio
import dataclasses
import hashlib

import msgspec

from fusion_eval.models import LikelihoodModel, Model
from fusion_eval.models.together import together
from fusion_eval.store import Store
from fusion_eval.types import Candidate, Prompt, Sampling

_VERSION = 1
"""Raise it when the meaning of a stored candidate changes; old entries then miss."""


class Cached:
    """`model` behind `store`. Failed candidates are handed on and not stored."""

    def __init__(self, model: Model, store: Store) -> None:
        self.name, self.identity, self.chat = model.name, model.identity, model.chat
        self.max_n: int | None = None
        self._model, self._store = model, store
        self._asked: dict[bytes, asyncio.Event] = {}

    async def sample(self, prompt: Prompt, sampling: Sampling, n: int) -> list[Candidate]:
        """Exactly n, failed ones marked; only those that the store lacks are asked for, until all are there."""
        keys = keys_of(self.identity, prompt, sampling, n)
        found = self._store.candidates(keys)
        while missing := [i for i, key in enumerate(keys) if key not in found]:
            asked = [self._asked[keys[i]] for i in missing if keys[i] in self._asked]
            if asked:  # the same prompt is under way elsewhere: wait, then look again
                await asyncio.gather(*(event.wait() for event in asked))
                found |= self._store.candidates([keys[i] for i in missing])
                continue
            found |= await self._ask(prompt, sampling, keys, missing)
        return [found[key] for key in keys]

    async def _ask(
        self, prompt: Prompt, sampling: Sampling, keys: list[bytes], missing: list[int]
    ) -> dict[bytes, Candidate]:
        """What one request for each stretch of the missing ones brings, which may not be all of them."""
        event = asyncio.Event()
        self._asked |= {keys[i]: event for i in missing}
        try:
            parts = await together(
                self._request(prompt, sampling, keys[stretch.start : stretch.stop], stretch.start)
                for stretch in stretches(missing, self._model.max_n or len(missing))
            )
        finally:
            for i in missing:
                del self._asked[keys[i]]
            event.set()
        return {key: candidate for part in parts for key, candidate in part.items()}

    async def _request(
        self, prompt: Prompt, sampling: Sampling, keys: list[bytes], first: int
    ) -> dict[bytes, Candidate]:
        own = dataclasses.replace(sampling, seed=sampling.seed + first)
        candidates = await self._model.sample(prompt, own, len(keys))
        got = dict(zip(keys, candidates, strict=False))  # fewer, where the endpoint ignores n
        kept = self._store.keep({key: candidate for key, candidate in got.items() if candidate.error is None})
        return got | kept

    async def loglikelihood(self, context: str, continuation: str) -> tuple[float, bool]:
        """As the model's, remembered in the store."""
        key = hashlib.sha256(
            msgspec.json.encode((_VERSION, "loglikelihood", self.identity, context, continuation))
        ).digest()
        stored = self._store.likelihood(key)
        if stored is not None:
            return stored
        if not isinstance(self._model, LikelihoodModel):
            raise TypeError(f"{self.name} has no log-likelihoods")
        return self._store.keep_likelihood(key, await self._model.loglikelihood(context, continuation))

    async def close(self) -> None:
        """Close the model; the store belongs to whoever opened it."""
        await self._model.close()


def keys_of(identity: str, prompt: Prompt, sampling: Sampling, n: int) -> list[bytes]:
    """A key per candidate, from everything that shapes it; the i-th differs from the first in its seed alone."""
    everything = (_VERSION, identity, prompt, dataclasses.replace(sampling, seed=0))
    shared = hashlib.sha256(msgspec.json.encode(everything))
    keys = []
    for seed in range(sampling.seed, sampling.seed + n):
        own = shared.copy()
        own.update(str(seed).encode())
        keys.append(own.digest())
    return keys


def stretches(indices: list[int], longest: int) -> list[range]:
    """Rising indices as ranges of neighbours, none longer than `longest`: one request can ask for such a range."""
    found: list[range] = []
    for i in indices:
        if found and i == found[-1].stop and len(found[-1]) < longest:
            found[-1] = range(found[-1].start, i + 1)
        else:
            found.append(range(i, i + 1))
    return found
