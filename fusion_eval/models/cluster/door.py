"""The door to a model in the Ray cluster: it collects requests and sends them as one batch."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from fusion_eval.errors import ContextOverflowError, EndpointError, RequestError
from fusion_eval.models.cluster.names import read_engine_name
from fusion_eval.models.cluster.processor import VllmProcessor
from fusion_eval.models.cluster.rows import Reply, request_row
from fusion_eval.models.lm_eval.batches import Worker
from fusion_eval.models.openai.errors import OVERFLOW
from fusion_eval.models.reasoning import split_reasoning
from fusion_eval.models.together import gather_or_cancel
from fusion_eval.text.redaction import safe_message
from fusion_eval.types import Candidate, Prompt, Sampling

QUIET = 1.0
"""Seconds without a new request after which a batch counts as complete. Each batch loads the model anew."""

Answer = Callable[[Sequence[dict[str, Any]]], Iterator[Reply]]
_Waiting = tuple[dict[str, Any], "asyncio.Future[Reply]"]


class ClusterModel:
    """A model that answers in batches. Each reply is delivered when it comes, so that the store keeps it at once.

    vLLM's batch inference reports no finish reason: an answer of `max_tokens` tokens counts as cut off.

    Args:
        name: The model's name.
        identity: What tells its answers apart in the store.
        chat: Whether requests hold chat messages.
        answer: Yields the replies to a batch of rows. It runs in a thread.
    """

    max_n: int | None = None
    no_logprobs = True
    """The rows hold texts alone."""

    def __init__(self, name: str, identity: str, chat: bool, answer: Answer) -> None:
        self.name, self.identity, self.chat = name, identity, chat
        self._answer, self._worker = answer, Worker()
        self._waiting: list[_Waiting] = []
        self._sender: asyncio.Task[None] | None = None

    async def sample(self, prompt: Prompt, sampling: Sampling, n: int) -> list[Candidate]:
        """Return n candidates from the next batch.

        Raises:
            RequestError: The engine refuses the request.
            EndpointError: The engine fails.
        """
        started = time.perf_counter()
        rows = [request_row(prompt, sampling, sampling.seed + i, chat=self.chat) for i in range(n)]
        replies = await gather_or_cancel(self._reply(row) for row in rows)
        if all(reply.error for reply in replies):
            raise self._refusal(replies[0].error)
        latency = time.perf_counter() - started
        return [self._candidate(reply, sampling, i, latency) for i, reply in enumerate(replies)]

    async def _reply(self, row: dict[str, Any]) -> Reply:
        loop = asyncio.get_running_loop()
        if self._sender is None or self._sender.done() or self._sender.get_loop() is not loop:
            self._waiting = []  # requests left over belong to an event loop that is gone
            self._sender = loop.create_task(self._send_batches())
        future: asyncio.Future[Reply] = loop.create_future()
        self._waiting.append((row, future))
        return await future

    async def _send_batches(self) -> None:
        while self._waiting:
            before = -1
            while before != len(self._waiting):
                before = len(self._waiting)
                await asyncio.sleep(QUIET)
            batch = [one for one in self._waiting if not one[1].done()]  # done: cancelled
            self._waiting = []
            if batch:
                await self._send(batch)

    async def _send(self, batch: list[_Waiting]) -> None:
        loop = asyncio.get_running_loop()
        futures = [future for _, future in batch]

        def work() -> None:
            for reply in self._answer([row for row, _ in batch]):
                loop.call_soon_threadsafe(_deliver, futures[reply.place], reply)

        failure: Exception = EndpointError(f"{self.name}: the Ray cluster returned no answer to a request")
        try:
            await self._worker.run(work)
        except Exception as error:
            failure = error
        for future in futures:
            _deliver(future, failure)

    def _refusal(self, error: str) -> RequestError:
        if OVERFLOW.search(error):
            return ContextOverflowError(f"The prompt is too long for {self.name}: {safe_message(error)}")
        return RequestError(f"{self.name} refused a request: {safe_message(error)}")

    def _candidate(self, reply: Reply, sampling: Sampling, place: int, latency: float) -> Candidate:
        text, reasoning = split_reasoning(reply.text)
        finished = "length" if reply.completion_tokens >= sampling.max_tokens else "stop"
        return Candidate(
            text=text,
            model=self.name,
            seed=sampling.seed + place,
            finish_reason="error" if reply.error else finished,
            prompt_tokens=0 if place else reply.prompt_tokens,
            completion_tokens=reply.completion_tokens,
            reasoning=reasoning,
            latency=latency,
            error=safe_message(reply.error) if reply.error else None,
        )

    async def close(self) -> None:
        """End the thread after the batch in work."""
        self._worker.stop()


def open_cluster_model(name: str, *, chat: bool, replicas: int | None = None) -> ClusterModel:
    """Open the model `vllm:NAME`. Nothing is sent to the cluster yet.

    Args:
        name: The name that users write.
        chat: Whether requests hold chat messages.
        replicas: The most engines; None is as many as the cluster's GPUs are enough for.

    Raises:
        ConfigError: The name is wrong.
    """
    engine = read_engine_name(name)
    processor = VllmProcessor(engine, chat=chat, replicas=replicas)
    return ClusterModel(engine.model, engine.identity(chat=chat), chat, processor.replies)


def _deliver(future: asyncio.Future[Reply], result: Reply | Exception) -> None:
    if future.done():
        return
    if isinstance(result, Exception):
        future.set_exception(result)
    else:
        future.set_result(result)
