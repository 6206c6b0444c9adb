"""A model that returns exactly n candidates and never asks for one that the store holds."""

from __future__ import annotations

import asyncio
import dataclasses
import hashlib

import msgspec

from fusion_eval.models import Model
from fusion_eval.models.store.batching import Batch
from fusion_eval.models.store.store import Store
from fusion_eval.models.together import gather_or_cancel
from fusion_eval.types import Candidate, Prompt, Sampling

_VERSION = 1
"""Part of every key. Raise it when the meaning of a stored candidate changes, so that old entries are not found."""
_WRITE_PAUSE = 0.005
"""Seconds between two writes. Under load, a write of many rows changes each page of the store's index once, not many times.
It is short beside any model's latency."""


class Cached:
    """Answer from `store` where it can, and from `model` otherwise.

    Candidates are stored before they are returned. Failed candidates are returned but not stored.
    """

    def __init__(self, model: Model, store: Store) -> None:
        self.name, self.identity, self.chat = model.name, model.identity, model.chat
        self.max_n: int | None = None
        self._model, self._store = model, store
        self._read: Batch[None] = Batch(lambda keys: store.candidates(list(keys)))
        self._write: Batch[Candidate] = Batch(store.keep, _WRITE_PAUSE)
        self._in_flight: dict[bytes, asyncio.Event] = {}

    async def sample(self, prompt: Prompt, sampling: Sampling, n: int) -> list[Candidate]:
        """Return exactly n candidates, failed ones marked with `error`.

        The model is asked for those that the store lacks, until all are there.
        """
        keys = keys_of(self.identity, prompt, sampling, n)
        ready = self._store.candidates_read_ahead(keys)
        if ready is not None:
            return ready
        candidates = await self._read(dict.fromkeys(keys))
        per_request = n
        while len(candidates) < n:
            missing = [i for i, key in enumerate(keys) if key not in candidates]
            asked = [keys[i] for i in missing]
            if not self._in_flight.keys().isdisjoint(asked):  # by another caller: wait, then look again
                in_flight = [self._in_flight[key] for key in asked if key in self._in_flight]
                await asyncio.gather(*(event.wait() for event in in_flight))
                candidates |= await self._read(dict.fromkeys(asked))
                continue
            if per_request > 1:
                per_request = min(per_request, self._model.max_n or per_request)
            ranges = contiguous_ranges(missing, per_request)
            replies = await self._ask(prompt, sampling, keys, asked, ranges)
            # An endpoint that ignores n brings no more next time.
            per_request = max(map(len, replies))
            for reply in replies:
                candidates |= reply
        return [candidates[key] for key in keys]

    async def _ask(
        self, prompt: Prompt, sampling: Sampling, keys: list[bytes], asked: list[bytes], ranges: list[range]
    ) -> list[dict[bytes, Candidate]]:
        """Send one request for each range of keys. A reply may bring fewer candidates than its range.

        Args:
            prompt: The prompt.
            sampling: The sampling options of the first key.
            keys: The keys of the whole pool.
            asked: The keys within the ranges.
            ranges: Which of `keys` each request is for.
        """
        event = asyncio.Event()
        self._in_flight |= dict.fromkeys(asked, event)
        try:
            return await gather_or_cancel(
                self._request(prompt, sampling, keys[indices.start : indices.stop], indices.start)
                for indices in ranges
            )
        finally:
            for key in asked:
                del self._in_flight[key]
            event.set()

    async def _request(
        self, prompt: Prompt, sampling: Sampling, keys: list[bytes], first: int
    ) -> dict[bytes, Candidate]:
        own = dataclasses.replace(sampling, seed=sampling.seed + first) if first else sampling
        candidates = await self._model.sample(prompt, own, len(keys))
        reply = dict(zip(keys, candidates, strict=False))  # an endpoint that ignores n returns fewer
        finished = {key: candidate for key, candidate in reply.items() if candidate.error is None}
        if finished:
            reply |= await self._write(finished)
        return reply

    async def close(self) -> None:
        """Close the model. The store belongs to whoever opened it."""
        await self._model.close()


def keys_of(identity: str, prompt: Prompt, sampling: Sampling, n: int) -> list[bytes]:
    """Return the store's key for each of n candidates: a hash of everything that shapes the candidate.

    The keys of one prompt differ in the seed alone.
    """
    seedless = dataclasses.replace(sampling, seed=0) if sampling.seed else sampling
    shared = hashlib.sha256(msgspec.json.encode((_VERSION, identity, prompt, seedless)))
    keys = []
    for seed in range(sampling.seed, sampling.seed + n):
        own = shared.copy()
        own.update(b"%d" % seed)
        keys.append(own.digest())
    return keys


def contiguous_ranges(indices: list[int], longest: int) -> list[range]:
    """Split ascending indices into ranges of neighbours, none longer than `longest`."""
    if indices and longest > indices[-1] - indices[0] == len(indices) - 1:  # the usual case
        return [range(indices[0], indices[-1] + 1)]
    ranges = []
    start = stop = indices[0] if indices else 0
    for i in indices:
        if i != stop or i - start == longest:
            ranges.append(range(start, stop))
            start = i
        stop = i + 1
    return [*ranges, range(start, stop)] if indices else []
