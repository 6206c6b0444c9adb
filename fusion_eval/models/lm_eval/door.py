"""Any model type of the harness (hf, vllm, sglang, …) in the process, with requests answered in batches.

Such a type takes all requests at once and gives texts alone: there is no finish reason, and most types take no seed.
Where one does (vllm, the OpenAI-like APIs), each candidate is asked for with its own. Else the random generators are
seeded before a batch from all that the batch holds: the same batch gives the same texts, another may not.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import inspect
import random
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fusion_eval.errors import EndpointError, RequestError
from fusion_eval.models.lm_eval.batches import Batches, Worker
from fusion_eval.models.lm_eval.identity import identity_of, name_of
from fusion_eval.models.lm_eval.types import (
    arguments_of,
    class_of,
    has_chat_template,
    make,
    parts_of,
    reason,
    takes_seed,
)
from fusion_eval.models.reasoning import split_reasoning
from fusion_eval.types import Candidate, Prompt, Sampling


@dataclass(frozen=True, slots=True)
class _Draw:
    """One call of `sample`."""

    prompt: Prompt
    sampling: Sampling
    n: int
    asked_at: float


class HarnessModel:
    """`inner`, an instance of the harness's `LM`, as a door.

    `inner` is there for what only it can tell: rank, world size, device, gathering across ranks.
    `sample` leaves `finish_reason` empty, as the harness reports none, and counts tokens where `inner` has a
    tokenizer. What `inner` raises, out of memory or other, is an `EndpointError` for its whole batch; a prompt that
    its chat template refuses is a `RequestError` for that prompt alone.
    """

    def __init__(self, name: str, identity: str, inner: Any) -> None:
        self.name, self.identity, self.inner = name, identity, inner
        self.chat = has_chat_template(inner)
        self.max_n: int | None = None
        self._seeded = takes_seed(inner)
        self._worker = worker = Worker()  # one for all: `inner` is never called twice at once
        self._draws: Batches[_Draw, list[Candidate]] = Batches(self._generate, worker)
        self._likelihoods: Batches[tuple[Any, ...], Any] = Batches(
            functools.partial(self._call, "loglikelihood"), worker
        )

    async def sample(self, prompt: Prompt, sampling: Sampling, n: int) -> list[Candidate]:
        """n candidates, from the next batch. `Prompt.text` goes in as it is; messages are rendered by `inner`."""
        return await self._draws.ask(_Draw(prompt, sampling, n, time.perf_counter()))

    async def loglikelihood(self, context: str, continuation: str) -> tuple[float, bool]:
        """As `inner` computes it, from the next batch."""
        logprob, greedy = await self._likelihoods.ask((context, continuation))
        return float(logprob), bool(greedy)

    async def close(self) -> None:
        """End the thread; the inner model stays, and a later call starts another thread."""
        self._worker.stop()

    def _generate(self, draws: list[_Draw]) -> list[list[Candidate] | Exception]:
        contexts = [self._context(draw.prompt) for draw in draws]
        asked = [
            (context, self._options(draw.sampling, draw.sampling.seed + i))
            for draw, context in zip(draws, contexts, strict=True)
            if not isinstance(context, RequestError)
            for i in range(draw.n)
        ]
        _seed_generators(
            [(draw.sampling, draw.n, context) for draw, context in zip(draws, contexts, strict=True)]
        )
        texts = iter(self._call("generate_until", asked))
        return [
            context
            if isinstance(context, RequestError)
            else self._candidates(draw, context, [next(texts) for _ in range(draw.n)])
            for draw, context in zip(draws, contexts, strict=True)
        ]

    def _context(self, prompt: Prompt) -> Any:
        """What `inner` reads: text, or whatever its `apply_chat_template` makes; a `RequestError` where it refuses."""
        if not prompt.messages:
            return prompt.text
        messages = [dataclasses.asdict(message) for message in prompt.messages]
        opened = prompt.messages[-1].role == "assistant"  # then the answer goes on where that message ends
        try:
            return self.inner.apply_chat_template(messages, add_generation_prompt=not opened)
        except Exception as error:
            return RequestError(f"{self.name} cannot render a chat prompt: {reason(error)}")

    def _options(self, sampling: Sampling, seed: int) -> dict[str, Any]:
        options: dict[str, Any] = {
            "until": list(sampling.stop),
            "max_gen_toks": sampling.max_tokens,
            "do_sample": sampling.temperature > 0,
            "temperature": sampling.temperature,
        }
        if sampling.temperature > 0 and sampling.top_p is not None:
            options["top_p"] = sampling.top_p
        if sampling.temperature > 0 and self._seeded:
            options["seed"] = seed
        return options | dict(sampling.extra)

    def _call(self, kind: str, asked: Sequence[tuple[Any, ...]]) -> list[Any]:
        """`inner`'s results for one batch, one per item."""
        from lm_eval.api.instance import Instance

        if not asked:
            return []
        method = getattr(self.inner, kind)
        instances = [Instance(kind, doc={}, arguments=one, idx=i) for i, one in enumerate(asked)]
        quiet = {"disable_tqdm": True} if "disable_tqdm" in inspect.signature(method).parameters else {}
        try:
            results = list(method(instances, **quiet))
        except (Exception, SystemExit) as error:
            raise EndpointError(f"{self.name} failed on a batch of {len(asked)}: {reason(error)}") from error
        if len(results) != len(asked):
            raise EndpointError(f"{self.name} gave {len(results)} results for {len(asked)} requests")
        return results

    def _candidates(self, draw: _Draw, context: Any, texts: list[Any]) -> list[Candidate]:
        latency = time.perf_counter() - draw.asked_at
        prompt_tokens = self._tokens(context)
        return [
            self._candidate(text, draw.sampling.seed + i, 0 if i else prompt_tokens, latency)
            for i, text in enumerate(texts)
        ]

    def _candidate(self, written: Any, seed: int, prompt_tokens: int, latency: float) -> Candidate:
        told = isinstance(written, str)
        text, thought = split_reasoning(written) if told else ("", "")
        return Candidate(
            text=text,
            model=self.name,
            seed=seed,
            finish_reason="",
            prompt_tokens=prompt_tokens,
            completion_tokens=self._tokens(written, add_special_tokens=False),
            reasoning=thought,
            latency=latency,
            error=None if told else f"{self.name} gave no text",
        )

    def _tokens(self, text: Any, **options: bool) -> int:
        """Length in tokens; 0 where `inner` cannot tell (the types behind an API return no token ids)."""
        try:
            tokens = self.inner.tok_encode(text, **options)
        except Exception:  # a count is no reason to lose a text that was paid for
            return 0
        return (
            len(tokens) if isinstance(tokens, list) and all(isinstance(token, int) for token in tokens) else 0
        )


