"""A model that never asks twice: every finished generation is in the store before it counts."""

from __future__ import annotations

import asyncio
import dataclasses
import hashlib

import msgspec

from fusion_eval.models import LikelihoodModel, Model
from fusion_eval.store import Store
from fusion_eval.types import Candidate, Prompt, Sampling

_VERSION = 1
"""Raise it when the meaning of a stored candidate changes; old entries then miss."""


class Cached:
    """`model` in front of `store`. Failed candidates are handed on and not stored."""

    def __init__(self, model: Model, store: Store) -> None:
        self.name, self.identity, self.chat, self.max_n = model.name, model.identity, model.chat, model.max_n
        self._model, self._store = model, store
        self._asked: dict[bytes, asyncio.Event] = {}

    async def sample(self, prompt: Prompt, sampling: Sampling, n: int) -> list[Candidate]:
        """n candidates, of which only those that the store lacks are asked for."""
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
        event = asyncio.Event()
        self._asked |= {keys[i]: event for i in missing}
        try:
            parts = await asyncio.gather(
                *(
                    self._ask_run(prompt, sampling, keys[first : last + 1], first)
                    for first, last in _runs(missing)
                )
            )
        finally:
            for i in missing:
                self._asked.pop(keys[i], None)
            event.set()
        return {key: candidate for part in parts for key, candidate in part.items()}

    async def _ask_run(
        self, prompt: Prompt, sampling: Sampling, keys: list[bytes], first: int
    ) -> dict[bytes, Candidate]:
        run = dataclasses.replace(sampling, seed=sampling.seed + first)
        got = dict(zip(keys, await self._model.sample(prompt, run, len(keys)), strict=True))
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


def _runs(indices: list[int]) -> list[tuple[int, int]]:
    """(first, last) of each stretch of neighbours: one request can ask for such a stretch."""
    runs: list[tuple[int, int]] = []
    for i in indices:
        if runs and i == runs[-1][1] + 1:
            runs[-1] = (runs[-1][0], i)
        else:
            runs.append((i, i))
    return runs
