"""Any model type of the harness (hf, vllm, sglang, …) in this process, called in batches.

Such a type takes all requests at once and returns only texts: it reports no finish reason, and most types take no
seed. A type that takes seeds (vllm, the OpenAI-like APIs) gets one for each candidate. For other types, the random
generators are seeded from the whole batch: the same batch gives the same texts, another batch may not.
"""

from __future__ import annotations

import hashlib
import inspect
import random
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from fusion_eval.errors import EndpointError, RequestError
from fusion_eval.models.lm_eval.batches import Batches, Worker
from fusion_eval.models.lm_eval.identity import identity_of, name_of
from fusion_eval.models.lm_eval.types import (
    arguments_of,
    class_of,
    create,
    has_chat_template,
    message_of,
    parts_of,
    takes_seed,
)
from fusion_eval.models.reasoning import split_reasoning
from fusion_eval.types import ALTERNATIVES, Candidate, Prompt, Sampling

_Request = tuple[Any, dict[str, Any]]
"""Context and generation options, as the harness's `generate_until` takes them."""


@dataclass(frozen=True, slots=True)
class _SampleCall:
    """The arguments of one call of `sample`, and when it was made."""

    prompt: Prompt
    sampling: Sampling
    n: int
    started: float


class HarnessModel:
    """A door to `inner`, an instance of the harness's `LM`.

    Candidates have an empty `finish_reason`, because the harness reports none. Their tokens are counted where
    `inner` has a tokenizer. An exception of `inner`, such as out of memory, is an `EndpointError` for its whole
    batch. A prompt that the chat template rejects is a `RequestError` for that prompt alone.

    Args:
        name: The name that users write.
        identity: What identifies the model in the store.
        inner: The harness's model. The attribute stays public for what only the harness model knows:
            log-likelihoods, rank, world size, device and gathering across ranks.
    """

    no_logprobs = True
    """The harness returns texts alone."""

    def __init__(self, name: str, identity: str, inner: Any) -> None:
        self.name, self.identity, self.inner = name, identity, inner
        self.chat = has_chat_template(inner)
        self.max_n: int | None = None
        self._takes_seed = takes_seed(inner)
        self._worker = Worker()
        self._batches: Batches[_SampleCall, list[Candidate]] = Batches(self._generate, self._worker)

    async def sample(self, prompt: Prompt, sampling: Sampling, n: int) -> list[Candidate]:
        """Return n candidates from the next batch. `inner` renders chat messages; `Prompt.text` stays as it is."""
        return await self._batches.submit(_SampleCall(prompt, sampling, n, time.perf_counter()))

    async def close(self) -> None:
        """End the thread. The inner model stays, and a later call starts another thread."""
        self._worker.stop()

    def _generate(self, calls: list[_SampleCall]) -> list[list[Candidate] | Exception]:
        contexts = [self._context(call.prompt) for call in calls]
        requests = [
            (context, self._options(call.sampling, call.sampling.seed + i))
            for call, context in zip(calls, contexts, strict=True)
            if not isinstance(context, RequestError)
            for i in range(call.n)
        ]
        _seed_generators(
            [(call.sampling, call.n, context) for call, context in zip(calls, contexts, strict=True)]
        )
        texts = iter(self._generate_until(requests))
        return [
            context
            if isinstance(context, RequestError)
            else self._candidates(call, context, [next(texts) for _ in range(call.n)])
            for call, context in zip(calls, contexts, strict=True)
        ]

    def _context(self, prompt: Prompt) -> Any:
        """Return what `inner` reads: the text, or the result of its `apply_chat_template`; an error if that fails."""
        if not prompt.messages:
            return prompt.text
        messages = [{"role": message.role, "content": message.content} for message in prompt.messages]
        begun = prompt.messages[-1].role == "assistant"  # the answer continues that message
        try:
            return self.inner.apply_chat_template(messages, add_generation_prompt=not begun)
        except Exception as error:
            return RequestError(f"{self.name} cannot render a chat prompt: {message_of(error)}")

    def _options(self, sampling: Sampling, seed: int) -> dict[str, Any]:
        options: dict[str, Any] = {
            "until": list(sampling.stop),
            "max_gen_toks": sampling.max_tokens,
            "do_sample": sampling.temperature > 0,
            "temperature": sampling.temperature,
        }
        if sampling.temperature > 0 and sampling.top_p is not None:
            options["top_p"] = sampling.top_p
        if sampling.temperature > 0 and self._takes_seed:
            options["seed"] = seed
        return options | {
            name: msgspec.json.decode(value) if isinstance(value, msgspec.Raw) else value
            for name, value in sampling.extra
            if name != ALTERNATIVES
        }

    def _generate_until(self, requests: list[_Request]) -> list[Any]:
        """Return `inner`'s texts, one per request."""
        from lm_eval.api.instance import Instance

        if not requests:
            return []
        method = self.inner.generate_until
        instances = [
            Instance("generate_until", doc={}, arguments=request, idx=i) for i, request in enumerate(requests)
        ]
        quiet = {"disable_tqdm": True} if "disable_tqdm" in inspect.signature(method).parameters else {}
        try:
            texts = list(method(instances, **quiet))
        except (Exception, SystemExit) as error:
            raise EndpointError(
                f"{self.name} failed on a batch of {len(requests)}: {message_of(error)}"
            ) from error
        if len(texts) != len(requests):
            raise EndpointError(f"{self.name} gave {len(texts)} results for {len(requests)} requests")
        return texts

    def _candidates(self, call: _SampleCall, context: Any, texts: list[Any]) -> list[Candidate]:
        latency = time.perf_counter() - call.started
        prompt_tokens = self._count_tokens(context)
        return [
            self._candidate(text, call.sampling.seed + i, 0 if i else prompt_tokens, latency)
            for i, text in enumerate(texts)
        ]

    def _candidate(self, written: Any, seed: int, prompt_tokens: int, latency: float) -> Candidate:
        is_text = isinstance(written, str)
        text, reasoning = split_reasoning(written) if is_text else ("", "")
        return Candidate(
            text=text,
            model=self.name,
            seed=seed,
            finish_reason="",
            prompt_tokens=prompt_tokens,
            completion_tokens=self._count_tokens(written, add_special_tokens=False),
            reasoning=reasoning,
            latency=latency,
            error=None if is_text else f"{self.name} gave no text",
        )

    def _count_tokens(self, text: Any, **options: bool) -> int:
        """Count tokens; return 0 where `inner` cannot (the API types return no token ids)."""
        try:
            tokens = self.inner.tok_encode(text, **options)
        except Exception:  # a missing count is no reason to lose a text that was paid for
            return 0
        counted = isinstance(tokens, list) and all(isinstance(token, int) for token in tokens)
        return len(tokens) if counted else 0