def open_harness(name: str, arguments: Mapping[str, object]) -> HarnessModel:
    """The model `lm_eval:TYPE,argument=value,…`; `arguments` are those that came apart from the name.

    Where both set one, the name's own wins. Of `arguments`, None and what the type has no use for are left out, as
    several models may share them. Raises `ConfigError` where there is no such type or it cannot be made.
    """
    kind, own = parts_of(name)
    given = {key: value for key, value in arguments.items() if value is not None and accepts(name, key)} | own
    return HarnessModel(name_of(kind, given), identity_of(kind, given), make(kind, given))


def accepts(name: str, argument: str) -> bool:
    """Whether the model type of `name` can be given this argument at all: by name, or among its `**kwargs`."""
    arguments = arguments_of(class_of(parts_of(name)[0]))
    return arguments.others or argument in arguments.named


def names_argument(name: str, argument: str) -> bool:
    """Whether the model type of `name` spells this argument out, so that it is certainly no slip of the pen."""
    return argument in arguments_of(class_of(parts_of(name)[0])).named


def _seed_generators(batch: object) -> None:
    """Python's generator, and those of numpy and torch where something has imported them already."""
    seed = int.from_bytes(hashlib.sha256(repr(batch).encode()).digest()[:4], "big")
    random.seed(seed)
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed(seed)
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(seed)
