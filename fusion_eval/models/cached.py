"""A model that keeps its promise of n candidates and never asks twice: what is finished is in the store first."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import hashlib
import time
from collections.abc import Callable, Mapping
from typing import Generic, TypeVar

import msgspec

from fusion_eval.models import LikelihoodModel, Model
from fusion_eval.models.store.opening import PATIENCE, BusyStoreError
from fusion_eval.models.store.store import Store
from fusion_eval.models.together import gather_or_cancel
from fusion_eval.types import Candidate, Prompt, Sampling

T = TypeVar("T")

_BUSY = 0.05
"""Seconds between looks at a store that another process writes to."""
_LAST_TRIES = 10
"""Of a run that ends; the store itself waits half a second in each."""
_VERSION = 1
"""Raise it when the meaning of a stored candidate changes; old entries then miss."""


class Cached:
    """`model` behind `store`. Failed candidates are handed on and not stored."""

    def __init__(self, model: Model, store: Store) -> None:
        self.name, self.identity, self.chat = model.name, model.identity, model.chat
        self.max_n: int | None = None
        self._model, self._store = model, store
        self._keep: _OncePerTurn[Candidate] = _OncePerTurn(store.keep)
        self._find: _OncePerTurn[None] = _OncePerTurn(lambda keys: store.candidates(list(keys)))
        self._asked: dict[bytes, asyncio.Event] = {}

    async def sample(self, prompt: Prompt, sampling: Sampling, n: int) -> list[Candidate]:
        """Exactly n, failed ones marked; only those that the store lacks are asked for, until all are there."""
        keys = keys_of(self.identity, prompt, sampling, n)
        found = await self._find(dict.fromkeys(keys))
        longest = n
        while missing := [i for i, key in enumerate(keys) if key not in found]:
            asked = [self._asked[keys[i]] for i in missing if keys[i] in self._asked]
            if asked:  # the same prompt is under way elsewhere: wait, then look again
                await asyncio.gather(*(event.wait() for event in asked))
                found |= await self._find(dict.fromkeys(keys[i] for i in missing))
                continue
            parts = await self._ask(prompt, sampling, keys, missing, longest)
            longest = max(len(part) for part in parts)  # what one request brought is what the next can bring
            found |= {key: candidate for part in parts for key, candidate in part.items()}
        return [found[key] for key in keys]

    async def _ask(
        self, prompt: Prompt, sampling: Sampling, keys: list[bytes], missing: list[int], longest: int
    ) -> list[dict[bytes, Candidate]]:
        """What one request for each stretch of the missing ones brings, which may not be all of them."""
        event = asyncio.Event()
        self._asked |= {keys[i]: event for i in missing}
        try:
            return await gather_or_cancel(
                self._request(prompt, sampling, keys[stretch.start : stretch.stop], stretch.start)
                for stretch in stretches(missing, min(longest, self._model.max_n or longest))
            )
        finally:
            for i in missing:
                del self._asked[keys[i]]
            event.set()

    async def _request(
        self, prompt: Prompt, sampling: Sampling, keys: list[bytes], first: int
    ) -> dict[bytes, Candidate]:
        own = dataclasses.replace(sampling, seed=sampling.seed + first) if first else sampling
        candidates = await self._model.sample(prompt, own, len(keys))
        got = dict(zip(keys, candidates, strict=False))  # fewer, where the endpoint ignores n
        finished = {key: candidate for key, candidate in got.items() if candidate.error is None}
        return got | await self._keep(finished) if finished else got

    async def loglikelihood(self, context: str, continuation: str) -> tuple[float, bool]:
        """As the model's, remembered in the store."""
        key = hashlib.sha256(
            msgspec.json.encode((_VERSION, "loglikelihood", self.identity, context, continuation))
        ).digest()
        if not isinstance(self._model, LikelihoodModel):
            raise TypeError(f"{self.name} has no log-likelihoods")
        while key in self._asked:  # the same text is under way elsewhere
            await self._asked[key].wait()
        self._asked[key] = event = asyncio.Event()
        try:
            stored = await patiently(lambda: self._store.likelihood(key))
            if stored is not None:
                return stored
            value = await self._model.loglikelihood(context, continuation)
            return await patiently(lambda: self._store.keep_likelihood(key, value))
        finally:
            del self._asked[key]
            event.set()

    async def close(self) -> None:
        """Close the model; the store belongs to whoever opened it."""
        await self._model.close()


class _OncePerTurn(Generic[T]):
    """What is asked of the store in one turn of the event loop goes there as one statement, and one commit.

    It runs on the turn after, before anything that it wakes: an asker that finds nothing goes on before whoever writes
    that row later is told so, and so meets the sign in `_asked` that it is under way.
    """

    def __init__(self, statement: Callable[[dict[bytes, T]], dict[bytes, Candidate]]) -> None:
        self._statement = statement
        self._rows: dict[bytes, T] = {}
        self._waiting: list[asyncio.Future[dict[bytes, Candidate]]] = []
        self._later: asyncio.Task[None] | None = None

    async def __call__(self, rows: Mapping[bytes, T]) -> dict[bytes, Candidate]:
        """What the statement gives for `rows`, once it is done. Who is cancelled meanwhile takes no row back."""
        loop = asyncio.get_running_loop()
        if not self._waiting:
            loop.call_soon(self._run)
        self._rows |= rows
        done: asyncio.Future[dict[bytes, Candidate]] = loop.create_future()
        self._waiting.append(done)
        given = await done
        return {key: given[key] for key in rows if key in given}

    def _run(self) -> None:
        rows, waiting = self._rows, [done for done in self._waiting if not done.done()]
        self._rows, self._waiting = {}, []
        try:
            given = self._statement(rows)
        except BusyStoreError:
            self._later = asyncio.get_running_loop().create_task(self._run_patiently(rows, waiting))
        except Exception as error:  # whatever it is, nobody may be left waiting
            for done in waiting:
                done.set_exception(error)
        else:
            for done in waiting:
                done.set_result(given)

    async def _run_patiently(
        self, rows: dict[bytes, T], waiting: list[asyncio.Future[dict[bytes, Candidate]]]
    ) -> None:
        """Another process keeps the store busy: calls that are under way go on meanwhile."""
        try:
            given: dict[bytes, Candidate] | Exception = await patiently(lambda: self._statement(rows))
        except asyncio.CancelledError:  # the run ends, and these are paid for
            self._insist(rows)
            raise
        except Exception as error:
            given = error
        for done in waiting:
            if done.done():
                continue
            if isinstance(given, Exception):
                done.set_exception(given)
            else:
                done.set_result(given)

    def _insist(self, rows: dict[bytes, T]) -> None:
        for _ in range(_LAST_TRIES):
            with contextlib.suppress(BusyStoreError):
                self._statement(rows)
                return


async def patiently(statement: Callable[[], T]) -> T:
    """What it gives, tried again as long as another process keeps the store busy, up to `PATIENCE` seconds."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            return statement()
        except BusyStoreError:
            if time.monotonic() > end:
                raise
        await asyncio.sleep(_BUSY)


def keys_of(identity: str, prompt: Prompt, sampling: Sampling, n: int) -> list[bytes]:
    """A key per candidate, from everything that shapes it; the i-th differs from the first in its seed alone."""
    seedless = dataclasses.replace(sampling, seed=0) if sampling.seed else sampling
    shared = hashlib.sha256(msgspec.json.encode((_VERSION, identity, prompt, seedless)))
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