def open_harness(name: str, arguments: Mapping[str, object]) -> HarnessModel:
    """Open the model `lm_eval:TYPE,argument=value,…`.

    Args:
        name: The name that users write. Its own arguments win over `arguments`.
        arguments: Arguments that several models may share. None and those that the type does not take are ignored.

    Raises:
        ConfigError: The harness has no such type, or cannot create the model.
    """
    kind, own = parts_of(name)
    shared = {key: value for key, value in arguments.items() if value is not None and accepts(name, key)}
    combined = shared | own
    return HarnessModel(name_of(kind, combined), identity_of(kind, combined), create(kind, combined))


def accepts(name: str, argument: str) -> bool:
    """Return whether the model type of `name` takes this argument, by name or in its `**kwargs`."""
    arguments = arguments_of(class_of(parts_of(name)[0]))
    return arguments.any_other or argument in arguments.named


def names_argument(name: str, argument: str) -> bool:
    """Return whether the model type of `name` declares this argument by name, so that it cannot be a misspelling."""
    return argument in arguments_of(class_of(parts_of(name)[0])).named


def _seed_generators(batch: object) -> None:
    """Seed Python's random generator, and those of numpy and torch if they are imported."""
    seed = int.from_bytes(hashlib.sha256(repr(batch).encode()).digest()[:4], "big")
    random.seed(seed)
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed(seed)
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(seed)
