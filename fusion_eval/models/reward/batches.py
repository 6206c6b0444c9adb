"""Score what waits at the same time in batches, in a thread: the part that models in this process share."""

from __future__ import annotations

import asyncio
import contextlib
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence

from fusion_eval.errors import ConfigError, RequestError
from fusion_eval.models.reward.conversation import reply_with
from fusion_eval.types import Candidate, Prompt, Sampling

_OUT_OF_MEMORY = ("out of memory", "allocate memory", "not enough memory")
"""What the messages of torch's allocators say, which are RuntimeErrors."""
Score = tuple[float, int] | RequestError
"""A score and its number of tokens, or why there is none."""


class BatchedScorer(ABC):
    """A model in this process that scores conversations, those that wait at the same time in batches.

    Args:
        name: The model's name on the Hugging Face hub, or its folder.
        identity: What tells its weights apart.
        batch_size: The most conversations in a batch.
    """

    chat = True
    max_n: int | None = 1

    def __init__(self, name: str, identity: str, batch_size: int) -> None:
        self.name, self.identity = name, identity
        self._batch_size = batch_size
        self._waiting: list[tuple[Prompt, asyncio.Future[tuple[float, int]]]] = []
        self._worker: asyncio.Task[None] | None = None

    async def sample(self, prompt: Prompt, sampling: Sampling, n: int) -> list[Candidate]:
        """Return the score of a conversation as the text of one reply.

        Raises:
            RequestError: The chat template or the tokenizer refuses the conversation.
            ConfigError: The model cannot be loaded, or the memory does not suffice.
        """
        started = time.perf_counter()
        done: asyncio.Future[tuple[float, int]] = asyncio.get_running_loop().create_future()
        self._waiting.append((prompt, done))
        if self._worker is None or self._worker.done():
            self._worker = asyncio.create_task(self._work())
        score, tokens = await done
        latency = time.perf_counter() - started
        return [reply_with(score, self.name, sampling.seed, tokens, latency, cost=0.0)]

    async def _work(self) -> None:
        """Score what waits, batch by batch."""
        while self._waiting:
            batch, self._waiting = self._waiting[: self._batch_size], self._waiting[self._batch_size :]
            try:
                scores = await asyncio.to_thread(self._scores, [prompt for prompt, _ in batch])
            except Exception as error:  # whatever it is, the callers must learn of it
                for _, done in batch:
                    if not done.done():
                        done.set_exception(error)
                continue
            for (_, done), score in zip(batch, scores, strict=True):
                if done.done():  # its caller was cancelled
                    continue
                if isinstance(score, RequestError):
                    done.set_exception(score)
                else:
                    done.set_result(score)

    @abstractmethod
    def _scores(self, conversations: Sequence[Prompt]) -> list[Score]:
        """Return the score of each conversation of a batch. It runs in a thread."""

    async def close(self) -> None:
        """Stop scoring what still waits."""
        if self._worker is not None:
            self._worker.cancel()


@contextlib.contextmanager
def enough_memory(scorer: str, advice: str) -> Iterator[None]:
    """Raise a ConfigError with `advice` where the block runs out of memory."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, MemoryError) or any(words in str(error) for words in _OUT_OF_MEMORY):
            raise ConfigError(f"scorer={scorer} ran out of memory; {advice}") from error
        raise
